/**
 * Repairs a data directory and undoes that, with a port to files that writes down each change: what the crash
 * experiments can let go wrong. Prints the changes. `system-calls.test.ts` runs it below strace.
 */
import type { FileSystem } from "../../plugin/platform/file-system.ts";
import { findingsIn, repairFindings, restoreEverything, settledFiles } from "../repair/tool.ts";

/** A change that went through the port, and the paths that it was given. */
export interface PortChange {
  readonly operation: keyof FileSystem;
  readonly paths: readonly string[];
  /** What it answered, where that says whether anything was done. */
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
