import { join, sep } from "node:path";
import { abilitiesOf } from "../hosts/running-host.ts";
import { STORAGE } from "../stores/json/layout.ts";
import { RecordWriter } from "./record-writer.ts";

/**
 * The folder for record files that are not in place yet. The folder is beside `storage/`, because opencode lists
 * `storage/` with all its subfolders. It is on the same file system as the records, so that one rename puts a file in
 * place.
 */
const TEMPORARY_FOLDER = ".session-repair-writes";

interface BunGlobal {
  write(destination: unknown, input: unknown, ...rest: unknown[]): Promise<number>;
  file(path: unknown, ...rest: unknown[]): unknown;
}

const GUARDED = Symbol.for("opencode-session-repair.atomic-writes");

function bunGlobal(): BunGlobal | null {
  const bun = (globalThis as { Bun?: unknown }).Bun;
  return typeof bun === "object" && bun !== null && "write" in bun && "file" in bun ? (bun as BunGlobal) : null;
}

/**
 * Makes the writes of session records by opencode 1.0-1.1 atomic (issue #7607). opencode writes a record with
 * `Bun.write(path, text)`, which truncates the file first. So a full disk or a kill during the write leaves an empty
 * file. With this guard, each version is written to another file, which then replaces the record ({@link
 * RecordWriter}). After a full disk, a kill or a power loss, the path holds the previous or the new version. When
 * opencode reads a record with `Bun.file(path)`, it always gets the newest version whose write was reported to it as
 * done. Other writes are not changed. Returns `true` if the guard is in place.
 */
export function guardHostWrites(dataDir: string, hostVersion: string | null): boolean {
  const bun = bunGlobal();
  if (bun === null || !abilitiesOf(hostVersion).keepsFiles) return false;
  const shared = globalThis as { [GUARDED]?: true };
  if (shared[GUARDED]) return true;
  const { write } = bun;
  const storage = join(dataDir, STORAGE) + sep;
  const isRecord = (path: unknown): path is string =>
    typeof path === "string" && path.startsWith(storage) && path.endsWith(".json");
  const writer = new RecordWriter(join(dataDir, TEMPORARY_FOLDER), write);
  // Reads are guarded only after the first write. At its start opencode reads thousands of records for a list, and no
  // write is waiting then.
  let areReadsGuarded = false;
  const guardReads = () => {
    if (areReadsGuarded) return;
    areReadsGuarded = true;
    const { file } = bun;
    bun.file = (path, ...rest) => {
      if (isRecord(path)) writer.placeNow(path);
      return file(path, ...rest);
    };
  };
  bun.write = (destination, input, ...rest) => {
    if (!isRecord(destination) || typeof input !== "string" || rest.length > 0) {
      return write(destination, input, ...rest);
    }
    guardReads();
    return writer.write(destination, input);
  };
  process.on("exit", () => writer.placeNow());
  void writer.sweep().catch(() => undefined);
  shared[GUARDED] = true;
  return true;
}
