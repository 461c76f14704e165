import { join } from "node:path";
import { type Locator, locatorText } from "../model/artifact.ts";
import type { ItemState, ManifestItem } from "../model/manifest-item.ts";
import { replaceFile } from "../platform/durable.ts";
import { errnoCode, type FileSystem } from "../platform/file-system.ts";
import { sha256 } from "../platform/hash.ts";
import { TOOL } from "../tool-identity.ts";
import type { Manifest } from "./manifest.ts";

/**
 * The state file of a repair run holds the facts that each start of opencode needs, in a few hundred bytes. The
 * manifest of a run may have megabytes. The state file is derived from the manifest, and is valid only for the manifest
 * file that it names. The state file may be deleted at any time. An unfinished run has no valid state file.
 */
const STATE_FILE = "state.jsonl";

export const MANIFEST_FILE = "manifest.json";

/** This number must increase when the meaning of the state file changes, so that older state files become invalid. */
const FORMAT = 1;

/** The limit for the first line of a state file. The second line is read only if a user restored a record. */
const LARGEST_HEAD_BYTES = 2048;

/**
 * The limit for a whole state file. A run folder of a repair has at most 2,000 items, and each restored item takes
 * about 35 bytes here.
 */
const LARGEST_STATE_BYTES = 16 * 1024 * 1024;

/** The facts about a repair run that are known without reading its items. */
export interface RunState {
  readonly runID: string;
  readonly sessionID: string | null;
  readonly createdAt: string;
  readonly trigger: Manifest["trigger"];
  readonly generation: Manifest["store"]["generation"];
  /** The name of the database in the manifest; `null` if the repair run changed JSON files. */
  readonly database: string | null;
  readonly state: Manifest["state"];
  /** Whether the repair run keeps a whole database in the quarantine, as a salvage does. */
  readonly holdsDatabase: boolean;
  readonly items: number;
  /** How many items of the run are in each state, such as `done` or `restored`. */
  readonly byState: Readonly<Partial<Record<ItemState, number>>>;
  /** How many finished items each kind of remedy has changed. */
  readonly doneBy: Readonly<Partial<Record<ManifestItem["remedy"], number>>>;
  /** How many finished items have an original, which exists only in the quarantine. */
  readonly onlyHere: number;
}

/**
 * The content of a valid state file: the facts about a repair run, or the note that its manifest is invalid. The note
 * names the version of this tool that found the problem.
 */
export type KnownState = { readonly run: RunState } | { readonly problem: string; readonly version: string };

interface Head {
  readonly format: number;
  /** The manifest file from which this state was derived, as returned by {@link manifestIdentity}. */
  readonly manifest: string;
  readonly known: KnownState;
  /** How many records a user restored, and the SHA-256 of the second line, which lists them. */
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
 * A hash of a record's place and content, by which a record that a user restored is recognised. The hash reveals
 * neither place nor content. `content` is `null` if the record did not exist before the repair.
 */
export function keptKey(record: { readonly locator: Locator }, content: { readonly sha256: string } | null): string {
  return sha256(Buffer.from(`${locatorText(record.locator)} ${content?.sha256 ?? ""}`)).slice(0, 32);
}

/** The keys of the records that a user restored from a repair run, as returned by {@link keptKey}. */
export function keptKeysIn({ items }: Manifest): string[] {
  return items.filter(({ state }) => state === "restored").map((item) => keptKey(item, item.original));
}

/**
 * A text that changes whenever the manifest file of a repair run is replaced or written; `null` if there is no manifest
 * file.
 */
export async function manifestIdentity(files: FileSystem, folder: string): Promise<string | null> {
  const found = await files.stat(join(folder, MANIFEST_FILE));
  return found?.type === "file" ? `${found.inode} ${found.size} ${found.mtimeMs} ${found.ctimeMs}` : null;
}

/**
 * The content of a repair run's state file. `null` if the file is missing, cannot be read, or does not belong to the
 * present manifest. The caller must then read the manifest.
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

/**
 * The keys of the records that a user restored, from the repair run's state file. `null` if the state file is not
 * valid.
 */
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

/** Returns `null` if the first line is incomplete, or if another program changed it. */
function parseHead(piece: Buffer): Head | null {
  const end = piece.indexOf(LINE_END);
  if (end < 0) return null;
  try {
    const { head, sha256: seal } = JSON.parse(piece.toString("utf8", 0, end)) as { head: Head; sha256: string };
    const isOurs = head.format === FORMAT && sealOf(head) === seal;
    // If an older version of this tool could not read the manifest, this newer version may be able to.
    return isOurs && !("problem" in head.known && head.known.version !== TOOL.version) ? head : null;
  } catch {
    return null;
  }
}

function sealOf(head: Head): string {
  return sha256(Buffer.from(JSON.stringify(head)));
}

/**
 * Writes the state file of a repair run. `manifest` is the identity that the manifest file had when it was read or
 * written. The state file is not forced to disk: a power loss can only make it invalid. If the state file cannot be
 * written, the manifest is read the next time.
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

/**
 * The files in a repair run's folder that are always replaced as a whole. A crash may leave a temporary file next to
 * them.
 */
export const REPLACED_FILES: readonly string[] = [MANIFEST_FILE, STATE_FILE];
