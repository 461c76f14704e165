import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";

/** A sign of a problem in opencode's log, as one word of a fixed list. No part of the log line itself is kept. */
export interface LogSign {
  /** The kind of problem that the log line is about. */
  readonly about: "disk full" | "unreadable record" | "database" | "input/output" | "memory" | "error name";
  readonly word: string;
  count: number;
  /** ISO 8601, as in the log; `null` if the log lines have no time. */
  first: string | null;
  last: string | null;
}

export interface LogReading {
  readonly files: number;
  readonly bytes: number;
  readonly signs: readonly LogSign[];
  /** References that opencode put into its answers (`err_…`), the newest last. */
  readonly references: readonly string[];
}

/**
 * Only these words are ever copied from a log to a report. Sources: opencode's issues (docs/faults.md) and its code,
 * 1.0 to 1.18.
 */
const WORDS: Readonly<Record<LogSign["about"], readonly string[]>> = {
  "disk full": ["ENOSPC", "EDQUOT", "SQLITE_FULL", "database or disk is full", "no space left on device"],
  "unreadable record": [
    ...["Failed to parse JSON", "Unexpected end of JSON input", "Unexpected EOF", "malformed JSON"],
    ...["Missing key", "Expected a string starting with", "Path is not absolute"],
  ],
  database: [
    ...["SQLITE_CORRUPT", "database disk image is malformed", "SQLITE_NOTADB", "file is not a database"],
    ...["SQLITE_BUSY", "database is locked", "locking protocol", "no such column", "no such table"],
    ...["duplicate column name", "FOREIGN KEY constraint failed", "failed to run data migrations"],
  ],
  "input/output": ["EIO", "SQLITE_IOERR", "EACCES", "EPERM", "EROFS", "EBUSY", "ESTALE", "EMFILE"],
  memory: ["Out of memory", "ENOMEM", "RangeError"],
  "error name": [
    ...["UnknownError", "BadRequest", "NotFoundError", "SyntaxError", "TypeError", "ZodError", "SQLiteError"],
    ...["DrizzleQueryError", "EffectDrizzleQueryError", "MessageDecodeError", "ParseError", "SchemaError"],
    ...["MessageAbortedError", "ProviderModelNotFoundError", "InvalidDurableEventError"],
  ],
};

const PATTERNS = Object.entries(WORDS).flatMap(([about, words]) =>
  words.map((word) => ({
    about: about as LogSign["about"],
    word,
    pattern: new RegExp(`(?<![A-Za-z_])${word.replaceAll(".", "\\.")}(?![A-Za-z_])`),
  })),
);

const ANY_WORD = new RegExp(PATTERNS.map(({ word }) => word.replaceAll(".", "\\.")).join("|"));
const TIME = /\b(20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d)/;
const REFERENCE = /\berr_[0-9A-Za-z]{6,40}\b/g;

const MOST_FILES = 50;
const MOST_BYTES = 32 * 1024 * 1024;
const MOST_REFERENCES = 20;

/** Searches opencode's logs for known words. Only the newest files are read, and of each file only the end. */
export async function readLogSigns(files: FileSystem, dataDir: string): Promise<LogReading> {
  const signs = new Map<string, LogSign>();
  const references = new Set<string>();
  const newest = await newestLogs(files, join(dataDir, "log"));
  let bytes = 0;
  for (const { path, size } of newest) {
    bytes += size;
    try {
      await readLog(files, path, size, (line) => noteLine(line, signs, references));
    } catch {
      // A log that cannot be read gives no signs.
    }
  }
  return {
    files: newest.length,
    bytes,
    signs: [...signs.values()].sort((a, b) => b.count - a.count),
    references: [...references].slice(-MOST_REFERENCES),
  };
}

async function newestLogs(files: FileSystem, folder: string): Promise<{ path: string; size: number }[]> {
  const logs: { path: string; size: number; mtimeMs: number }[] = [];
  for (const entry of (await files.list(folder).catch(() => null)) ?? []) {
    const path = join(folder, entry.name);
    const found = entry.type === "file" ? await files.stat(path) : null;
    if (found !== null) logs.push({ path, size: found.size, mtimeMs: found.mtimeMs });
  }
  return logs
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
    .slice(0, MOST_FILES)
    .reverse();
}

async function readLog(files: FileSystem, path: string, size: number, visit: (line: string) => void): Promise<void> {
  let skipped = Math.max(0, size - MOST_BYTES);
  let pending = "";
  for await (const chunk of files.readChunks(path)) {
    if (skipped >= chunk.length) {
      skipped -= chunk.length;
      continue;
    }
    const lines = (pending + chunk.toString("latin1", skipped)).split("\n");
    skipped = 0;
    pending = lines.pop() ?? "";
    for (const line of lines) visit(line);
  }
  visit(pending);
}

function noteLine(line: string, signs: Map<string, LogSign>, references: Set<string>): void {
  // The plugin's own lines say what the plugin found, not where opencode failed.
  if (line.includes("opencode-session-repair")) return;
  if (ANY_WORD.test(line)) {
    const time = TIME.exec(line)?.[1] ?? null;
    for (const { about, word, pattern } of PATTERNS) {
      if (!pattern.test(line)) continue;
      const sign = signs.get(word) ?? { about, word, count: 0, first: time, last: null };
      sign.count += 1;
      sign.first ??= time;
      sign.last = time ?? sign.last;
      signs.set(word, sign);
    }
  }
  for (const [reference] of line.matchAll(REFERENCE)) references.add(reference);
}
