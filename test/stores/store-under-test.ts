import type { Locator } from "../../plugin/model/artifact.ts";
import type { FileSystem } from "../../plugin/platform/file-system.ts";
import type { Located } from "../../plugin/stores/locate.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openStores } from "../../plugin/stores/open.ts";
import type { OpenedStore } from "../../plugin/stores/opened-store.ts";
import type { StoreContent } from "./content.ts";

export type RecordName = "session" | "message" | "part";

/** Everything in a store, as text by name: equal images are equal stores, byte for byte. */
export type Image = Readonly<Record<string, string>>;

/** A store of known content, and what another program could do to it. */
export interface StoreUnderTest {
  readonly dataDir: string;
  readonly content: StoreContent;
  /** The document that a record of this id is kept in; of a session the one that fails its list. */
  locatorOf(record: RecordName, id: string): Locator;
  /** The exact live bytes at a place, `null` where nothing is. */
  bytesAt(locator: Locator): Buffer | null;
  /** Replaces what is at a place, as a foreign program would. */
  overwrite(locator: Locator, bytes: Buffer): void;
  /** Puts something of at least `bytes` zero bytes there without holding it. */
  overwriteWithZeros(locator: Locator, bytes: number): void;
  /** Removes the record at a place. */
  removeRecord(locator: Locator): void;
  /** All records with storage classes and row ids, or all files with times and modes; the quarantine left out. */
  image(): Image;
  remove(): void;
}

export type OpenStore = OpenedStore & { state: "ok" };

export async function located(files: FileSystem, dataDir: string): Promise<Located> {
  const found = await locate(files, { env: {}, dataDir });
  if (!found.ok) throw new Error(found.message);
  return found.located;
}

/** Opens the only store of a data directory. */
export async function openOnly(files: FileSystem, dataDir: string): Promise<OpenStore> {
  const [store] = await openStores(files, await located(files, dataDir), "outside");
  if (store?.state !== "ok") throw new Error(`The store is ${store === undefined ? "absent" : store.state}.`);
  return store;
}
