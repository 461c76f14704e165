import { basename, dirname, join } from "node:path";
import { PRIVATE_FILE } from "./durable.ts";
import { errnoCode, type FileSystem } from "./file-system.ts";
import { hashFile } from "./hash.ts";
import { isReadOnly } from "./read-only-files.ts";

/** The destination exists already: nothing was moved. */
export class OccupiedError extends Error {
  constructor() {
    super("The destination is already there.");
    this.name = "OccupiedError";
  }
}

/** The file changed while it was copied to another file system: nothing was moved. */
export class ChangedWhileCopiedError extends Error {
  constructor() {
    super("The file changed while this tool copied it.");
    this.name = "ChangedWhileCopiedError";
  }
}

/**
 * Error codes for a file system without hard links. On exFAT and FAT, Windows reports a wrong function (EISDIR in
 * Node).
 */
const NO_HARD_LINKS = new Set(["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EISDIR", "EINVAL"]);

/**
 * Moves a file to another file system. The file is copied under a name that hosts do not list, compared, and renamed
 * into place.
 */
async function moveAcross(files: FileSystem, from: string, to: string): Promise<void> {
  const before = await files.stat(from);
  const aside = join(dirname(to), `.${basename(to)}.moving`);
  // An earlier attempt that crashed left this file.
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
 * Moves a file on a file system without hard links. An exclusive create reserves the free path, and only one process
 * can succeed with it. Then the file is moved onto that empty file. A crash between the two steps leaves the empty
 * file, and the original in its old place.
 */
async function moveOntoOwn(files: FileSystem, from: string, to: string): Promise<void> {
  const moved = await files.stat(from);
  try {
    // Windows does not replace a read-only file.
    await files.writeNew(to, EMPTY, (moved?.mode ?? 0) | PRIVATE_FILE);
  } catch (error) {
    if (errnoCode(error) === "EEXIST") throw new OccupiedError();
    throw error;
  }
  try {
    await files.rename(from, to);
  } catch (error) {
    // If another process has written into the empty file meanwhile, it is not removed.
    if ((await files.stat(to))?.size === 0) await files.unlink(to).catch(() => undefined);
    throw error;
  }
  await files.syncDirectory(dirname(to));
  await files.syncDirectory(dirname(from));
}

const EMPTY = new Uint8Array();

/**
 * Moves a file to a path that must be free, and never overwrites. The move uses a hard link and unlink if the file
 * system has them. Otherwise it moves the file onto an empty file that it creates there. Between two file systems the
 * function copies, compares hashes, and only then removes the source. @throws OccupiedError, ChangedWhileCopiedError,
 * or the errno error of the failing step
 */
export async function moveNoClobber(files: FileSystem, from: string, to: string): Promise<void> {
  const way = await moveByLink(files, from, to);
  if (way === "other-file-system") {
    if ((await files.stat(to)) !== null) throw new OccupiedError();
    await moveAcross(files, from, to);
  } else if (way === "no-links") await moveOntoOwn(files, from, to);
}

/**
 * Moves a file to a path that must be free, with a hard link and unlink. If there are no hard links, nothing is moved.
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
 * When one name of a file is removed, Windows removes the read-only attribute of the file, also for its other names.
 */
async function keepMode(files: FileSystem, path: string, mode: number): Promise<void> {
  const left = await files.stat(path);
  if (left !== null && left.mode !== mode) await files.chmod(path, mode);
}
