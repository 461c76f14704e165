/**
 * Repairs a data directory and undoes the repair. Prints each change that it made through the port `FileSystem`. The
 * crash experiments can let exactly these changes fail. `system-calls.test.ts` runs this script below strace.
 */
import type { FileSystem } from "../../plugin/platform/file-system.ts";
import { findingsIn, repairFindings, restoreEverything, settledFiles } from "../repair/tool.ts";

/** A change that was made through the port `FileSystem`, with the paths that the port got. */
export interface PortChange {
  readonly operation: keyof FileSystem;
  readonly paths: readonly string[];
  /** Whether the change was made. Some operations answer `false` if there was nothing to do. */
  readonly isDone: boolean;
}

function recording(changes: PortChange[]): FileSystem {
  const note = async (operation: keyof FileSystem, paths: readonly string[], work: () => Promise<unknown>) => {
    let isDone = false;
    try {
      const answered = await work();
      isDone = answered !== false;
      return answered;
    } finally {
      changes.push({ operation, paths, isDone });
    }
  };
  const files = settledFiles;
  return {
    ...files,
    writeNew: (path, bytes, mode) => note("writeNew", [path], () => files.writeNew(path, bytes, mode)) as Promise<void>,
    copyNew: (from, to, mode) => note("copyNew", [to], () => files.copyNew(from, to, mode)) as Promise<void>,
    cloneNew: (from, to, mode) => note("cloneNew", [to], () => files.cloneNew(from, to, mode)) as Promise<boolean>,
    syncFile: (path) => note("syncFile", [path], () => files.syncFile(path)) as Promise<void>,
    makeDirectory: (path, mode) =>
      note("makeDirectory", [path], () => files.makeDirectory(path, mode)) as Promise<boolean>,
    rename: (from, to) => note("rename", [from, to], () => files.rename(from, to)) as Promise<void>,
    link: (from, to) => note("link", [from, to], () => files.link(from, to)) as Promise<void>,
    unlink: (path) => note("unlink", [path], () => files.unlink(path)) as Promise<void>,
    removeDirectory: (path) => note("removeDirectory", [path], () => files.removeDirectory(path)) as Promise<void>,
    chmod: (path, mode) => note("chmod", [path], () => files.chmod(path, mode)) as Promise<void>,
    touch: (path) => note("touch", [path], () => files.touch(path)) as Promise<void>,
    syncDirectory: (path) => note("syncDirectory", [path], () => files.syncDirectory(path)) as Promise<void>,
  };
}

const [dataDir = ""] = process.argv.slice(2);
const changes: PortChange[] = [];
const files = recording(changes);
const { items } = await repairFindings(files, dataDir, await findingsIn(dataDir, files));
const repaired = changes.length;
await restoreEverything(files, dataDir);
process.stdout.write(JSON.stringify({ repaired, items: items.map(({ action }) => action), changes }));
