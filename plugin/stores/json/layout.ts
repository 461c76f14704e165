import { join } from "node:path";
import { isNameHere, isNameOnWindows } from "../../hosts/folder-paths.ts";
import type { Artifact, RecordKind, StrayFile } from "../../model/artifact.ts";
import type { DirectoryEntry, FileSystem } from "../../platform/file-system.ts";

/** Where opencode 1.0-1.1 keeps each kind of record, below the data directory. */
export const STORAGE = "storage";

/** A record id becomes part of a path only if it cannot lead to another folder. */
const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

export function isPlainID(id: string): boolean {
  return PLAIN_ID.test(id) && !id.includes("..") && isNameOnWindows(id);
}

/** Whether a requested name is that of one entry of a folder, and cannot lead out of it. */
export function isEntryName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\\0]/.test(name) && isNameHere(name);
}

export function sessionFolder(projectID: string): string {
  return `${STORAGE}/session/${projectID}`;
}

export function messageFolder(sessionID: string): string {
  return `${STORAGE}/message/${sessionID}`;
}

export function partFolder(messageID: string): string {
  return `${STORAGE}/part/${messageID}`;
}

/** How a host understands one file that it lists in a message, part or session folder. */
export interface ListedFile {
  /** Relative to the listed folder, with `/`. */
  readonly name: string;
  /** The id that the host derives from the name. */
  readonly id: string;
  readonly isRecord: boolean;
}

/**
 * The files of a folder as opencode 1.0-1.1 lists them: `**\/*`, files only, no dot-files, no symbolic links, the last
 * five characters of a name cut off (Storage.list, 1.0.152 and 1.1.65). `null` if there is no such folder.
 */
export async function listRecordFiles(
  files: FileSystem,
  dataDir: string,
  folder: string,
): Promise<ListedFile[] | null> {
  const entries = await files.list(join(dataDir, folder));
  if (entries === null) return null;
  const listed: ListedFile[] = [];
  for (const entry of visibleEntries(entries)) {
    if (entry.type === "file") listed.push(asListed(entry.name));
    else if (entry.type === "directory") {
      const below = await listRecordFiles(files, dataDir, `${folder}/${entry.name}`);
      for (const file of below ?? []) listed.push(asListed(`${entry.name}/${file.name}`));
    }
  }
  return listed;
}

/** Bun's glob, with which the hosts list, leaves out names that begin with a dot. */
export function visibleEntries(entries: readonly DirectoryEntry[]): DirectoryEntry[] {
  return entries.filter((entry) => !entry.name.startsWith("."));
}

function asListed(name: string): ListedFile {
  return { name, id: name.slice(0, -5), isRecord: name.endsWith(".json") };
}

type StrayName = Exclude<StrayFile, { outcome: "copy" }>;

/**
 * The host's reaction when it reads the record that it derived from a stray name. Message ids are the first path
 * component of the cut name and must begin with `msg`; part ids are the whole cut path.
 */
export function strayOutcome(
  folder: StrayName["folder"],
  file: ListedFile,
  records: ReadonlySet<string>,
): StrayName["outcome"] {
  const id = folder === "message" ? (file.id.split("/")[0] ?? "") : file.id;
  if (folder === "message" && !id.startsWith("msg")) return "wrong-prefix";
  return records.has(`${id}.json`) ? "read-twice" : "not-found";
}

/**
 * In a message folder, only a file at the top level is a record, because the host takes the first part of its path as
 * the id. That id must begin with `msg`.
 */
export function isMessageRecord(file: ListedFile): boolean {
  return file.isRecord && !file.name.includes("/") && file.name.startsWith("msg");
}

export function fileArtifact(kind: RecordKind, sessionID: string | null, path: string): Artifact {
  const slash = path.lastIndexOf("/");
  return namedArtifact(kind, sessionID, path.slice(0, slash), path.slice(slash + 1));
}

/** The artifact of a file by its folder and its name. */
export function namedArtifact(kind: RecordKind, sessionID: string | null, folder: string, name: string): Artifact {
  const recordID = name.endsWith(".json") ? name.slice(0, -5) : name;
  return { kind, sessionID, recordID, locator: { path: `${folder}/${name}` } };
}
