import { join } from "node:path";
import { isNameHere, isNameOnWindows } from "../../hosts/folder-paths.ts";
import type { Artifact, RecordKind, StrayFile } from "../../model/artifact.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import type { DirectoryEntry, FileSystem } from "../../platform/file-system.ts";
import { copiedRecordID } from "../../records/copied-name.ts";

/** The folder below the data directory in which opencode 1.0-1.1 keeps its records. */
export const STORAGE = "storage";

/** A record id that can be a file name and cannot lead to another folder. */
const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

export function isPlainID(id: string): boolean {
  return PLAIN_ID.test(id) && !id.includes("..") && isNameOnWindows(id);
}

/**
 * Whether a name that a user gave, or that is in a file, can only mean an entry of one folder, and cannot lead out of
 * that folder.
 */
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

/** How opencode understands one file that it lists in a message, part or session folder. */
export interface ListedFile {
  /** The path of the file relative to the listed folder, with `/` as separator. */
  readonly name: string;
  /** The id that opencode derives from the name. */
  readonly id: string;
  readonly isRecord: boolean;
}

/** What opencode 1.0-1.1 finds in a folder of records. */
export interface ListedFolder {
  /** The files that opencode lists. */
  readonly files: readonly ListedFile[];
  /** The names of symbolic links and of folders without files. opencode lists none of them. */
  readonly unlisted: readonly string[];
}

/**
 * Lists a folder as opencode 1.0-1.1 does: files in all subfolders, without dot-files and symbolic links. opencode
 * assumes that each name ends in `.json`, and cuts off the last five characters (Storage.list, 1.0.152 and 1.1.65).
 * `null` if there is no such folder.
 */
export async function listFolder(files: FileSystem, dataDir: string, folder: string): Promise<ListedFolder | null> {
  const entries = await files.list(join(dataDir, folder));
  if (entries === null) return null;
  const listed: ListedFile[] = [];
  const unlisted: string[] = [];
  for (const entry of visibleEntries(entries)) {
    if (entry.type === "file") listed.push(asListed(entry.name));
    else if (entry.type === "directory") {
      const below = (await listFolder(files, dataDir, `${folder}/${entry.name}`))?.files ?? [];
      for (const file of below) listed.push(asListed(`${entry.name}/${file.name}`));
      if (below.length === 0) unlisted.push(entry.name);
    } else if (entry.type === "symlink") unlisted.push(entry.name);
  }
  return { files: listed, unlisted };
}

/** The files that opencode 1.0-1.1 lists in a folder of records; `null` if there is no such folder. */
export async function listRecordFiles(
  files: FileSystem,
  dataDir: string,
  folder: string,
): Promise<readonly ListedFile[] | null> {
  return (await listFolder(files, dataDir, folder))?.files ?? null;
}

/**
 * The names of a folder's unlisted entries in the places of records, by the beginning of the ids of these records. A
 * name that a sync program gives to a copy is not the place of a record.
 */
export function inPlaceOfRecords({ unlisted }: ListedFolder, prefix: "ses" | "msg" | "prt"): string[] {
  return unlisted.filter(
    (name) => name.startsWith(prefix) && name.endsWith(".json") && copiedRecordID(name.slice(0, -5)) === null,
  );
}

/** The entries that opencode lists. Bun's glob, which opencode uses, leaves out names that begin with a dot. */
export function visibleEntries(entries: readonly DirectoryEntry[]): DirectoryEntry[] {
  return entries.filter((entry) => !entry.name.startsWith("."));
}

function asListed(name: string): ListedFile {
  return { name, id: name.slice(0, -5), isRecord: name.endsWith(".json") };
}

type StrayName = Exclude<StrayFile, { outcome: "copy" }>;

/**
 * What happens when opencode looks for a record by the id that it makes from the path of a stray file. opencode cuts
 * the last five characters off that path. In a part folder, the rest is the id. In a message folder, the id is the
 * first name in the rest, and must begin with `msg`.
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
 * Whether a file in a message folder is a record. opencode takes the first part of the path as the id, and that id must
 * begin with `msg`. So only a file at the top level of the folder can be a record.
 */
export function isMessageRecord(file: ListedFile): boolean {
  return file.isRecord && !file.name.includes("/") && file.name.startsWith("msg");
}

export function fileArtifact(kind: RecordKind, sessionID: string | null, path: string): Artifact {
  const slash = path.lastIndexOf("/");
  return namedArtifact(kind, sessionID, path.slice(0, slash), path.slice(slash + 1));
}

/** Makes the {@link Artifact} (a record and its place) for the file with this name in this folder. */
export function namedArtifact(kind: RecordKind, sessionID: string | null, folder: string, name: string): Artifact {
  const recordID = name.endsWith(".json") ? name.slice(0, -5) : name;
  return { kind, sessionID, recordID, locator: { path: `${folder}/${name}` } };
}

/** The path of a store: the database, or the folder of JSON files. */
export function placeOf({ database, dataDir }: StoreDescription): string {
  return database ?? join(dataDir, STORAGE);
}
