import { createHash } from "node:crypto";
import { join } from "node:path";
import { textNow } from "../platform/read-now.ts";
import type { WalPosition } from "../stores/sqlite/wal-frames.ts";
import { TOOL } from "../tool-identity.ts";

/** The index of healthy sessions. The file is in opencode's data directory, and may be deleted at any time. */
export const VALIDATED_FILE = ".session-repair-index.json";

/** This number must increase when the meaning of the index changes, so that older files become invalid. */
const FORMAT = 2;

/** A database in which all records were healthy, and the state of its file and its WAL at that time. */
export interface ValidatedDatabase {
  /** The inode, size and times of the database file. */
  readonly file: string;
  /**
   * The position up to which the WAL was read. Everything before that position had been copied into the database file.
   */
  readonly log: WalPosition;
}

/**
 * The stores that were found healthy, and their state at that time. The index counts only for the same version of this
 * tool and of opencode, because both decide which records are healthy.
 */
export interface Validated {
  readonly databases: Readonly<Record<string, ValidatedDatabase>>;
  /** For each healthy session in JSON files: a digest of the names, sizes and times of its files. */
  readonly sessions: Readonly<Record<string, string>>;
  /** For each project: a digest of the files from which opencode makes its session list. */
  readonly lists: Readonly<Record<string, string>>;
}

const NOTHING_VALIDATED: Validated = { databases: {}, sessions: {}, lists: {} };

function rulesFor(hostVersion: string | null): string {
  return `${FORMAT} ${TOOL.version} ${hostVersion}`;
}

function seal(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Reads the index. An index that is damaged or belongs to other versions counts as empty. */
export function readValidated(dataDir: string, hostVersion: string | null): Validated {
  try {
    const [head, content] = textNow(join(dataDir, VALIDATED_FILE)).split("\n");
    if (content === undefined || head !== `${rulesFor(hostVersion)} ${seal(content)}`) return NOTHING_VALIDATED;
    return JSON.parse(content) as Validated;
  } catch {
    return NOTHING_VALIDATED;
  }
}

/** Replaces the index. If that fails, the next start of opencode only checks more than necessary. */
export async function writeValidated(dataDir: string, hostVersion: string | null, validated: Validated): Promise<void> {
  const temporary = join(dataDir, `${VALIDATED_FILE}.${process.pid}`);
  const content = JSON.stringify(validated);
  // The module is loaded only here, because most starts of opencode do not write the index.
  const { removeNow, replaceNow } = await import("../platform/staged-file.ts");
  try {
    replaceNow(join(dataDir, VALIDATED_FILE), temporary, `${rulesFor(hostVersion)} ${seal(content)}\n${content}\n`);
  } catch {
    removeNow(temporary);
  }
}
