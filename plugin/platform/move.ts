import { basename, dirname, join } from "node:path";
import { PRIVATE_FILE } from "./durable.ts";
import { errnoCode, type FileSystem } from "./file-system.ts";
import { hashFile } from "./hash.ts";
import { isReadOnly } from "./read-only-files.ts";

/** The destination of a move exists already, so nothing was moved. */
export class OccupiedError extends Error {
  constructor() {
    super("The destination is already there.");
    this.name = "OccupiedError";
  }
}

/** The file changed while it was copied to another file system, so nothing was moved. */
export class ChangedWhileCopiedError extends Error {
  constructor() {
    super("The file changed while this tool copied it.");
    this.name = "ChangedWhileCopiedError";
  }
}

/**
 * Error codes of file systems without hard links. On exFAT and FAT, Windows reports "incorrect function", which Node
 * calls EISDIR.
 */
const NO_HARD_LINKS = new Set(["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EISDIR", "EINVAL"]);

/**
 * Moves a file to another file system. The file is copied under a name that opencode does not list, and compared. Then
 * the copy is renamed, and the original is removed.
 */
async function moveAcross(files: FileSystem, from: string, to: string): Promise<void> {
  const before = await files.stat(from);
  const aside = join(dirname(to), `.${basename(to)}.moving`);
  // If this file exists, an earlier attempt that crashed has left it.
  if ((await files.stat(aside)) !== null) await files.unlink(aside);
  try {
    await files.copyNew(from, aside, before?.mode ?? 0o600);
    await files.syncFile(aside);
    const [source, copy] = [await hashFile(files, from), await hashFile(files, aside)];
    if (source.sha256 !== copy.sha256) throw new ChangedWhileCopiedError();
    await moveNoClobber(files, aside, to);
  } catch (error) {
    await files.unlink(aside).catch(() => undefined);
    throw error;
  }
  await files.unlink(from);
  await files.syncDirectory(dirname(from));
}

/**
 * Moves a file on a file system without hard links, and never overwrites. First an empty file is created at the free
 * path, which only one process can do. Then the file is renamed onto that empty file. After a crash between the two
 * steps, the empty file is there and the original is in its old place.
 */
async function moveOntoOwn(files: FileSystem, from: string, to: string): Promise<void> {
  const moved = await files.stat(from);
  try {
    // The new file must be writable, because Windows does not replace a read-only file.
    await files.writeNew(to, EMPTY, (moved?.mode ?? 0) | PRIVATE_FILE);
  } catch (error) {
    if (errnoCode(error) === "EEXIST") throw new OccupiedError();
    throw error;
  }
  try {
    await files.rename(from, to);
  } catch (error) {
    // The empty file is removed again. If another process has written to it, the file is kept.
    if ((await files.stat(to))?.size === 0) await files.unlink(to).catch(() => undefined);
    throw error;
  }
  await files.syncDirectory(dirname(to));
  await files.syncDirectory(dirname(from));
}

const EMPTY = new Uint8Array();

/**
 * Moves a file to a path that must be free, and never overwrites. The move uses a hard link and unlink if the file
 * system has hard links. Otherwise the file is renamed onto an empty file that is created at the path. Between two file
 * systems, the file is copied and both hashes are compared before the source is removed.
 * @throws OccupiedError, ChangedWhileCopiedError, or the errno error of the failing step
 */
export async function moveNoClobber(files: FileSystem, from: string, to: string): Promise<void> {
  const way = await moveByLink(files, from, to);
  if (way === "other-file-system") {
    if ((await files.stat(to)) !== null) throw new OccupiedError();
    await moveAcross(files, from, to);
  } else if (way === "no-links") await moveOntoOwn(files, from, to);
}

/**
 * Moves a file to a path that must be free, with a hard link and unlink. If the file system has no hard links, or the
 * path is on another file system, nothing is moved.
 * @throws OccupiedError, or the errno error of the failing step
 */
export async function moveByLink(
  files: FileSystem,
  from: string,
  to: string,
): Promise<"moved" | "no-links" | "other-file-system"> {
  try {
    await files.link(from, to);
  } catch (error) {
    const code = errnoCode(error);
    if (code === "EEXIST") throw new OccupiedError();
    if (code === "EXDEV") return "other-file-system";
    if (code === null || !NO_HARD_LINKS.has(code)) throw error;
    return "no-links";
  }
  await files.syncDirectory(dirname(to));
  const linked = await files.stat(to);
  await files.unlink(from);
  if (linked !== null && isReadOnly(linked.mode)) await keepMode(files, to, linked.mode);
  await files.syncDirectory(dirname(from));
  return "moved";
}

/**
 * Restores the mode of a file after one of its names was removed. When a name is removed, Windows removes the read-only
 * attribute from the file's other names too.
 */
async function keepMode(files: FileSystem, path: string, mode: number): Promise<void> {
  const left = await files.stat(path);
  if (left !== null && left.mode !== mode) await files.chmod(path, mode);
}
