import { dirname, join } from "node:path";
import type { FileSystem } from "./file-system.ts";

/**
 * The mode of folders in quarantine. These folders hold the content of sessions, so only their owner may read them,
 * whatever the umask.
 */
const PRIVATE_DIRECTORY = 0o700;
export const PRIVATE_FILE = 0o600;

/** Creates a folder and its missing parents below an existing `root`. Each folder is private and forced to disk. */
export async function makePrivateDirectory(files: FileSystem, root: string, ...names: string[]): Promise<string> {
  let path = root;
  for (const name of names) {
    const parent = path;
    path = join(path, name);
    if (await makePlainDirectory(files, path, name)) await files.syncDirectory(parent);
  }
  return path;
}

/** Creates one folder. `false` if the folder exists already. */
async function makePlainDirectory(files: FileSystem, path: string, name: string): Promise<boolean> {
  while (!(await files.makeDirectory(path, PRIVATE_DIRECTORY))) {
    const found = await files.stat(path);
    if (found?.type === "directory") return false;
    // Another process may have removed the empty folder between these two calls, so the creation is tried again.
    if (found !== null) throw new NotAFolderError(name);
  }
  return true;
}

/** A path in the quarantine is a file or a symbolic link where an ordinary folder is expected. */
export class NotAFolderError extends Error {
  constructor(name: string) {
    super(`"${name}" in the quarantine is not a folder.`);
    this.name = "NotAFolderError";
  }
}

/**
 * Replaces a file's content in one step, by a rename. At every moment, even after a crash, the path holds the old or
 * the new bytes. With `unforced`, the path may hold neither after a power loss. Only one writer may call this function
 * for a path at a time.
 */
export async function replaceFile(
  files: FileSystem,
  path: string,
  bytes: Uint8Array,
  how: "forced" | "unforced" = "forced",
): Promise<void> {
  const temporary = temporaryFor(path);
  await removeUnfinished(files, path);
  try {
    await files.writeNew(temporary, bytes, PRIVATE_FILE);
    await files.rename(temporary, path);
  } catch (error) {
    await files.unlink(temporary).catch(() => undefined);
    throw error;
  }
  if (how === "forced") await files.syncDirectory(dirname(path));
}

function temporaryFor(path: string): string {
  return `${path}.tmp`;
}

/** Removes the file that a crash during {@link replaceFile} left for this path. */
export async function removeUnfinished(files: FileSystem, path: string): Promise<void> {
  if ((await files.stat(temporaryFor(path))) !== null) await files.unlink(temporaryFor(path));
}
