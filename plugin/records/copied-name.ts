import { type Artifact, isFileLocator } from "../model/artifact.ts";

/**
 * An id of opencode (of a project: the hash of a commit, or `global`), followed by text that no id contains, as in the names of copied files. ownCloud adds
 * `_conflict-DATE`.
 */
const COPIED = /^((?:ses|msg|prt)_[A-Za-z0-9]+|[0-9a-f]{40}|global)(?:[^A-Za-z0-9_]|_[Cc]onflict\b).*$/s;

/** A complete id of opencode with any text around it: `Copy of ses_x`, `~ses_x`, `msg_x_BACKUP_123`, `prt_x2`. */
const AROUND_WHOLE_ID = /(?:^|[^A-Za-z0-9])((?:ses|msg|prt)_[0-9a-f]{12}[A-Za-z0-9]{14}|[0-9a-f]{40})/;

/**
 * The number of folders in the path of a record's file: `storage`, the kind, and the project, session or message. The
 * record of a project has one folder less.
 */
const FOLDERS_OF_RECORD = 3;

/**
 * Returns the id of the copied record if the name of a file looks like that of a copy, otherwise `null`. Sync tools and
 * people give copies such names as `ses_x.sync-conflict-20260105-101112-ABCDEFG`, `prt_x (conflicted copy)` or `Copy of
 * msg_x`.
 */
export function copiedRecordID(recordID: string): string | null {
  const id = COPIED.exec(recordID)?.[1] ?? AROUND_WHOLE_ID.exec(recordID)?.[1] ?? null;
  return id === recordID ? null : id;
}

/**
 * Whether a file is a copy of a record. There are two kinds of copies. A copy beside the record has a name such as sync
 * tools give to copies, and the id inside the file differs from that name. A copy with the record's own name is in a
 * subfolder, where opencode also reads files (measured on 1.1.65).
 */
export function isNamedAsCopy(artifact: Artifact, value: unknown): boolean {
  const { recordID, locator } = artifact;
  if (recordID === null || !isFileLocator(locator)) return false;
  return idIn(value) === recordID ? isBelowItsFolder(locator.path) : statesOtherID(artifact, value);
}

/** Whether a record's file has the name of a copy, and states another record's id. */
export function statesOtherID({ recordID }: Artifact, value: unknown): boolean {
  const id = idIn(value);
  return id !== undefined && id !== recordID && recordID !== null && copiedRecordID(recordID) !== null;
}

function idIn(value: unknown): unknown {
  return typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
}

/** Whether a file is in a subfolder that opencode did not make. */
export function isBelowItsFolder(path: string): boolean {
  // The slashes are counted without making a list of the folders, because this function is called for every file.
  let slash = -1;
  for (let folders = 0; folders <= FOLDERS_OF_RECORD; folders += 1) {
    slash = path.indexOf("/", slash + 1);
    if (slash === -1) return false;
  }
  return true;
}

/** The folder in which opencode would keep a record's file. */
export function folderOfRecord(path: string): string {
  const names = path.split("/");
  return names.slice(0, Math.min(FOLDERS_OF_RECORD, names.length - 1)).join("/");
}
