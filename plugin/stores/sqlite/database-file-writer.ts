import { basename, dirname, join } from "node:path";
import { isFileLocator } from "../../model/artifact.ts";
import type { ManifestItem } from "../../model/manifest-item.ts";
import { makePrivateDirectory, PRIVATE_FILE } from "../../platform/durable.ts";
import { errnoCode, type FileSystem } from "../../platform/file-system.ts";
import { hashFile } from "../../platform/hash.ts";
import { moveNoClobber } from "../../platform/move.ts";
import { NOT_DONE } from "../../words/refusals.ts";
import {
  type ItemOutcome,
  type Observed,
  type Prepared,
  type SafetyCopy,
  StoreRefusedError,
  type StoreWriter,
} from "../writer.ts";
import { SIDE_FILES, type SoleUse, soleUse } from "./sole-use.ts";

/** No safety copy is made of a salvaged database, because quarantine holds the whole old database. */
export const WHOLE_IN_QUARANTINE: SafetyCopy = { state: "skipped", reason: "the whole database is in quarantine" };

/**
 * The name of the new database in the salvage's folder in quarantine, before the new database replaces the damaged one.
 */
export const SALVAGED = "salvaged.db";

/** The shared memory of a WAL, in which readers leave marks. It holds no data, and SQLite rebuilds it. */
const INDEX = "-shm";

/** The beginning of the names of folders that keep the files which an undo replaced. */
const REPLACED = "replaced-";

/**
 * Replaces a damaged database with a new one, and undoes that replacement. Each manifest item is one file of the
 * damaged database. Exact copies of these files are in quarantine before a method of this class is called. A database
 * and its side files belong together, but no system renames two files in one step. So the main file decides: one rename
 * puts the new main file in place of the old one. A crash before that rename is rolled back, and a crash after it is
 * completed ({@link settle}). A database never has the WAL of another database.
 */
export class DatabaseFileWriter implements StoreWriter {
  readonly #files: FileSystem;
  readonly #database: string;
  readonly #all: readonly ManifestItem[];

  /** `all`: all items of the salvage's manifest, one for each file of the damaged database. */
  constructor(files: FileSystem, database: string, all: readonly ManifestItem[]) {
    this.#files = files;
    this.#database = database;
    this.#all = all;
  }

  async prepare(): Promise<Prepared> {
    return { items: [], skipped: [] };
  }

