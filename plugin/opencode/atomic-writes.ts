import { join, sep } from "node:path";
import { abilitiesOf } from "../hosts/running-host.ts";
import { STORAGE } from "../stores/json/layout.ts";
import { RecordWriter } from "./record-writer.ts";

/**
 * The folder is next to `storage/`, because the host lists `storage/` recursively. The folder is on the same file
 * system as the records, so that a rename is one step.
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
 * Makes the session writes of opencode 1.0-1.1 atomic (issue #7607). The host writes with `Bun.write(path, text)`,
 * which truncates first, so a full disk or a kill in between leaves an empty file. This guard replaces each version as
 * a whole, after it is on disk ({@link RecordWriter}). So the path holds the previous or the new version after a full
 * disk, a kill or a power loss. The host reads with `Bun.file(path)` and sees every answered write. Other writes are
 * not changed. `true` if the guard is in place.
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
