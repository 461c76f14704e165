import type { ContentHash } from "../files/hash.ts";
import type { ItemState, ManifestItem } from "../quarantine/manifest.ts";
import type { RunFolder } from "../quarantine/vault.ts";
import type { Locator, RecordKind } from "./artifact.ts";

/** One thing to do, with what was seen when it was decided: it is done only while that still holds. */
export interface Operation {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
  readonly code: string;
  readonly evidence: string;
  readonly remedy: ManifestItem["remedy"];
  /** Size and SHA-256 of the bytes that were judged. */
  readonly seen: ContentHash;
}

/** What became of an item or an operation. A reason is one plain clause, without content or user paths. */
export interface ItemOutcome {
  readonly id: string;
  readonly state: ItemState;
  readonly reason?: string;
}

export interface Prepared {
  readonly items: ManifestItem[];
  readonly skipped: { readonly operation: Operation; readonly reason: string }[];
}

/** Where the recorded bytes of an item are: in their live place (also if in quarantine too), in quarantine, or nowhere. */
export type Observed = "live" | "set-aside" | "nowhere";

/** The writing side of a store. It acts on manifest items only, after they were journaled. */
export interface StoreWriter {
  /** Captures the exact bytes where the store cannot simply move them, and describes the items. Live data stays as it is. */
  prepare(operations: readonly Operation[], run: RunFolder): Promise<Prepared>;
  /** Takes the items out of the hosts' read path, each only if it is still what was captured. */
  setAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  /** Puts the items back, each only where nothing else has taken its place. */
  putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]>;
  observe(item: ManifestItem, folder: string): Promise<Observed>;
  /** After an interrupted move, where the live place still holds every byte: removes the second name of the same bytes. */
  discardDuplicate(item: ManifestItem, folder: string): Promise<void>;
  /** Copies what a session needs to load into `<folder>/safety`, or says why not. */
  copyForSafety(sessionID: string, operations: readonly Operation[], folder: string): Promise<SafetyCopy>;
  close(): void;
}

export type SafetyCopy =
  | { readonly state: "complete"; readonly files: number; readonly bytes: number }
  | { readonly state: "skipped"; readonly reason: string };

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
