import { join } from "node:path";
import { type Locator, locatorText } from "../model/artifact.ts";
import type { ItemState, ManifestItem } from "../model/manifest-item.ts";
import { replaceFile } from "../platform/durable.ts";
import { errnoCode, type FileSystem } from "../platform/file-system.ts";
import { sha256 } from "../platform/hash.ts";
import { TOOL } from "../tool-identity.ts";
import type { Manifest } from "./manifest.ts";

/**
 * The state file of a run has a few hundred bytes with the facts about the run that each start of opencode needs. A
 * manifest may take megabytes. The state file is derived from the manifest, and valid only for that very file. The
 * state file may be deleted at any time. An unfinished run has no valid state file.
 */
const STATE_FILE = "state.jsonl";

export const MANIFEST_FILE = "manifest.json";

/** Increases when the meaning of a state file changes. */
const FORMAT = 1;

/** The first line of a state file is not longer than this. The second line is read only if a user restored a record. */
const LARGEST_HEAD_BYTES = 2048;

/** The largest state file. A run of a repair has 2,000 items, which take 35 bytes each. */
const LARGEST_STATE_BYTES = 16 * 1024 * 1024;

/** The facts about a run that are known without its items. */
export interface RunState {
  readonly runID: string;
  readonly sessionID: string | null;
  readonly createdAt: string;
  readonly trigger: Manifest["trigger"];
  readonly generation: Manifest["store"]["generation"];
  /** The name of the database in the manifest; `null` if there is none. */
  readonly database: string | null;
  readonly state: Manifest["state"];
  /** Whether the run holds a whole database. */
  readonly holdsDatabase: boolean;
  readonly items: number;
  /** The number of items in each state. */
  readonly byState: Readonly<Partial<Record<ItemState, number>>>;
  /** The number of finished items for each remedy. */
  readonly doneBy: Readonly<Partial<Record<ManifestItem["remedy"], number>>>;
  /** The number of finished items with an original. These originals exist in no other place of opencode. */
  readonly onlyHere: number;
}

/**
 * The content of a valid state file: facts about a run, or the note that this version of the tool found its manifest
 * invalid.
 */
export type KnownState = { readonly run: RunState } | { readonly problem: string; readonly version: string };

interface Head {
  readonly format: number;
  /** The manifest from which the state was derived, as {@link manifestIdentity}. */
  readonly manifest: string;
  readonly known: KnownState;
  /** The count and hash of the second line, which lists the records that a user restored. */
  readonly kept: { readonly count: number; readonly sha256: string };
}

export function runStateOf({ runID, sessionID, createdAt, trigger, store, state, items }: Manifest): RunState {
  const done = items.filter((item) => item.state === "done");
  return {
    runID,
    sessionID,
    createdAt,
    trigger,
    generation: store.generation,
    database: store.database ?? null,
    state,
    holdsDatabase: items.some(({ kind }) => kind === "database"),
    items: items.length,
    byState: countedBy(items.map((item) => item.state)),
    doneBy: countedBy(done.map(({ remedy }) => remedy)),
    onlyHere: done.filter(({ original }) => original !== null).length,
  };
}

function countedBy<Key extends string>(keys: readonly Key[]): Partial<Record<Key, number>> {
  const counts: Partial<Record<Key, number>> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

/**
 * A key for a record and its content that reveals neither; `null`: there was no content. A restored record is
 * recognised by this key.
 */
export function keptKey(record: { readonly locator: Locator }, content: { readonly sha256: string } | null): string {
  return sha256(Buffer.from(`${locatorText(record.locator)} ${content?.sha256 ?? ""}`)).slice(0, 32);
}

/** The records of a run that a user restored, as {@link keptKey}. */
export function keptKeysIn({ items }: Manifest): string[] {
  return items.filter(({ state }) => state === "restored").map((item) => keptKey(item, item.original));
}

/** Identifies one state of a manifest's file; `null` if there is no file. */
export async function manifestIdentity(files: FileSystem, folder: string): Promise<string | null> {
  const found = await files.stat(join(folder, MANIFEST_FILE));
  return found?.type === "file" ? `${found.inode} ${found.size} ${found.mtimeMs} ${found.ctimeMs}` : null;
}

/**
 * The content of a run's state file. `null` if there is none, if it does not belong to the present manifest, or if the
 * operating system refuses to read it. Then the manifest must be read.
 */
export async function readRunState(files: FileSystem, folder: string): Promise<KnownState | null> {
  const head = await readHead(files, folder);
  return head === null ? null : head.known;
}

async function readHead(files: FileSystem, folder: string): Promise<Head | null> {
  try {
    const identity = await manifestIdentity(files, folder);
    if (identity === null) return null;
    const piece = await files.readPiece(join(folder, STATE_FILE), 0, LARGEST_HEAD_BYTES);
    if (piece === "absent") return null;
    const head = parseHead(piece);
    return head?.manifest === identity ? head : null;
  } catch (error) {
    if (errnoCode(error) === null) throw error;
    return null;
  }
}

/** The records of a run that a user restored, according to its state file; `null` if the file is not valid. */
export async function readKeptKeys(files: FileSystem, folder: string): Promise<string[] | null> {
  const head = await readHead(files, folder);
  if (head === null) return null;
  if (head.kept.count === 0) return [];
  const bytes = await files.read(join(folder, STATE_FILE), LARGEST_STATE_BYTES);
  if (typeof bytes === "string") return null;
  const line = bytes.subarray(bytes.indexOf(LINE_END) + 1);
  const keys = line.toString("latin1").trimEnd().split(" ");
  return sha256(line) === head.kept.sha256 && keys.length === head.kept.count ? keys : null;
}

const LINE_END = 0x0a;

/** A first line that is incomplete, or that another program changed, is not valid. */
function parseHead(piece: Buffer): Head | null {
  const end = piece.indexOf(LINE_END);
  if (end < 0) return null;
  try {
    const { head, sha256: seal } = JSON.parse(piece.toString("utf8", 0, end)) as { head: Head; sha256: string };
    const isOurs = head.format === FORMAT && sealOf(head) === seal;
    // A newer version of this tool may read a manifest that an older one could not read.
    return isOurs && !("problem" in head.known && head.known.version !== TOOL.version) ? head : null;
  } catch {
    return null;
  }
}

function sealOf(head: Head): string {
  return sha256(Buffer.from(JSON.stringify(head)));
}

/**
 * Writes the state file of a run whose manifest had this identity when it was read or written. The file is not forced
 * to disk, because a file that a power loss damages is not valid anyway. If the state file cannot be written, the
 * manifest is read again next time.
 */
export async function writeRunState(
  files: FileSystem,
  folder: string,
  manifest: string,
  known: KnownState,
  kept: readonly string[],
): Promise<void> {
  const line = Buffer.from(kept.length === 0 ? "" : `${kept.join(" ")}\n`);
  const head: Head = { format: FORMAT, manifest, known, kept: { count: kept.length, sha256: sha256(line) } };
  const first = Buffer.from(`${JSON.stringify({ head, sha256: sealOf(head) })}\n`);
  if (first.length > LARGEST_HEAD_BYTES || first.length + line.length > LARGEST_STATE_BYTES) return;
  try {
    await replaceFile(files, join(folder, STATE_FILE), Buffer.concat([first, line]), "unforced");
  } catch (error) {
    if (errnoCode(error) === null) throw error;
  }
}

/** Files in a run's folder that are replaced as a whole. A crash may leave an unfinished file next to them. */
export const REPLACED_FILES: readonly string[] = [MANIFEST_FILE, STATE_FILE];
