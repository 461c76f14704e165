import { basename, dirname, join } from "node:path";
import { errnoCode, type FileSystem } from "./file-system.ts";
import { hashFile } from "./hash.ts";

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

const NO_HARD_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

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
 * Moves a file to a path that must be free, and never overwrites: by hard link and unlink where the file system has
 * them, else by rename after a look. Across file systems it copies, compares hashes, and only then removes the source.
 * @throws OccupiedError, ChangedWhileCopiedError, or the errno error of the failing step
 */
export async function moveNoClobber(files: FileSystem, from: string, to: string): Promise<void> {
  try {
    await files.link(from, to);
  } catch (error) {
    const code = errnoCode(error);
    if (code === "EEXIST") throw new OccupiedError();
    if (code !== "EXDEV" && (code === null || !NO_HARD_LINKS.has(code))) throw error;
    if ((await files.stat(to)) !== null) throw new OccupiedError();
    if (code === "EXDEV") return moveAcross(files, from, to);
    await files.rename(from, to);
    await files.syncDirectory(dirname(to));
    await files.syncDirectory(dirname(from));
    return;
  }
  await files.syncDirectory(dirname(to));
  await files.unlink(from);
  await files.syncDirectory(dirname(from));
}
