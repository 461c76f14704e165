import type { Locator, RecordKind } from "../model/artifact.ts";
import type { ItemState, ManifestItem, RunFolder } from "../model/manifest-item.ts";
import type { ContentHash, Replacement } from "../model/replacement.ts";

/**
 * One planned action, with the state that was seen when it was decided. The action is done only if the state is still
 * the same.
 */
export interface Operation {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
  readonly code: string;
  readonly evidence: string;
  readonly remedy: ManifestItem["remedy"];
  /** Size and SHA-256 of the bytes that were checked, or of the whole row. `null`: nothing is there. */
  readonly seen: ContentHash | null;
  /** `null`: the record is only quarantined. */
  readonly replacement: Replacement | null;
}

/** The outcome of an item or an operation. A reason is one clause, without content or user paths. */
export interface ItemOutcome {
  readonly id: string;
  readonly state: ItemState;
  readonly reason?: string;
}

/**
 * Reasons why an operation was not done: another process changed the record first. The present record is not the one
 * that was checked.
 */
export const CHANGED_SINCE = "the record changed after it was checked";
export const GONE_SINCE = "it is no longer there";

/** Whether an operation was not done because its record changed after the check. */
export function isOvertaken(reason: string | undefined): boolean {
  return reason === CHANGED_SINCE || reason === GONE_SINCE;
}

export interface PrepareOptions {
  /** The number of items that the same session already has. */
  readonly taken: number;
  /**
   * Whether the originals of many rows are saved in one file. For large plans, one file for each row would take
   * minutes.
   */
  readonly inBundles: boolean;
}

export interface Prepared {
  readonly items: ManifestItem[];
  readonly skipped: { readonly operation: Operation; readonly reason: string }[];
}

/**
 * The place of an item's recorded bytes: the live place (even if also in quarantine), quarantine, or nowhere. If an
 * item has no original, `live` means that its place is empty, and `set-aside` that its replacement is there.
 */
export type Observed = "live" | "set-aside" | "nowhere";

/** The functions of a store that write. A writer acts only on manifest items that were journaled before. */
export interface StoreWriter {
  /**
   * Captures the exact bytes if the store cannot simply move them, and describes the items. Live data is not changed.
   */
  prepare(operations: readonly Operation[], run: RunFolder, how?: PrepareOptions): Promise<Prepared>;
  /**
   * Removes the items from the hosts' read path and puts their replacements in their place. Each record is changed only
   * if it is still the one that was captured. Only for items that this writer has prepared.
   */
  setAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  /** Restores the items, each only if nothing else has taken its place. */
  putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  /**
   * Completes or rolls back an interruption that concerns all items of a run together; called before `observe`. @throws
   * StoreRefusedError if this must wait
   */
  settle(folder: string): Promise<void>;
  observe(item: ManifestItem, folder: string): Promise<Observed>;
  /**
   * Cleans up after an interruption. If the live place still holds every byte, second names of the same bytes are
   * removed. If the bytes are quarantined, a replacement that is not in its place yet is moved there.
   */
  finish(item: ManifestItem, folder: string, seen: Observed): Promise<void>;
  /** Copies the records that a session needs to load into `<folder>/safety`, or says why they are not copied. */
  copyForSafety(sessionID: string, operations: readonly Operation[], folder: string): Promise<SafetyCopy>;
  close(): void;
}

export type SafetyCopy =
  | { readonly state: "complete"; readonly files: number; readonly bytes: number }
  | { readonly state: "skipped"; readonly reason: string };

/** The advice for `ENOSPC` and `SQLITE_FULL`. A repair itself needs a few hundred kilobytes. */
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

/** The name of an item's file. A counter makes the name unique; the rest of it helps people. */
export function itemFileName(id: string, name: string): string {
  return `items/${id}-${name.replace(/[^A-Za-z0-9._-]/g, "_").slice(-100)}`;
}

export function itemNumber(index: number): string {
  return String(index + 1).padStart(4, "0");
}
