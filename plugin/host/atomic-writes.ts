import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { errnoCode } from "../files/file-system.ts";
import { STORAGE } from "../stores/json/layout.ts";
import { isAtLeast } from "./host-version.ts";

/** Beside `storage/`, which the host lists recursively; on the same file system, so that a rename is one step. */
const TEMPORARY_FOLDER = ".session-repair-writes";

/** The last version that keeps its sessions in JSON files. */
const FIRST_SQLITE_VERSION = "1.2.0";

type Write = (destination: unknown, input: unknown, ...rest: unknown[]) => Promise<number>;

interface BunGlobal {
  write: Write;
}

const GUARDED = Symbol.for("opencode-session-repair.atomic-writes");

function bunGlobal(): BunGlobal | null {
  const bun = (globalThis as { Bun?: unknown }).Bun;
  return typeof bun === "object" && bun !== null && "write" in bun ? (bun as BunGlobal) : null;
}

/**
 * Makes the session writes of opencode 1.0-1.1 atomic (issue #7607). The host writes with `Bun.write(path, text)`, which
 * truncates first: a full disk or a kill in between leaves an empty file. Here the text goes to a file of its own and
 * takes the old one's place in one step: after a full disk or a kill the path holds the previous or the new version,
 * whole. Against power loss a record is forced to disk within {@link SYNC_DELAY_MS}; until then the file system's own
 * ordering of data and rename decides. Other writes are untouched. `true` where the guard is in place.
 */
export function guardHostWrites(dataDir: string, hostVersion: string | null): boolean {
  const bun = bunGlobal();
  if (bun === null || hostVersion === null || isAtLeast(hostVersion, FIRST_SQLITE_VERSION)) return false;
  const shared = globalThis as { [GUARDED]?: true };
  if (shared[GUARDED]) return true;
  const original = bun.write;
  const storage = join(dataDir, STORAGE) + sep;
  bun.write = (destination, input, ...rest) => {
    const isRecord =
      typeof destination === "string" && destination.startsWith(storage) && destination.endsWith(".json");
    if (!isRecord || typeof input !== "string" || rest.length > 0) return original(destination, input, ...rest);
    return writeRecord(dataDir, destination, input, original);
  };
  shared[GUARDED] = true;
  return true;
}

async function writeRecord(dataDir: string, path: string, text: string, original: Write): Promise<number> {
  const written = replaceRecord(dataDir, path, text);
  return written === "not-a-file" ? original(path, text) : written;
}

/**
 * Synchronous on purpose: a record is small, the calls take a few microseconds each, and through the thread pool they
 * made a streamed turn four times slower (measured on 1.1.65). Writes to one path keep the order of their calls.
 */
function replaceRecord(dataDir: string, path: string, text: string): number | "not-a-file" {
  const existing = lstatSync(path, { throwIfNoEntry: false });
  // Bun.write goes through a link; a rename would put a file in its place.
  if (existing !== undefined && !existing.isFile()) return "not-a-file";
  const temporary = join(dataDir, TEMPORARY_FOLDER, `${randomBytes(9).toString("hex")}.tmp`);
  const bytes = Buffer.from(text, "utf8");
  const mode = existing === undefined ? 0o666 : existing.mode & 0o7777;
  try {
    withFolder(dirname(temporary), () => writeFileSync(temporary, bytes, { flag: "wx", mode }));
    withFolder(dirname(path), () => renameSync(temporary, path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncSoon(path);
  return bytes.length;
}

/** A record that is being streamed is forced to disk this long after a write, once for all writes in between. */
const SYNC_DELAY_MS = 200;

const unsynced = new Set<string>();

/** Forcing every streamed update to disk made a turn five times slower (measured on 1.1.65). */
function syncSoon(path: string): void {
  if (unsynced.has(path)) return;
  unsynced.add(path);
  const timer = setTimeout(() => {
    unsynced.delete(path);
    void syncFile(path).catch(() => undefined);
  }, SYNC_DELAY_MS);
  timer.unref?.();
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Tries, and where the folder is missing makes it and tries again: nearly always it is there. */
function withFolder(folder: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (errnoCode(error) !== "ENOENT") throw error;
    mkdirSync(folder, { recursive: true });
    work();
  }
}
