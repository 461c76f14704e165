import { join } from "node:path";
import { LARGEST_LOADED_BYTES, type RecordKind } from "../../model/artifact.ts";
import { errnoCode, type FileSystem } from "../../platform/file-system.ts";
import {
  numberIn,
  parseDocument,
  type SessionFacts,
  type StoredDocument,
  type StoredMessage,
  textIn,
  unknownSession,
} from "../conversation.ts";
import { fileArtifact, isMessageRecord, listRecordFiles, messageFolder, partFolder, STORAGE } from "./layout.ts";

/** Reads one file exactly as it is; `null` if the file does not exist. */
export async function readFileDocument(
  files: FileSystem,
  dataDir: string,
  kind: RecordKind,
  path: string,
): Promise<StoredDocument | null> {
  const full = join(dataDir, path);
  const found = await files.stat(full);
  if (found?.type !== "file") return null;
  const { recordID, locator } = fileArtifact(kind, null, path);
  const common = {
    recordID: recordID ?? "",
    locator,
    storage: "file" as const,
    size: found.size,
    timeMs: found.mtimeMs,
    updatedMs: null,
  };
  try {
    const bytes = await files.read(full, LARGEST_LOADED_BYTES);
    if (bytes === "absent") return null;
    return bytes === "too-large" ? { ...common, bytes: null } : { ...common, size: bytes.length, bytes };
  } catch (error) {
    if (errnoCode(error) === null) throw error;
    return { ...common, bytes: null };
  }
}

/** The messages of a session in the order of their ids, which is the order of opencode 1.0-1.1. */
export async function* readFileMessages(
  files: FileSystem,
  dataDir: string,
  sessionID: string,
): AsyncIterable<StoredMessage> {
  const folder = messageFolder(sessionID);
  const listed = ((await listRecordFiles(files, dataDir, folder)) ?? []).filter(isMessageRecord);
  for (const { id, name } of listed.sort(byID)) {
    yield {
      messageID: id,
      document: await readFileDocument(files, dataDir, "message", `${folder}/${name}`),
      parts: await readFileParts(files, dataDir, id),
    };
  }
}

/** The ids of a session's messages, from the names of their files. */
export async function readFileMessageIDs(files: FileSystem, dataDir: string, sessionID: string): Promise<string[]> {
  const listed = (await listRecordFiles(files, dataDir, messageFolder(sessionID))) ?? [];
  return listed.filter(isMessageRecord).map(({ id }) => id);
}

/** The parts of a message in the order of their ids, even if the message has no record. */
export async function readFileParts(files: FileSystem, dataDir: string, messageID: string): Promise<StoredDocument[]> {
  const folder = partFolder(messageID);
  const listed = ((await listRecordFiles(files, dataDir, folder)) ?? []).filter((file) => file.isRecord);
  const parts: StoredDocument[] = [];
  for (const { name } of listed.sort(byID)) {
    const part = await readFileDocument(files, dataDir, "part", `${folder}/${name}`);
    if (part !== null) parts.push(part);
  }
  return parts;
}

function byID(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

/**
 * What the file of a session says. The project is taken from the folder of the file, because opencode does the same.
 */
export async function readFileFacts(
  files: FileSystem,
  dataDir: string,
  id: string,
  projectID: string,
): Promise<SessionFacts> {
  const document = await readFileDocument(files, dataDir, "session", `${STORAGE}/session/${projectID}/${id}.json`);
  const parsed = document === null ? null : parseDocument(document);
  if (parsed?.ok !== true) return { ...unknownSession(id, projectID), updatedMs: document?.timeMs ?? null };
  const { value } = parsed;
  return {
    id,
    projectID,
    parentID: textIn(value, "parentID"),
    title: textIn(value, "title"),
    directory: textIn(value, "directory"),
    version: textIn(value, "version"),
    createdMs: numberIn(value, "time", "created"),
    updatedMs: numberIn(value, "time", "updated"),
    archivedMs: numberIn(value, "time", "archived"),
    hasRecord: true,
  };
}
