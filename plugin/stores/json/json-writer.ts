import { basename, dirname, join } from "node:path";
import { isFileLocator, type Locator } from "../../model/artifact.ts";
import type { ContentHash, Replacement } from "../../model/replacement.ts";
import { makePrivateDirectory, PRIVATE_FILE } from "../../platform/durable.ts";
import { errnoCode, type FileStat, type FileSystem } from "../../platform/file-system.ts";
import { hashFile, sha256 } from "../../platform/hash.ts";
import { moveNoClobber, OccupiedError } from "../../platform/move.ts";
import { openForWriting } from "../../platform/openers.ts";
import { amount } from "../../plural.ts";
import { type ManifestItem, recordedFields } from "../../quarantine/manifest.ts";
import { type RunFolder, writeItem } from "../../quarantine/vault.ts";
import { withFields } from "../../records/fields.ts";
import { fileText } from "../../records/file-text.ts";
import {
  CHANGED_SINCE,
  GONE_SINCE,
  type ItemOutcome,
  itemFileName,
  itemNumber,
  type Observed,
  type Operation,
  type Prepared,
  type PrepareOptions,
  type SafetyCopy,
  type StoreWriter,
} from "../writer.ts";
import { isPlainID, messageFolder, partFolder, STORAGE } from "./layout.ts";

/** Free space that a safety copy leaves: the repair itself and opencode need some. */
const SPACE_TO_LEAVE = 16 * 1024 * 1024;

/** Looking whether a process writes to a file takes as long for many as for one. */
const ITEMS_AT_ONCE = 50;

const BEING_WRITTEN = "another process is writing to it";

/** Sets files of opencode 1.0-1.1 aside by moving them; a move needs no space and keeps every byte, time and id. */
export class JsonWriter implements StoreWriter {
  readonly #files: FileSystem;
  readonly #dataDir: string;

  constructor(files: FileSystem, dataDir: string) {
    this.#files = files;
    this.#dataDir = dataDir;
  }

  async prepare(operations: readonly Operation[], run: RunFolder, how?: PrepareOptions): Promise<Prepared> {
    const items: ManifestItem[] = [];
    const skipped: Prepared["skipped"] = [];
    for (const operation of operations) {
      const item = await this.#prepareOne(itemNumber((how?.taken ?? 0) + items.length), operation, run.path);
      if (typeof item === "string") skipped.push({ operation, reason: item });
      else items.push(item);
    }
    return { items, skipped };
  }

