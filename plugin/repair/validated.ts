import { createHash } from "node:crypto";
import { join } from "node:path";
import { textNow } from "../platform/read-now.ts";
import type { WalPosition } from "../stores/sqlite/wal-frames.ts";
import { TOOL } from "../tool-identity.ts";

/** Name of the index in the data directory, beside the quarantine. The index may be deleted at any time. */
export const VALIDATED_FILE = ".session-repair-index.json";

/** Increases when the meaning of an index changes. */
const FORMAT = 2;

/** A database in which all records were healthy, and the state of its file and its log at that time. */
export interface ValidatedDatabase {
  /** Identity, size and times of the database file. */
  readonly file: string;
  /** The position up to which the log was read. All earlier frames of the log had been copied into the file. */
  readonly log: WalPosition;
}

/**
 * The stores that were found healthy, and their states at that time. Only the tool version that wrote the index can use
 * it, and only for the same host: both decide which records are healthy.
 */
export interface Validated {
  readonly databases: Readonly<Record<string, ValidatedDatabase>>;
  /** Digests of the files of healthy sessions of the JSON generation, by session id. */
  readonly sessions: Readonly<Record<string, string>>;
  /** Digests of the files from which session lists are made, by project id. */
  readonly lists: Readonly<Record<string, string>>;
}

const NOTHING_VALIDATED: Validated = { databases: {}, sessions: {}, lists: {} };

function rulesFor(hostVersion: string | null): string {
  return `${FORMAT} ${TOOL.version} ${hostVersion}`;
}

function seal(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Reads the index. If the index is wrong in any way, it counts as absent. */
export function readValidated(dataDir: string, hostVersion: string | null): Validated {
  try {
    const [head, content] = textNow(join(dataDir, VALIDATED_FILE)).split("\n");
    if (content === undefined || head !== `${rulesFor(hostVersion)} ${seal(content)}`) return NOTHING_VALIDATED;
    return JSON.parse(content) as Validated;
  } catch {
    return NOTHING_VALIDATED;
  }
}

/** Replaces the index. If the write fails, the only effect is that the next start takes longer. */
export async function writeValidated(dataDir: string, hostVersion: string | null, validated: Validated): Promise<void> {
  const temporary = join(dataDir, `${VALIDATED_FILE}.${process.pid}`);
  const content = JSON.stringify(validated);
  // The module is loaded here, because most starts have no new state to remember.
  const { removeNow, replaceNow } = await import("../platform/staged-file.ts");
  try {
    replaceNow(join(dataDir, VALIDATED_FILE), temporary, `${rulesFor(hostVersion)} ${seal(content)}\n${content}\n`);
  } catch {
    removeNow(temporary);
  }
}
