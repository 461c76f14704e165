import { join } from "node:path";
import { type Locator, locatorText } from "../model/artifact.ts";
import type { ItemState, ManifestItem } from "../model/manifest-item.ts";
import { replaceFile } from "../platform/durable.ts";
import { errnoCode, type FileSystem } from "../platform/file-system.ts";
import { sha256 } from "../platform/hash.ts";
import { TOOL } from "../tool-identity.ts";
import type { Manifest } from "./manifest.ts";

/**
 * A run's state file says in a few hundred bytes what is asked of every run at each start of opencode; a manifest may
 * take megabytes. It is derived from the manifest, valid for that very file only, and may be deleted at any time. An
 * unfinished run has no valid one.
 */
const STATE_FILE = "state.jsonl";

export const MANIFEST_FILE = "manifest.json";

/** Grows with every change of what a state file means. */
const FORMAT = 1;

/** The first line is no longer; what it leaves out is read only where somebody restored something. */
const LARGEST_HEAD_BYTES = 2048;

/** A run that a repair writes has 2,000 items, which take 35 bytes each. */
const LARGEST_STATE_BYTES = 16 * 1024 * 1024;

/** What is asked of a run without its items. */
export interface RunState {
  readonly runID: string;
  readonly sessionID: string | null;
  readonly createdAt: string;
  readonly trigger: Manifest["trigger"];
  readonly generation: Manifest["store"]["generation"];
  /** As the manifest names it; `null`: none. */
  readonly database: string | null;
  readonly state: Manifest["state"];
  /** Whether it holds a whole database. */
  readonly holdsDatabase: boolean;
  readonly items: number;
  /** How many items are in each state. */
  readonly byState: Readonly<Partial<Record<ItemState, number>>>;
  /** Of the items that are done: how many by each remedy. */
  readonly doneBy: Readonly<Partial<Record<ManifestItem["remedy"], number>>>;
  /** Items that are done and have an original: opencode has nothing else of them. */
  readonly onlyHere: number;
}

/** What a valid state file says: of a run, or of a manifest that this version of the tool found not valid. */
export type KnownState = { readonly run: RunState } | { readonly problem: string; readonly version: string };

interface Head {
  readonly format: number;
  /** The manifest that this was derived from, as {@link manifestIdentity}. */
  readonly manifest: string;
  readonly known: KnownState;
  /** Of the second line, the records that a user restored. */
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
 * Names a record together with its content, without saying either; `null`: nothing stood there. What a user restored is
 * known by it.
 */
export function keptKey(record: { readonly locator: Locator }, content: { readonly sha256: string } | null): string {
  return sha256(Buffer.from(`${locatorText(record.locator)} ${content?.sha256 ?? ""}`)).slice(0, 32);
}

/** The records of a run that a user restored, as {@link keptKey}. */
export function keptKeysIn({ items }: Manifest): string[] {
  return items.filter(({ state }) => state === "restored").map((item) => keptKey(item, item.original));
}

/** Names one state of a manifest's file; `null` where there is none. */
export async function manifestIdentity(files: FileSystem, folder: string): Promise<string | null> {
  const found = await files.stat(join(folder, MANIFEST_FILE));
  return found?.type === "file" ? `${found.inode} ${found.size} ${found.mtimeMs} ${found.ctimeMs}` : null;
}

/**
 * What the state file of a run says; `null` where there is none, or none of the manifest that is there now: the manifest
 * has to be read. What the operating system refuses counts as none.
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

/** The records of a run that a user restored, as its state file says; `null` where it cannot be relied on. */
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

/** A head that was torn, or changed by anything else than this tool, is none. */
function parseHead(piece: Buffer): Head | null {
  const end = piece.indexOf(LINE_END);
  if (end < 0) return null;
  try {
    const { head, sha256: seal } = JSON.parse(piece.toString("utf8", 0, end)) as { head: Head; sha256: string };
    const isOurs = head.format === FORMAT && sealOf(head) === seal;
    // A newer version may be able to read what an older one could not.
    return isOurs && !("problem" in head.known && head.known.version !== TOOL.version) ? head : null;
  } catch {
    return null;
  }
}

function sealOf(head: Head): string {
  return sha256(Buffer.from(JSON.stringify(head)));
}

/**
 * Writes the state file of a run whose manifest was read, or written, while it had this identity. Not forced to disk:
 * what a power cut leaves of it is no valid one. Where it cannot be written, the manifest is read again next time.
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

/** Files of a run's folder that are replaced as a whole, so that a crash may leave an unfinished one beside them. */
export const REPLACED_FILES: readonly string[] = [MANIFEST_FILE, STATE_FILE];
