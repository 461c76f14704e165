import type { Locator, RecordKind } from "../model/artifact.ts";
import type { ItemState, ManifestItem, RunFolder } from "../model/manifest-item.ts";
import type { ContentHash, Replacement } from "../model/replacement.ts";

/** One thing to do, with what was seen when it was decided: it is done only while that still holds. */
export interface Operation {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
  readonly code: string;
  readonly evidence: string;
  readonly remedy: ManifestItem["remedy"];
  /** Size and SHA-256 of the bytes that were judged; of a whole row, of the row. `null`: nothing stands there. */
  readonly seen: ContentHash | null;
  /** `null`: it is only quarantined. */
  readonly replacement: Replacement | null;
}

/** What became of an item or an operation. A reason is one plain clause, without content or user paths. */
export interface ItemOutcome {
  readonly id: string;
  readonly state: ItemState;
  readonly reason?: string;
}

/** Reasons why an operation was left undone: somebody else was faster. Whatever stands there now was not looked at. */
export const CHANGED_SINCE = "it changed since it was checked";
export const GONE_SINCE = "it is no longer there";

/** Whether an operation was left undone because its record is not the one any more that was judged. */
export function isOvertaken(reason: string | undefined): boolean {
  return reason === CHANGED_SINCE || reason === GONE_SINCE;
}

export interface PrepareOptions {
  /** Numbers that items of the same session have already. */
  readonly taken: number;
  /** Whether the originals of rows are saved many to a file: for plans of so many that a file each takes minutes. */
  readonly inBundles: boolean;
}

export interface Prepared {
  readonly items: ManifestItem[];
  readonly skipped: { readonly operation: Operation; readonly reason: string }[];
}

/**
 * Where the recorded bytes of an item are: in their live place (also if in quarantine too), in quarantine, or nowhere. Of
 * an item that has no original: `live` where nothing stands there, `set-aside` where its replacement does.
 */
export type Observed = "live" | "set-aside" | "nowhere";

/** The writing side of a store. It acts on manifest items only, after they were journaled. */
export interface StoreWriter {
  /**
   * Captures the exact bytes where the store cannot simply move them, and describes the items. Live data stays as it is.
   */
  prepare(operations: readonly Operation[], run: RunFolder, how?: PrepareOptions): Promise<Prepared>;
  /**
   * Takes the items out of the hosts' read path, each only if it is still what was captured, and puts their replacements
   * in their place. Only items that this writer has prepared.
   */
  setAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  /** Restores the items, each only if nothing else has taken its place. */
  putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  /**
   * Ends or undoes what was interrupted and can only be told of all items of a run together; called before `observe`.
   * @throws StoreRefusedError where that must wait
   */
  settle(folder: string): Promise<void>;
  observe(item: ManifestItem, folder: string): Promise<Observed>;
  /**
   * Tidies up after an interruption. Where the live place still holds every byte, second names of the same bytes are
   * removed; if they are quarantined, a replacement that has not reached its place yet gets there.
   */
  finish(item: ManifestItem, folder: string, seen: Observed): Promise<void>;
  /** Copies what a session needs to load into `<folder>/safety`, or says why not. */
  copyForSafety(sessionID: string, operations: readonly Operation[], folder: string): Promise<SafetyCopy>;
  close(): void;
}

export type SafetyCopy =
  | { readonly state: "complete"; readonly files: number; readonly bytes: number }
  | { readonly state: "skipped"; readonly reason: string };

/** What there is to do about `ENOSPC` and `SQLITE_FULL`; a repair itself needs a few hundred kilobytes. */
export const DISK_FULL =
  "The disk that holds opencode's data directory is full. Free at least 16 MB on it and try again; nothing was lost.";

/** The store cannot be written now (locked, disk full …). Nothing was changed. */
export class StoreRefusedError extends Error {
  readonly kind: "busy" | "failed";
  constructor(kind: "busy" | "failed", message: string) {
    super(message);
    this.name = "StoreRefusedError";
    this.kind = kind;
  }
}

/** Name of an item's file: a counter makes it unique, the rest is for people who look. */
export function itemFileName(id: string, name: string): string {
  return `items/${id}-${name.replace(/[^A-Za-z0-9._-]/g, "_").slice(-100)}`;
}

export function itemNumber(index: number): string {
  return String(index + 1).padStart(4, "0");
}
