import { join } from "node:path";
import { errnoCode } from "../platform/file-system.ts";
import { isFree } from "../platform/process-identity.ts";
import { namesNow, type RawStat, statNow, targetStatNow } from "../platform/read-now.ts";
import { removeNow, renameNow, StagedFile, writeThroughNow } from "../platform/staged-file.ts";

/** The share of the time that may go into forcing versions to disk before updates of records wait for each other. */
const SHARE = 1 / 25;

/** What may be spent at once, and owed at most, in milliseconds: a version waits no longer than this divided by the share. */
const ALLOWANCE_MS = 10;

/** What `Bun.write` gives a new file, less the umask. */
const NEW_MODE = 0o664;

/** How systems say that somebody holds a file, so that it cannot be replaced now. */
const HELD: ReadonlySet<string> = new Set(["EPERM", "EACCES", "EBUSY", "UNKNOWN"]);

/** Where a version cannot take its place by a rename, though it may be written there. */
const NO_REPLACEMENT: ReadonlySet<string> = new Set(["EXDEV", "ENOENT", ...HELD]);

/** A file that another process left behind is not in use after so long. */
const LEFTOVER_MS = 60_000;

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/** One version of a record on its way to its place. */
interface Version {
  readonly path: string;
  readonly text: string;
  readonly file: StagedFile;
  /** The file of the version before, which the version after this one is written to. */
  spare: StagedFile | null;
  /** Writes that are not answered until it is in place. */
  readonly waiting: Waiting[];
  /** What lay in its place when the write was answered beforehand; `null` where none was. */
  replaces: RawStat | null;
  isPlaced: boolean;
}

/**
 * Replaces record files whole: a version is written to a file of its own, forced to disk, and takes its place by a
 * rename. Where updates come faster than a {@link SHARE} of the time allows to force, they are answered as soon as they
 * are written, and the newest of them takes its place a moment later; {@link RecordWriter.placeNow} does it at once.
 */
export class RecordWriter {
  readonly #folder: string;
  readonly #plainly: (path: string, text: string) => Promise<unknown>;
  readonly #replace: (from: string, to: string) => void;
  readonly #pending = new Map<string, Version>();
  readonly #placing = new Map<string, Version>();
  /** Records whose newest version was answered and then could not be placed: the next write to one waits for its outcome. */
  readonly #failed = new Set<string>();
  #count = 0;
  #isPlacing = false;
  #isWanted = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #allowance = ALLOWANCE_MS;
  #allowedAt = performance.now();

  /**
   * @param folder for the versions on their way: outside of what the host lists, on the file system of the records
   * @param plainly writes where no replacement is possible (a link, another file system, a folder that is not ours, a file
   * that another program holds on Windows)
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
   * Resolves with the bytes written when the version is in place or, in between, safely written. Rejects with the error of
   * the file system (`ENOSPC` …), and then the version before is still there.
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

  /** Puts what was written to a record, or to all of them, and is not in place yet there at once. */
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

  /** Deletes what processes that were killed have left on its way. */
  async sweep(): Promise<void> {
    for (const name of namesNow(this.#folder)) {
      const [, owner] = /^(\d+)-\d+\.tmp$/.exec(name) ?? [];
      if (owner === undefined || Number(owner) === process.pid) continue;
      const file = join(this.#folder, name);
      const age = Date.now() - (targetStatNow(file)?.mtimeMs ?? 0);
      if (isFree(Number(owner)) || age > LEFTOVER_MS) removeNow(file);
    }
  }

  /** Writes a version beside the records; `null` where nothing can be written there, though there is room. */
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
    // Versions take their places in the order of their last writes.
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

  /** Places everything that is pending, and what is written meanwhile and waits. One at a time. */
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

  /** `false` where it could not be: then it is tried with the others, and its failure told. */
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

  /** As the host itself writes: what keeps a file from being replaced need not keep it from being written. */
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
    // Whoever removed or replaced the record since came later than this version.
    if (replaces === null || isSame(replaces, statNow(path))) {
      file.takePlace(path, this.#replace);
      this.#noteReplaced(path);
    } else file.discard();
    version.isPlaced = true;
  }

  /** What was put in place here is not somebody else's doing. */
  #noteReplaced(path: string): void {
    const newer = this.#pending.get(path);
    // Whoever removes it in this moment comes later than both.
    if (newer !== undefined && newer.replaces !== null) newer.replaces = statNow(path) ?? newer.replaces;
  }
}

/** A rename puts a file of this user in the place: where something else is to stay, it is written through. */
function isReplaceable(existing: RawStat): boolean {
  const uid = process.getuid?.();
  return existing.isFile() && (existing.mode & 0o200) !== 0 && (uid === undefined || existing.uid === uid);
}

function isSame(before: RawStat, now: RawStat | undefined): boolean {
  return now !== undefined && now.ino === before.ino && now.mtimeMs === before.mtimeMs && now.size === before.size;
}
