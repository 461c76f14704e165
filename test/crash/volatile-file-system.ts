import { existsSync, linkSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileSystem } from "../../plugin/platform/file-system.ts";

/**
 * A change to entries of folders. A power cut undoes the change if one of these folders has not been forced to disk
 * since.
 */
interface Unforced {
  readonly folders: readonly string[];
  undo(): void;
}

/**
 * A disk that loses as much as possible in a power cut: all entries of a folder and the content of a file that were not
 * forced to disk. `lose` is the power cut.
 */
export function volatileFileSystem(files: FileSystem, scratch: string): { files: FileSystem; lose(): void } {
  let unforced: Unforced[] = [];
  const unsynced = new Set<string>();
  const keep = mkdtempSync(join(scratch, "lost-"));
  let number = 0;
  /** Makes a second hard link to a file whose name is about to be removed. */
  const spare = (path: string): string => {
    number += 1;
    const kept = join(keep, `${number}-${basename(path).slice(0, 40)}`);
    linkSync(path, kept);
    return kept;
  };
  const changed = (paths: readonly string[], undo: () => void) => {
    unforced.push({ folders: paths.map((path) => dirname(path)), undo });
  };
  return {
    files: {
      ...files,
      async writeNew(path, bytes, mode) {
        await files.writeNew(path, bytes, mode);
        changed([path], () => rmSync(path, { force: true }));
      },
      async copyNew(from, to, mode) {
        await files.copyNew(from, to, mode);
        unsynced.add(to);
        changed([to], () => rmSync(to, { force: true }));
      },
      async syncFile(path) {
        await files.syncFile(path);
        unsynced.delete(path);
      },
      async makeDirectory(path, mode) {
        const isNew = await files.makeDirectory(path, mode);
        if (isNew) changed([path], () => rmSync(path, { recursive: true, force: true }));
        return isNew;
      },
      async rename(from, to) {
        const replaced = lstatSync(to, { throwIfNoEntry: false })?.isFile() ? spare(to) : null;
        await files.rename(from, to);
        if (unsynced.delete(from)) unsynced.add(to);
        changed([from, to], () => {
          renameSync(to, from);
          if (replaced !== null) linkSync(replaced, to);
        });
      },
      async link(from, to) {
        await files.link(from, to);
        changed([to], () => rmSync(to, { force: true }));
      },
      async unlink(path) {
        const kept = spare(path);
        await files.unlink(path);
        changed([path], () => linkSync(kept, path));
      },
      async removeDirectory(path) {
        await files.removeDirectory(path);
        changed([path], () => mkdirSync(path, { mode: 0o700 }));
      },
      async syncDirectory(path) {
        await files.syncDirectory(path);
        unforced = unforced.filter(({ folders }) => !folders.includes(path));
      },
    },
    lose() {
      for (const { undo, folders } of unforced.reverse()) {
        // If a folder was lost, its entries are already lost with it.
        if (folders.every((folder) => existsSync(folder))) undo();
      }
      for (const path of unsynced) if (existsSync(path)) truncateSync(path, 0);
      unforced = [];
      rmSync(keep, { recursive: true, force: true });
    },
  };
}
