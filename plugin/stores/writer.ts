import type { Locator, RecordKind } from "../model/artifact.ts";
import type { ItemState, ManifestItem, RunFolder } from "../model/manifest-item.ts";
import type { ContentHash, Replacement } from "../model/replacement.ts";

/**
 * One planned change of a record, with the content that was seen when the change was planned. The change is made only
 * if the record still has that content.
 */
export interface Operation {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
  readonly code: string;
  readonly evidence: string;
  readonly remedy: ManifestItem["remedy"];
  /**
   * The size and SHA-256 of the content that was checked (the bytes or the whole row). `null` if there was no record.
   */
  readonly seen: ContentHash | null;
  /** The new content of the record; `null` if the record is only quarantined. */
  readonly replacement: Replacement | null;
}

/** What was done with one record. `reason` is a short text without session content or user paths. */
export interface ItemOutcome {
  readonly id: string;
  readonly state: ItemState;
  readonly reason?: string;
}

/** Reasons why a planned change was not made: another process changed or removed the record first. */
export const CHANGED_SINCE = "the record changed after it was checked";
export const GONE_SINCE = "the record is no longer there";

/** Whether a change was not made because its record changed or disappeared after the check. */
export function isOvertaken(reason: string | undefined): boolean {
  return reason === CHANGED_SINCE || reason === GONE_SINCE;
}

export interface PrepareOptions {
  /** How many manifest items of this repair already belong to the session that is changed now. */
  readonly taken: number;
  /**
   * Whether many originals are saved together in one file. In large repairs, one file for each row would take minutes.
   */
  readonly inBundles: boolean;
}

export interface Prepared {
  readonly items: ManifestItem[];
  readonly skipped: { readonly operation: Operation; readonly reason: string }[];
}

/**
 * Where the recorded bytes of a manifest item are: `live` (in opencode's data, even if also in quarantine), `set-aside`
 * (only in quarantine), or `nowhere`. For an item without an original, `live` means that the place is empty, and
 * `set-aside` that the new record is there.
 */
export type Observed = "live" | "set-aside" | "nowhere";

/**
 * Changes a store: the JSON files of a data directory, or one database. Before each change, the manifest must hold the
 * items to change.
 */
export interface StoreWriter {
  /**
   * Describes the changes as manifest items. Rows and values are saved exactly as they are; files are moved later and
   * need no copy. opencode's data is not changed.
   */
  prepare(operations: readonly Operation[], run: RunFolder, how?: PrepareOptions): Promise<Prepared>;
  /**
   * Removes or replaces the records of the items, so that opencode no longer reads the old records. A record is changed
   * only if it still equals the saved record. All items must come from this writer's `prepare`.
   */
  setAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  /** Restores the records of the items. A record is restored only if no other record is in its place. */
  putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  /**
   * Completes or rolls back an interrupted change that concerns all items of a manifest together. Called before
   * `observe`.
   * @throws StoreRefusedError if this is not possible now
   */
  settle(folder: string): Promise<void>;
  observe(item: ManifestItem, folder: string): Promise<Observed>;
  /**
   * Cleans up one item after an interruption. If opencode's data still holds every byte, the second name of these bytes
   * in quarantine is removed. If the bytes are only in quarantine, the replacement is moved to its place.
   */
  finish(item: ManifestItem, folder: string, seen: Observed): Promise<void>;
  /**
   * Copies the records that a session needs to load into `<folder>/safety`. If they are not copied, the result says
   * why.
   */
  copyForSafety(sessionID: string, operations: readonly Operation[], folder: string): Promise<SafetyCopy>;
  close(): void;
}

export type SafetyCopy =
  | { readonly state: "complete"; readonly files: number; readonly bytes: number }
  | { readonly state: "skipped"; readonly reason: string };

/** The text for a full disk (`ENOSPC`, `SQLITE_FULL`). The repair itself needs only a few hundred kilobytes. */
export const DISK_FULL =
  "The disk that holds opencode's data directory is full. Free at least 16 MB on this disk and try again; nothing was lost.";

/** A store cannot be written now (it is locked, the disk is full …). Nothing was changed. */
export class StoreRefusedError extends Error {
  readonly kind: "busy" | "failed";
  constructor(kind: "busy" | "failed", message: string) {
    super(message);
    this.name = "StoreRefusedError";
    this.kind = kind;
  }
}

/** The name of the file for an item. The number makes the name unique; the rest helps people to find a record. */
export function itemFileName(id: string, name: string): string {
  return `items/${id}-${name.replace(/[^A-Za-z0-9._-]/g, "_").slice(-100)}`;
}

export function itemNumber(index: number): string {
  return String(index + 1).padStart(4, "0");
}