  async setAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (let start = 0; start < items.length; start += ITEMS_AT_ONCE) {
      outcomes.push(...(await this.#setSomeAside(items.slice(start, start + ITEMS_AT_ONCE), folder)));
    }
    return outcomes;
  }

  async putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (const item of items) outcomes.push(await this.#putOneBack(item, folder));
    return outcomes;
  }

  /** Each file is a matter of its own. */
  async settle(): Promise<void> {}

  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    const path = await this.#livePath(item.locator);
    if (item.original === null) return path !== null && (await this.#files.stat(path)) === null ? "live" : "set-aside";
    const live = path !== null && (await this.#holds(path, item.original));
    const kept = await this.#holds(join(folder, item.original.file), item.original);
    if (live) return "live";
    return kept ? "set-aside" : "nowhere";
  }

  async finish(item: ManifestItem, folder: string, seen: Observed): Promise<void> {
    if (seen === "set-aside") await this.#putInPlace(item, folder);
    if (seen === "live" && item.original !== null) {
      const kept = join(folder, item.original.file);
      if ((await this.#files.stat(kept)) !== null) await this.#files.unlink(kept);
    }
    await this.#makePrivate(item, folder);
  }

  async copyForSafety(sessionID: string, operations: readonly Operation[], folder: string): Promise<SafetyCopy> {
    const paths = await this.#loadCriticalFiles(sessionID, operations);
    let bytes = 0;
    for (const path of paths) bytes += (await this.#files.stat(join(this.#dataDir, path)))?.size ?? 0;
    if ((await this.#files.freeBytes(folder)) < bytes + SPACE_TO_LEAVE) {
      return { state: "skipped", reason: `not enough free space for ${amount(bytes, "byte")}` };
    }
    try {
      for (const path of paths) {
        const target = await makePrivateDirectory(this.#files, folder, "safety", ...dirname(path).split("/"));
        await this.#files.copyNew(join(this.#dataDir, path), join(target, basename(path)), PRIVATE_FILE);
      }
    } catch (error) {
      const code = errnoCode(error);
      // A copy is a comfort: only a failing disk is a reason not to go on without it.
      if (code === null || code === "EIO") throw error;
      return { state: "skipped", reason: `it could not be copied (${code})` };
    }
    return { state: "complete", files: paths.length, bytes };
  }

  close(): void {}

  async #prepareOne(id: string, operation: Operation, folder: string): Promise<ManifestItem | string> {
    const path = await this.#livePath(operation.locator);
    const found = path === null ? null : await this.#files.stat(path);
    if (operation.seen === null) {
      if (path === null || found !== null) return "something is in its place now";
      return asItem(id, operation, null, await this.#saveReplacement(id, operation, null, folder));
    }
    if (path === null || found?.type !== "file") return GONE_SINCE;
    const content = await hashFile(this.#files, path);
    if (!same(content, operation.seen)) return CHANGED_SINCE;
    if (operation.replacement === null) return asItem(id, operation, { found, content }, null);
    const replacement = await this.#saveReplacement(id, operation, path, folder);
    if (replacement === null) return "what should take its place does not fit";
    return asItem(id, operation, { found, content }, replacement);
  }

  /** Writes what will take the place of a file into the run's folder; `null` where it does not fit what is there. */
  async #saveReplacement(
    id: string,
    { locator, replacement }: Operation,
    path: string | null,
    folder: string,
  ): Promise<ManifestItem["replacement"] | null> {
    if (replacement === null || !isFileLocator(locator)) return null;
    const bytes = await this.#replacingBytes(replacement.content, path);
    if (bytes === null) return null;
    const file = itemFileName(id, `new-${basename(locator.path)}`);
    await writeItem(this.#files, folder, file, bytes);
    return {
      source: replacement.source,
      sha256: sha256(bytes),
      file,
      bytes: bytes.length,
      ...recordedFields(replacement.content),
    };
  }

  async #replacingBytes(content: Replacement["content"], path: string | null): Promise<Uint8Array | null> {
    if ("bytes" in content) return content.bytes;
    if ("cells" in content || "rows" in content || path === null) return null;
    const bytes = await this.#files.read(path);
    if (typeof bytes === "string") return null;
    const completed = withFields(JSON.parse(fileText(bytes)), content.fields);
    // The form in which opencode 1.0-1.1 writes its records.
    return completed === null ? null : Buffer.from(JSON.stringify(completed.value, null, 2));
  }

  /** What a process is about to write to is looked for before and after the move: none can have begun in between. */
  async #setSomeAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    const before = await this.#beingWritten(items, ({ locator }) => this.#livePath(locator));
    const outcomes = new Map<ManifestItem, ItemOutcome>();
    for (const item of items) {
      outcomes.set(item, before.has(item) ? skipped(item, BEING_WRITTEN) : await this.#setOneAside(item, folder));
    }
    const moved = items.filter((item) => item.original !== null && outcomes.get(item)?.state === "done");
    const after = await this.#beingWritten(moved, async ({ original }) => join(folder, original?.file ?? ""));
    for (const item of moved) {
      if (after.has(item)) outcomes.set(item, await this.#giveBack(item, folder));
      else await this.#putInPlace(item, folder);
    }
    return [...outcomes.values()];
  }

  async #beingWritten(
    items: readonly ManifestItem[],
    pathOf: (item: ManifestItem) => Promise<string | null>,
  ): Promise<Set<ManifestItem>> {
    const files: { name: string; stat: FileStat; item: ManifestItem }[] = [];
    for (const item of items) {
      const path = await pathOf(item);
      const stat = path === null ? null : await this.#files.stat(path);
      if (stat !== null && isFileLocator(item.locator)) files.push({ name: basename(item.locator.path), stat, item });
    }
    return new Set([...openForWriting(files)].map(({ item }) => item));
  }

  async #setOneAside(item: ManifestItem, folder: string): Promise<ItemOutcome> {
    const path = await this.#livePath(item.locator);
    const { original } = item;
    if (path === null) return skipped(item, "its place is not a safe path inside the data directory");
    if (original === null) {
      return (await this.#putInPlace(item, folder))
        ? { id: item.id, state: "done" }
        : skipped(item, "something is in its place now");
    }
    if (!(await this.#holds(path, original))) return skipped(item, CHANGED_SINCE);
    const kept = join(folder, original.file);
    await moveNoClobber(this.#files, path, kept);
    // Somebody wrote between the last look and the move: what was moved is not what was judged.
    if (!(await this.#holds(kept, original))) return this.#giveBack(item, folder);
    await this.#makePrivate(item, folder);
    return { id: item.id, state: "done" };
  }

  /** The files of an item in quarantine; of one that has another name outside of it the mode stays. */
  async #makePrivate({ original, replacement }: ManifestItem, folder: string): Promise<void> {
    for (const file of [original?.file, replacement?.file]) {
      if (file === undefined) continue;
      const kept = join(folder, file);
      const found = await this.#files.stat(kept);
      if (found?.type !== "file" || found.links !== 1 || (found.mode & 0o777) === PRIVATE_FILE) continue;
      await this.#files.chmod(kept, PRIVATE_FILE);
    }
  }

  /** Moves a replacement from the run's folder to the live place, unless something stands there. Whether it did. */
  async #putInPlace(item: ManifestItem, folder: string): Promise<boolean> {
    const path = await this.#livePath(item.locator);
    const { replacement, original } = item;
    if (path === null || replacement?.file === undefined) return false;
    const prepared = join(folder, replacement.file);
    if (!(await this.#holds(prepared, contentOf(replacement)))) return false;
    await this.#makeParents(path);
    await this.#files.chmod(prepared, original?.mode == null ? 0o644 : Number.parseInt(original.mode, 8));
    try {
      await moveNoClobber(this.#files, prepared, path);
      return true;
    } catch (error) {
      if (!(error instanceof OccupiedError)) throw error;
      const [ready, live] = [await this.#files.stat(prepared), await this.#files.stat(path)];
      // A crash came between its two names: it is in its place.
      const isInPlace = ready !== null && ready.inode === live?.inode && ready.device === live.device;
      if (isInPlace) await this.#files.unlink(prepared);
      else await this.#files.chmod(prepared, PRIVATE_FILE);
      return isInPlace;
    }
  }

  /** Takes a replacement that is still what was put there out of the live place. Whether that place is free now. */
  async #takeReplacementBack(item: ManifestItem, path: string, folder: string): Promise<boolean> {
    const { replacement } = item;
    if ((await this.#files.stat(path)) === null) return true;
    if (replacement?.file === undefined || !(await this.#holds(path, contentOf(replacement)))) return false;
    const prepared = join(folder, replacement.file);
    if (await this.#holds(prepared, contentOf(replacement))) await this.#files.unlink(path);
    else await moveNoClobber(this.#files, path, prepared);
    if ((await this.#files.stat(prepared))?.links === 1) await this.#files.chmod(prepared, PRIVATE_FILE);
    return true;
  }

  /** Moves a file back that is written to. Where a newer one has replaced it, the judged bytes stay in quarantine. */
  async #giveBack(item: ManifestItem, folder: string): Promise<ItemOutcome> {
    const { id, locator, original } = item;
    const path = await this.#livePath(locator);
    const outcome = skipped(item, BEING_WRITTEN);
    if (path === null || original === null) return outcome;
    const kept = join(folder, original.file);
    if (original.mode !== null && (await this.#files.stat(kept))?.links === 1) {
      await this.#files.chmod(kept, Number.parseInt(original.mode, 8));
    }
    try {
      await moveNoClobber(this.#files, kept, path);
    } catch (error) {
      if (!(error instanceof OccupiedError)) throw error;
      if (await this.#holds(kept, original)) return { id, state: "done" };
      await this.#files.unlink(kept);
    }
    return outcome;
  }

  async #putOneBack(item: ManifestItem, folder: string): Promise<ItemOutcome> {
    const path = await this.#livePath(item.locator);
    if (path === null) return skipped(item, "its place is not a safe path inside the data directory");
    const { original } = item;
    if (original === null) {
      return (await this.#takeReplacementBack(item, path, folder))
        ? { id: item.id, state: "restored" }
        : skipped(item, "it was changed since it was added");
    }
    const kept = join(folder, original.file);
    const keptStat = await this.#files.stat(kept);
    if (await this.#holds(path, original)) {
      // A restore that a crash stopped between its two steps, or bytes that came back another way.
      if (keptStat !== null) await this.#files.unlink(kept);
      return { id: item.id, state: "restored" };
    }
    if (keptStat?.type !== "file" || !(await this.#holds(kept, original))) {
      const occupied = (await this.#files.stat(path)) !== null;
      return skipped(
        item,
        occupied ? "something else is in its place now" : "the quarantined copy is missing or has changed",
      );
    }
    if (!(await this.#takeReplacementBack(item, path, folder)))
      return skipped(item, "something else is in its place now");
    await this.#makeParents(path);
    if (keptStat.links === 1 && original.mode !== null) {
      await this.#files.chmod(kept, Number.parseInt(original.mode, 8));
    }
    try {
      await moveNoClobber(this.#files, kept, path);
    } catch (error) {
      if (error instanceof OccupiedError) return skipped(item, "something else is in its place now");
      throw error;
    }
    return { id: item.id, state: "restored" };
  }

  async #holds(path: string, content: ContentHash): Promise<boolean> {
    const found = await this.#files.stat(path);
    if (found?.type !== "file" || found.size !== content.bytes) return false;
    return same(await hashFile(this.#files, path), content);
  }

  /**
   * The absolute path of a locator, or `null` where it leads anywhere but to a plain place below `storage/`: through a
   * `..`, an absolute part, or a symbolic link. Locators come from manifests too, and a manifest is input, not truth.
   */
  async #livePath(locator: Locator): Promise<string | null> {
    if (!isFileLocator(locator)) return null;
    const names = locator.path.split("/");
    if (names[0] !== STORAGE || names.length < 3) return null;
    if (names.some((name) => name === "" || name === "." || name === ".." || /[\0\\]/.test(name))) return null;
    let path = join(this.#dataDir, STORAGE);
    for (const name of names.slice(1, -1)) {
      path = join(path, name);
      const found = await this.#files.stat(path);
      if (found !== null && found.type !== "directory") return null;
    }
    return join(path, names.at(-1) ?? "");
  }

  async #makeParents(path: string): Promise<void> {
    const missing: string[] = [];
    for (let parent = dirname(path); (await this.#files.stat(parent)) === null; parent = dirname(parent)) {
      missing.unshift(parent);
    }
    for (const parent of missing) {
      await this.#files.makeDirectory(parent, 0o755);
      await this.#files.syncDirectory(dirname(parent));
    }
  }

  /** The session's own records, and the part folders of the messages that are about to change. */
  async #loadCriticalFiles(sessionID: string, operations: readonly Operation[]): Promise<string[]> {
    if (!isPlainID(sessionID)) return [];
    const folders = new Set([messageFolder(sessionID)]);
    for (const { locator } of operations) {
      if (isFileLocator(locator) && locator.path.startsWith(`${partFolder("")}`)) folders.add(dirname(locator.path));
    }
    const paths: string[] = [];
    for (const path of [`${STORAGE}/todo/${sessionID}.json`, `${STORAGE}/session_diff/${sessionID}.json`]) {
      if ((await this.#files.stat(join(this.#dataDir, path)))?.type === "file") paths.push(path);
    }
    for (const project of (await this.#files.list(join(this.#dataDir, STORAGE, "session"))) ?? []) {
      const path = `${STORAGE}/session/${project.name}/${sessionID}.json`;
      if ((await this.#files.stat(join(this.#dataDir, path)))?.type === "file") paths.push(path);
    }
    for (const folder of folders) {
      for (const entry of (await this.#files.list(join(this.#dataDir, folder))) ?? []) {
        if (entry.type === "file") paths.push(`${folder}/${entry.name}`);
      }
    }
    return paths;
  }
}

function skipped({ id }: ManifestItem, reason: string): ItemOutcome {
  return { id, state: "skipped", reason };
}

function same(a: ContentHash, b: ContentHash): boolean {
  return a.bytes === b.bytes && a.sha256 === b.sha256;
}

function contentOf(replacement: NonNullable<ManifestItem["replacement"]>): ContentHash {
  return { bytes: replacement.bytes ?? -1, sha256: replacement.sha256 };
}

function asItem(
  id: string,
  operation: Operation,
  original: { readonly found: FileStat; readonly content: ContentHash } | null,
  replacement: ManifestItem["replacement"] | null,
): ManifestItem {
  if (!isFileLocator(operation.locator)) throw new TypeError("A JSON store holds files only.");
  return {
    id,
    kind: operation.kind,
    recordID: operation.recordID,
    locator: { path: operation.locator.path },
    code: operation.code,
    evidence: operation.evidence,
    remedy: operation.remedy,
    state: "planned",
    original:
      original === null
        ? null
        : {
            file: itemFileName(id, basename(operation.locator.path)),
            bytes: original.content.bytes,
            sha256: original.content.sha256,
            mtime: new Date(original.found.mtimeMs).toISOString(),
            mode: original.found.mode.toString(8).padStart(4, "0"),
          },
    ...(replacement == null ? {} : { replacement }),
  };
}
