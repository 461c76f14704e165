import { basename, dirname, join } from "node:path";
import { makePrivateDirectory } from "../../files/durable.ts";
import type { FileSystem } from "../../files/file-system.ts";
import { hashFile } from "../../files/hash.ts";
import { moveNoClobber } from "../../files/move.ts";
import { openersOf, openersText } from "../../files/openers.ts";
import type { ManifestItem } from "../../quarantine/manifest.ts";
import { isFileLocator } from "../artifact.ts";
import {
  type ItemOutcome,
  type Observed,
  type Prepared,
  type SafetyCopy,
  StoreRefusedError,
  type StoreWriter,
} from "../writer.ts";

/** Name of the new database in the run's folder, until it takes its place. */
export const SALVAGED = "salvaged.db";

const SIDE_FILES = ["-wal", "-shm", "-journal"];

/**
 * Puts a new database in the place of a damaged one, and back. The items are the files of the damaged one; exact copies
 * of them lie in the run's folder before anything here is called.
 */
export class DatabaseFileWriter implements StoreWriter {
  readonly #files: FileSystem;
  readonly #database: string;
  readonly #all: readonly ManifestItem[];

  /** `all`: every file of the run. */
  constructor(files: FileSystem, database: string, all: readonly ManifestItem[]) {
    this.#files = files;
    this.#database = database;
    this.#all = all;
  }

  async prepare(): Promise<Prepared> {
    return { items: [], skipped: [] };
  }

  /**
   * @throws StoreRefusedError where another process has the database open, or one of its files is no longer what was
   * copied; nothing was changed then
   */
  async setAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    await this.#refuseWhileOpen();
    for (const item of items) {
      const isSideIndex = this.#place(item).endsWith("-shm");
      if (!isSideIndex && !(await this.#holds(this.#place(item), item))) {
        throw new StoreRefusedError("busy", "The database changed since it was copied; salvage it again.");
      }
      if (!(await this.#holds(this.#kept(item, folder), item))) {
        throw new StoreRefusedError("failed", "The copy in quarantine is not what was recorded.");
      }
    }
    // The old WAL must be gone before the new database stands there: SQLite would write its frames into it.
    for (const suffix of SIDE_FILES) await this.#remove(this.#database + suffix);
    try {
      await this.#files.syncDirectory(dirname(this.#database));
      await this.#files.rename(join(folder, SALVAGED), this.#database);
    } catch (error) {
      for (const item of items) if (!this.#isMain(item)) await this.#return(item, folder);
      throw error;
    }
    await this.#files.syncDirectory(dirname(this.#database));
    return items.map(({ id }) => ({ id, state: "done" }));
  }

  async putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    for (const other of this.#all) {
      if (items.some(({ id }) => id === other.id) || (await this.#holds(this.#place(other), other))) continue;
      return items.map(({ id }) => ({ id, state: "skipped", reason: "a database returns as a whole" }));
    }
    await this.#refuseWhileOpen();
    for (const item of items) {
      if (await this.#holds(this.#kept(item, folder), item)) continue;
      return items.map(({ id }) => ({ id, state: "skipped", reason: "its copy is not what was recorded" }));
    }
    // What stands there now may hold new conversations: it is kept beside the originals.
    const coming = new Set(items.map((item) => this.#place(item)));
    const isWhole = coming.has(this.#database);
    let replaced: string | null = null;
    for (const suffix of ["", ...SIDE_FILES]) {
      const path = this.#database + suffix;
      if (!(isWhole || coming.has(path)) || (await this.#files.stat(path)) === null) continue;
      replaced ??= await this.#freshFolder(folder);
      await moveNoClobber(this.#files, path, join(replaced, basename(path)));
    }
    // The main file last: without it nobody reads the others.
    const inOrder = [...items].sort((a, b) => Number(this.#isMain(a)) - Number(this.#isMain(b)));
    for (const item of inOrder) await this.#return(item, folder);
    return items.map(({ id }) => ({ id, state: "restored" }));
  }

  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    if (await this.#holds(this.#place(item), item)) return "live";
    return (await this.#holds(this.#kept(item, folder), item)) ? "set-aside" : "nowhere";
  }

  /** The copies stay: they are what the salvage reads. */
  async finish(): Promise<void> {}

  async copyForSafety(): Promise<SafetyCopy> {
    return { state: "skipped", reason: "the whole database is in quarantine" };
  }

  close(): void {}

  #place({ locator }: ManifestItem): string {
    const path = isFileLocator(locator) ? locator.path : "";
    return this.#database + (SIDE_FILES.find((suffix) => path.endsWith(suffix)) ?? "");
  }

  #isMain(item: ManifestItem): boolean {
    return this.#place(item) === this.#database;
  }

  async #return(item: ManifestItem, folder: string): Promise<void> {
    const place = this.#place(item);
    const aside = join(dirname(place), `.${basename(place)}.returning`);
    await this.#remove(aside);
    await this.#files.copyNew(this.#kept(item, folder), aside, Number.parseInt(item.original?.mode ?? "600", 8));
    await this.#files.syncFile(aside);
    await moveNoClobber(this.#files, aside, place);
  }

  #kept({ original }: ManifestItem, folder: string): string {
    return join(folder, original?.file ?? "items/none");
  }

  async #holds(path: string, { original }: ManifestItem): Promise<boolean> {
    if (original === null) return false;
    const found = await this.#files.stat(path);
    if (found?.type !== "file" || found.size !== original.bytes) return false;
    return (await hashFile(this.#files, path)).sha256 === original.sha256;
  }

  async #remove(path: string): Promise<void> {
    if ((await this.#files.stat(path)) !== null) await this.#files.unlink(path);
  }

  async #refuseWhileOpen(): Promise<void> {
    const openers = await openersOf(["", ...SIDE_FILES].map((suffix) => this.#database + suffix));
    if (openers.length === 0) return;
    throw new StoreRefusedError("busy", `The database is open in ${openersText(openers)}. Close it and try again.`);
  }

  async #freshFolder(folder: string): Promise<string> {
    for (let number = 1; ; number += 1) {
      const name = `replaced-${number}`;
      if ((await this.#files.stat(join(folder, name))) === null) return makePrivateDirectory(this.#files, folder, name);
    }
  }
}
