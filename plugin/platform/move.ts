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
    super("The file changed while it was copied.");
    this.name = "ChangedWhileCopiedError";
  }
}

/** How systems say that a file system has no hard links. On exFAT and FAT Windows calls it a wrong function: EISDIR in Node. */
const NO_HARD_LINKS = new Set(["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EISDIR", "EINVAL"]);

/** Moves a file to another file system: copied aside under a name that hosts do not list, compared, moved into place. */
async function moveAcross(files: FileSystem, from: string, to: string): Promise<void> {
  const before = await files.stat(from);
  const aside = join(dirname(to), `.${basename(to)}.moving`);
  // Left behind by an attempt that crashed.
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
 * Where there are no hard links: takes the free path by an exclusive create, of which only one process can come through,
 * and moves the file onto that empty file. A crash in between leaves the empty file, and the other where it was.
 */
async function moveOntoOwn(files: FileSystem, from: string, to: string): Promise<void> {
  try {
    await files.writeNew(to, EMPTY, PRIVATE_FILE);
  } catch (error) {
    if (errnoCode(error) === "EEXIST") throw new OccupiedError();
    throw error;
  }
  try {
    await files.rename(from, to);
  } catch (error) {
    // Whoever has written into it meanwhile keeps it.
    if ((await files.stat(to))?.size === 0) await files.unlink(to).catch(() => undefined);
    throw error;
  }
  await files.syncDirectory(dirname(to));
  await files.syncDirectory(dirname(from));
}

const EMPTY = new Uint8Array();

/**
 * Moves a file to a path that must be free, and never overwrites: by hard link and unlink where the file system has
 * them, else onto an empty file that it creates there. Across file systems it copies, compares hashes, and only then removes the source.
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
 * Moves a file to a path that must be free, by hard link and unlink. What says that there are none has moved nothing.
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

/** Windows takes the read-only attribute from a file where one of its names is removed, so from its other names too. */
async function keepMode(files: FileSystem, path: string, mode: number): Promise<void> {
  const left = await files.stat(path);
  if (left !== null && left.mode !== mode) await files.chmod(path, mode);
}
