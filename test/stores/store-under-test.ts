import type { Locator } from "../../plugin/model/artifact.ts";
import type { FileSystem } from "../../plugin/platform/file-system.ts";
import type { Located } from "../../plugin/stores/locate.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openStores } from "../../plugin/stores/open.ts";
import type { OpenedStore } from "../../plugin/stores/opened-store.ts";
import type { StoreContent } from "./content.ts";

export type RecordName = "session" | "message" | "part";

/**
 * The whole content of a store, as a text for each name. If two images are equal, the stores are equal byte for byte.
 */
export type Image = Readonly<Record<string, string>>;

/** A store with known content, and functions that change it as another program could. */
export interface StoreUnderTest {
  readonly dataDir: string;
  readonly content: StoreContent;
  /**
   * The place of a record's document. For a session, this is the document that makes the session list fail if it is
   * damaged.
   */
  locatorOf(record: RecordName, id: string): Locator;
  /** The exact current bytes at a place. `null` if nothing is there. */
  bytesAt(locator: Locator): Buffer | null;
  /** Replaces what is at a place, as another program would. */
  overwrite(locator: Locator, bytes: Buffer): void;
  /** Writes at least `bytes` zero bytes to a place, without holding them in memory. */
  overwriteWithZeros(locator: Locator, bytes: number): void;
  /** Removes the record at a place. */
  removeRecord(locator: Locator): void;
  /**
   * All records with storage classes and row ids, or all files with times and modes. The quarantine is not included.
   */
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
