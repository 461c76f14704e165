import { join } from "node:path";
import { errnoCode } from "../platform/file-system.ts";
import { isFree } from "../platform/process-identity.ts";
import { namesNow, type RawStat, statNow, targetStatNow } from "../platform/read-now.ts";
import { removeNow, renameNow, StagedFile, writeThroughNow } from "../platform/staged-file.ts";

/**
 * The plugin spends at most this share of the time on forcing files to disk. When the share is used up, the update of a
 * record is reported as done before the new version is forced to disk. If a newer version follows soon, only the newer
 * version is forced to disk.
 */
const SHARE = 1 / 25;

/**
 * Unused time for forcing files to disk is saved up to this limit, in milliseconds. Time that was used in excess counts
 * up to the same limit, so a version waits at most for this limit divided by {@link SHARE}.
 */
const ALLOWANCE_MS = 10;

/** The mode that `Bun.write` gives a new file, before the umask. */
const NEW_MODE = 0o664;

/** Error codes for a file that another program holds, so that it cannot be replaced now. */
const HELD: ReadonlySet<string> = new Set(["EPERM", "EACCES", "EBUSY", "UNKNOWN"]);

/** Error codes for a path that may be written, but not replaced by a rename. */
const NO_REPLACEMENT: ReadonlySet<string> = new Set(["EXDEV", "ENOENT", ...HELD]);

/** A temporary file of another process that is older than this time, in milliseconds, is no longer in use. */
const LEFTOVER_MS = 60_000;

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/** One version of a record that is not in its place yet. */
interface Version {
  readonly path: string;
  readonly text: string;
  readonly file: StagedFile;
  /** The file of the previous version. The next version is written into the same file. */
  spare: StagedFile | null;
  /** Writes that are reported as done only when the version is in place. */
  readonly waiting: Waiting[];
  /**
   * The state of the record's file when the write was reported as done too early, before the version was in place;
   * otherwise `null`.
   */
  replaces: RawStat | null;
  isPlaced: boolean;
}

/**
 * Replaces record files as a whole. Each version is written to a file of its own, forced to disk, and renamed into
 * place. If updates come too fast for the {@link SHARE} of time for forcing, each update is reported as done as soon as
 * its version is written. The newest version is then put in place a moment later, or at once by {@link
 * RecordWriter.placeNow}.
 */
export class RecordWriter {
  readonly #folder: string;
  readonly #plainly: (path: string, text: string) => Promise<unknown>;
  readonly #replace: (from: string, to: string) => void;
  readonly #pending = new Map<string, Version>();
  readonly #placing = new Map<string, Version>();
  /**
   * Records whose newest version was reported as written, but could not be put in place. The next write to such a
   * record waits for its own result.
   */
  readonly #failed = new Set<string>();
  #count = 0;
  #isPlacing = false;
  #isWanted = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #allowance = ALLOWANCE_MS;
  #allowedAt = performance.now();

  /**
   * @param folder for versions that are not in place yet. opencode must not list it, and it must be on the file system of
   * the records
   * @param plainly writes in place if no replacement is possible (a link, another file system, another user's folder, a
   * file that another program holds on Windows)
   */
  constructor(
    folder: string,
    plainly: (path: string, text: string) => Promise<unknown>,
    replace: (from: string, to: string) => void = renameNow,
  ) {
    this.#folder = folder;
    this.#plainly = plainly;
    this.#replace = replace;
  }

  /**
   * Writes a version of a record. Resolves with the number of bytes when the version is in place or, for fast updates,
   * safely written. Rejects with the error of the file system (`ENOSPC` …). After such an error the previous version
   * still exists.
   */
  async write(path: string, text: string): Promise<number> {
    const existing = statNow(path);
    const version = existing === undefined || isReplaceable(existing) ? this.#stage(path, text, existing) : null;
    if (version === null) {
      this.placeNow(path);
      await this.#plainly(path, text);
      return Buffer.byteLength(text);
    }
    if (existing !== undefined && this.#balance() <= 0 && !this.#failed.delete(path)) {
      version.replaces = existing;
      this.#placeLater();
    } else {
      await new Promise<void>((resolve, reject) => {
        version.waiting.push({ resolve, reject });
        void this.#place();
      });
    }
    return version.file.length;
  }