  /**
   * Replaces the database.
   * @throws StoreRefusedError if another process has the database open, or if one of its files differs from its copy;
   * then nothing was changed
   */
  async setAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    await this.refuseWhileOpen();
    const before = await this.#state();
    // If there is a side file that is not in the manifest, the database was used since the salvage. The shared memory
    // does not count, because it holds no data.
    for (const suffix of SIDE_FILES.filter((each) => each !== INDEX)) {
      const isKept = items.some((item) => this.#place(item) === this.#database + suffix);
      if (!isKept && (await this.#files.stat(this.#database + suffix)) !== null) throw changedSince();
    }
    for (const item of items) {
      if (!isIndex(item) && !(await this.#holds(this.#place(item), item))) throw changedSince();
      if (!(await this.#holds(this.#kept(item, folder), item))) {
        throw new StoreRefusedError("failed", "The copy in quarantine differs from what the manifest records.");
      }
    }
    await this.#alone(async () => {
      // The hashes were computed without the lock, because reading the file under the lock would release the lock. So
      // under the lock, the state of the files is compared once more.
      if ((await this.#state()) !== before) throw changedSince();
      // The old WAL must be removed before the new database is in place. Otherwise SQLite would write the old WAL's
      // pages into the new database.
      for (const suffix of SIDE_FILES) await this.#remove(this.#database + suffix);
      await this.#files.syncDirectory(dirname(this.#database));
      await this.#files.rename(join(folder, SALVAGED), this.#database);
      await this.#files.syncDirectory(dirname(this.#database));
    });
    return items.map(({ id }) => ({ id, state: "done" }));
  }

  async putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    for (const other of this.#all) {
      if (items.some(({ id }) => id === other.id) || (await this.#holds(this.#place(other), other))) continue;
      return items.map(({ id }) => ({ id, state: "skipped", reason: "a database can only be restored as a whole" }));
    }
    await this.refuseWhileOpen();
    for (const item of items) {
      if (await this.#holds(this.#kept(item, folder), item)) continue;
      return items.map(({ id }) => ({
        id,
        state: "skipped",
        reason: "the copy differs from what the manifest records",
      }));
    }
    // Every step that needs disk space comes first, so that a full disk stops the undo before anything is changed.
    for (const item of items) await this.#copyBeside(item, folder);
    if (!(await this.#isMainBack())) {
      const leaving = await this.#inTheWay();
      const before = await this.#state();
      await this.#alone(async () => {
        if ((await this.#state()) !== before) throw changedSince();
        await this.#makeWay(leaving, folder);
        await this.#mainReturns();
      });
    }
    await this.settle(folder);
    const outcomes: ItemOutcome[] = [];
    for (const item of items) {
      const isBack = (await this.observe(item, folder)) === "live";
      const { id } = item;
      outcomes.push(isBack ? { id, state: "restored" } : { id, state: "skipped", reason: NOT_DONE.occupied });
    }
    return outcomes;
  }

  /**
   * Where the bytes of an item are now. The shared memory counts as back in its place if the main file is back. Its
   * bytes are not compared, because every program that opens the database rebuilds them.
   */
  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    const isLive = isIndex(item) ? await this.#isMainBack() : await this.#holds(this.#place(item), item);
    if (isLive) return "live";
    return (await this.#holds(this.#kept(item, folder), item)) ? "set-aside" : "nowhere";
  }

  async settle(folder: string): Promise<void> {
    const isMainBack = await this.#isMainBack();
    await this.#alone(() => (isMainBack ? this.#sideFilesReturn(folder) : this.#sideFilesStay(folder)));
    for (const suffix of ["", ...SIDE_FILES]) await this.#remove(this.#beside(this.#database + suffix));
  }

  /** Does nothing: the copies in quarantine are kept, because the salvage reads them. */
  async finish(): Promise<void> {}

  async copyForSafety(): Promise<SafetyCopy> {
    return WHOLE_IN_QUARANTINE;
  }

  close(): void {}

  #place({ locator }: ManifestItem): string {
    const path = isFileLocator(locator) ? locator.path : "";
    return this.#database + (SIDE_FILES.find((suffix) => path.endsWith(suffix)) ?? "");
  }

  #isMain(item: ManifestItem): boolean {
    return this.#place(item) === this.#database;
  }

  /**
   * Whether the damaged main file is back in its place. If no main file existed before the salvage, whether the place
   * of the main file is empty again.
   */
  async #isMainBack(): Promise<boolean> {
    const main = this.#all.find((item) => this.#isMain(item));
    if (main === undefined) return (await this.#files.stat(this.#database)) === null;
    return this.#holds(this.#database, main);
  }

  /** The path for the complete copy of a file right before it is moved to its place. */
  #beside(place: string): string {
    return join(dirname(place), `.${basename(place)}.returning`);
  }

  async #copyBeside(item: ManifestItem, folder: string): Promise<void> {
    const aside = this.#beside(this.#place(item));
    await this.#remove(aside);
    await this.#files.copyNew(this.#kept(item, folder), aside, PRIVATE_FILE);
    await this.#files.chmod(aside, Number.parseInt(item.original?.mode ?? "600", 8));
    await this.#files.syncFile(aside);
  }

  /**
   * Moves the present files away before the old ones return. The present files may hold new sessions, so they are kept
   * in the salvage's folder in quarantine, including the main file.
   */
  async #makeWay(leaving: readonly string[], folder: string): Promise<void> {
    if (leaving.length === 0) return;
    const replaced = await this.#freshFolder(folder);
    for (const path of leaving) {
      const kept = join(replaced, basename(path));
      if (path !== this.#database) await moveNoClobber(this.#files, path, kept);
      else await this.#keepAlso(path, kept);
    }
  }

  /** The present files that are in the places of returning files, the main file last. */
  async #inTheWay(): Promise<string[]> {
    const leaving: string[] = [];
    for (const path of [...SIDE_FILES, ""].map((suffix) => this.#database + suffix)) {
      const item = this.#all.find((each) => this.#place(each) === path);
      if ((await this.#files.stat(path)) === null || (item !== undefined && (await this.#holds(path, item)))) continue;
      leaving.push(path);
    }
    return leaving;
  }

  /** Keeps a file under a second name. If the file system has no hard links, a copy is made. */
  async #keepAlso(path: string, kept: string): Promise<void> {
    try {
      await this.#files.link(path, kept);
    } catch (error) {
      if (errnoCode(error) === "ENOSPC") throw error;
      await this.#files.copyNew(path, kept, PRIVATE_FILE);
      await this.#files.syncFile(kept);
    }
    await this.#files.syncDirectory(dirname(kept));
  }

  async #mainReturns(): Promise<void> {
    const isThere = this.#all.some((item) => this.#isMain(item));
    if (isThere) await this.#files.rename(this.#beside(this.#database), this.#database);
    else await this.#files.unlink(this.#database);
    await this.#files.syncDirectory(dirname(this.#database));
  }

  /**
   * Moves the side files of the damaged database to their places, after its main file returned. Side files that another
   * process made meanwhile are not touched.
   */
  async #sideFilesReturn(folder: string): Promise<void> {
    for (const item of this.#all) {
      const place = this.#place(item);
      if (this.#isMain(item) || (await this.#files.stat(place)) !== null) continue;
      if (!(await this.#holds(this.#beside(place), item))) {
        if (!(await this.#holds(this.#kept(item, folder), item))) continue;
        await this.#copyBeside(item, folder);
      }
      await moveNoClobber(this.#files, this.#beside(place), place);
    }
  }

  /**
   * Handles an undo that was interrupted before the main file returned. The side files of the new database are moved
   * back beside the new database.
   */
  async #sideFilesStay(folder: string): Promise<void> {
    const main = await this.#files.stat(this.#database);
    const replaced = await this.#lastFolder(folder);
    const since = replaced === null ? null : await this.#files.stat(replaced);
    // If the main file was changed after the interruption, an older WAL must not return, because SQLite would write
    // that WAL into the file.
    if (main === null || replaced === null || since === null || main.mtimeMs > since.mtimeMs) return;
    for (const suffix of SIDE_FILES) {
      const [path, kept] = [this.#database + suffix, join(replaced, basename(this.#database) + suffix)];
      if ((await this.#files.stat(path)) !== null || (await this.#files.stat(kept)) === null) continue;
      await moveNoClobber(this.#files, kept, path);
    }
    const second = join(replaced, basename(this.#database));
    if ((await this.#files.stat(second))?.inode === main.inode) await this.#files.unlink(second);
    if ((await this.#files.list(replaced))?.length === 0) await this.#files.removeDirectory(replaced);
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

  /**
   * Does nothing if no other process has the database open.
   * @throws StoreRefusedError if another process has the database open
   */
  async refuseWhileOpen(): Promise<void> {
    await this.#alone(async () => undefined);
  }

  /**
   * Runs `work` while no other connection can use the database. During that time, this process does not open the file
   * itself.
   */
  async #alone(work: () => Promise<void>): Promise<void> {
    const use: SoleUse = await soleUse(this.#files, this.#database);
    try {
      await work();
    } finally {
      await use.release();
    }
  }

  /**
   * A text that identifies the state of the database files, made without opening them. The shared memory is left out,
   * because it holds no data.
   */
  async #state(): Promise<string> {
    const files = ["", ...SIDE_FILES].filter((suffix) => suffix !== INDEX);
    const found = await Promise.all(files.map((suffix) => this.#files.stat(this.#database + suffix)));
    return JSON.stringify(found.map((stat) => stat && [stat.inode, stat.size, stat.mtimeMs]));
  }

  async #freshFolder(folder: string): Promise<string> {
    return makePrivateDirectory(this.#files, folder, `${REPLACED}${(await this.#replacedUpTo(folder)) + 1}`);
  }

  async #lastFolder(folder: string): Promise<string | null> {
    const number = await this.#replacedUpTo(folder);
    return number === 0 ? null : join(folder, `${REPLACED}${number}`);
  }

  /** The highest number in the names of the folders for replaced files; 0 if there are none. */
  async #replacedUpTo(folder: string): Promise<number> {
    const numbers = ((await this.#files.list(folder)) ?? []).flatMap(({ name }) =>
      name.startsWith(REPLACED) ? [Number(name.slice(REPLACED.length)) || 0] : [],
    );
    return Math.max(0, ...numbers);
  }
}

function changedSince(): StoreRefusedError {
  return new StoreRefusedError("busy", "The database changed after it was copied: run salvage again.");
}

function isIndex({ locator }: ManifestItem): boolean {
  return isFileLocator(locator) && locator.path.endsWith(INDEX);
}