  /** Puts waiting versions in place at once: those of one record, or all. */
  placeNow(path?: string): void {
    const isMeant = (version: Version) => path === undefined || version.path === path;
    for (const version of [...this.#placing.values()].filter(isMeant)) this.#putForced(version);
    for (const version of [...this.#pending.values()].filter(isMeant)) {
      if (!this.#putForced(version)) continue;
      this.#pending.delete(version.path);
      const older = this.#placing.get(version.path);
      if (older !== undefined) older.isPlaced = true;
      version.file.discard();
      version.spare?.discard();
      for (const { resolve } of version.waiting) resolve();
    }
  }

  /** Deletes files that killed processes left behind. */
  async sweep(): Promise<void> {
    for (const name of namesNow(this.#folder)) {
      const [, owner] = /^(\d+)-\d+\.tmp$/.exec(name) ?? [];
      if (owner === undefined || Number(owner) === process.pid) continue;
      const file = join(this.#folder, name);
      const age = Date.now() - (targetStatNow(file)?.mtimeMs ?? 0);
      if (isFree(Number(owner)) || age > LEFTOVER_MS) removeNow(file);
    }
  }

  /**
   * Writes a version to a temporary file. Returns `null` if no temporary file can be created.
   * @throws the error of a disk that is full or fails
   */
  #stage(path: string, text: string, existing: RawStat | undefined): Version | null {
    const older = this.#pending.get(path);
    const bytes = Buffer.from(text, "utf8");
    let file = older?.spare ?? null;
    try {
      file ??= this.#create(existing?.mode);
      file.overwrite(bytes);
    } catch (error) {
      file?.discard();
      if (older !== undefined) older.spare = null;
      if (file === null && !["ENOSPC", "EDQUOT", "EIO"].includes(errnoCode(error) ?? "")) return null;
      throw error;
    }
    const version: Version = {
      path,
      text,
      file,
      spare: older?.file ?? null,
      waiting: older?.waiting ?? [],
      replaces: null,
      isPlaced: false,
    };
    // Versions are put in place in the order of their last writes.
    this.#pending.delete(path);
    this.#pending.set(path, version);
    return version;
  }

  #create(mode: number | undefined): StagedFile {
    this.#count += 1;
    return StagedFile.create(join(this.#folder, `${process.pid}-${this.#count}.tmp`), NEW_MODE, mode);
  }

  #balance(): number {
    const now = performance.now();
    this.#allowance = Math.min(ALLOWANCE_MS, this.#allowance + (now - this.#allowedAt) * SHARE);
    this.#allowedAt = now;
    return this.#allowance;
  }

  #placeLater(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        void this.#place();
      },
      Math.max(1, -this.#balance() / SHARE),
    );
    this.#timer.unref?.();
  }

  /**
   * Puts all waiting versions in place, including those that are written in the meantime. Only one call runs at a time.
   */
  async #place(): Promise<void> {
    this.#isWanted = true;
    if (this.#isPlacing) return;
    this.#isPlacing = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      const begun = performance.now();
      for (const [path, version] of this.#pending) this.#placing.set(path, version);
      this.#pending.clear();
      const versions = [...this.#placing.values()];
      const forced = await Promise.allSettled(versions.map(({ file }) => file.force()));
      for (const [index, version] of versions.entries()) {
        const failure = forced[index];
        await this.#finish(version, failure?.status === "rejected" ? failure.reason : undefined);
      }
      this.#allowance = Math.max(-ALLOWANCE_MS, this.#balance() - (performance.now() - begun));
    }
    this.#isPlacing = false;
  }

  async #finish(version: Version, failure: unknown): Promise<void> {
    version.file.close();
    version.spare?.discard();
    try {
      if (version.isPlaced) version.file.discard();
      else if (failure === undefined) await this.#put(version);
      else throw failure;
      for (const { resolve } of version.waiting) resolve();
    } catch (error) {
      version.file.discard();
      if (version.waiting.length === 0) this.#failed.add(version.path);
      for (const { reject } of version.waiting) reject(error);
    }
    this.#placing.delete(version.path);
  }

  async #put(version: Version): Promise<void> {
    try {
      this.#rename(version);
    } catch (error) {
      if (!NO_REPLACEMENT.has(errnoCode(error) ?? "")) throw error;
      version.file.discard();
      await this.#plainly(version.path, version.text);
      this.#noteReplaced(version.path);
    }
  }

  /**
   * Forces a version to disk and puts it in place. Returns `false` on failure. The version is then tried again with the
   * other waiting versions, and that attempt reports its failure.
   */
  #putForced(version: Version): boolean {
    if (version.isPlaced) return true;
    try {
      version.file.forceNow();
      this.#rename(version);
      return true;
    } catch (error) {
      return HELD.has(errnoCode(error) ?? "") && this.#writeThrough(version);
    }
  }

  /**
   * Writes the text directly into the record's file, as opencode itself does. An error that prevents a replacement may
   * still allow such a write.
   */
  #writeThrough(version: Version): boolean {
    try {
      writeThroughNow(version.path, version.text);
    } catch {
      return false;
    }
    version.isPlaced = true;
    this.#noteReplaced(version.path);
    return true;
  }

  #rename(version: Version): void {
    const { path, file, replaces } = version;
    // If another program removed or replaced the record after this write was reported as done, that change is newer
    // than this version.
    if (replaces === null || isSame(replaces, statNow(path))) {
      file.takePlace(path, this.#replace);
      this.#noteReplaced(path);
    } else file.discard();
    version.isPlaced = true;
  }

  /** Notes that this process replaced the file, so that the replacement does not count as another program's change. */
  #noteReplaced(path: string): void {
    const newer = this.#pending.get(path);
    // If another program has removed the record by now, there is no new state to note, so the waiting version will not
    // be put in place.
    if (newer !== undefined && newer.replaces !== null) newer.replaces = statNow(path) ?? newer.replaces;
  }
}

/**
 * After a rename, the file would belong to this user. If owner or mode must stay, the file is written in place instead.
 */
function isReplaceable(existing: RawStat): boolean {
  const uid = process.getuid?.();
  return existing.isFile() && (existing.mode & 0o200) !== 0 && (uid === undefined || existing.uid === uid);
}

function isSame(before: RawStat, now: RawStat | undefined): boolean {
  return now !== undefined && now.ino === before.ino && now.mtimeMs === before.mtimeMs && now.size === before.size;
}
