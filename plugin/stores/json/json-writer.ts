import { basename, join } from "node:path";
import { isFileLocator } from "../../model/artifact.ts";
import type { ManifestItem, RunFolder } from "../../model/manifest-item.ts";
import type { ContentHash } from "../../model/replacement.ts";
import type { FileStat, FileSystem } from "../../platform/file-system.ts";
import { hashFile } from "../../platform/hash.ts";
import { moveNoClobber, OccupiedError } from "../../platform/move.ts";
import { thisSystem } from "../../platform/this-system.ts";
import { NOT_DONE } from "../../words/refusals.ts";
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
import { FileReplacements } from "./file-replacements.ts";
import { LiveFiles, same } from "./live-files.ts";
import { copyFilesForSafety } from "./safety-copy.ts";

/**
 * The number of files that are quarantined together. The search for processes that write to a file takes as long for
 * many files as for one, so it runs once for each group.
 */
const ITEMS_AT_ONCE = 50;

const UNSAFE_PLACE = "its place is not a safe path inside the data directory";

const BEING_WRITTEN = "another process is writing the file";

/**
 * Quarantines files of opencode 1.0-1.1 by moving them. A move needs no disk space, and keeps every byte, the times and
 * the inode.
 */
export class JsonWriter implements StoreWriter {
  readonly #files: FileSystem;
  readonly #live: LiveFiles;
  readonly #replacements: FileReplacements;

  constructor(files: FileSystem, dataDir: string) {
    this.#files = files;
    this.#live = new LiveFiles(files, dataDir);
    this.#replacements = new FileReplacements(this.#live);
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

  /** Does nothing: each file is changed by itself, so there is no change of several files to complete or roll back. */
  async settle(): Promise<void> {}

  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    const path = await this.#live.livePath(item.locator);
    if (item.original === null) return path !== null && (await this.#files.stat(path)) === null ? "live" : "set-aside";
    const live = path !== null && (await this.#live.holds(path, item.original));
    const kept = await this.#live.holds(join(folder, item.original.file), item.original);
    if (live) return "live";
    return kept ? "set-aside" : "nowhere";
  }

  async finish(item: ManifestItem, folder: string, seen: Observed): Promise<void> {
    if (seen === "set-aside") await this.#replacements.putInPlace(item, folder);
    if (seen === "live" && item.original !== null) {
      const kept = join(folder, item.original.file);
      if ((await this.#files.stat(kept)) !== null) await this.#files.unlink(kept);
    }
    await this.#live.makePrivate(item, folder);
  }

  copyForSafety(sessionID: string, operations: readonly Operation[], folder: string): Promise<SafetyCopy> {
    return copyFilesForSafety(this.#live, sessionID, operations, folder);
  }

  close(): void {}

  async #prepareOne(id: string, operation: Operation, folder: string): Promise<ManifestItem | string> {
    const path = await this.#live.livePath(operation.locator);
    const reason = path === null ? await this.#live.reasonAgainst(operation.locator) : null;
    if (reason !== null) return reason;
    const found = path === null ? null : await this.#files.stat(path);
    if (operation.seen === null) {
      if (path === null || found !== null) return NOT_DONE.occupied;
      return asItem(id, operation, null, await this.#replacements.save(id, operation, null, folder));
    }
    if (path === null || found?.type !== "file") return GONE_SINCE;
    const content = await hashFile(this.#files, path);
    if (!same(content, operation.seen)) return CHANGED_SINCE;
    if (operation.replacement === null) return asItem(id, operation, { found, content }, null);
    const replacement = await this.#replacements.save(id, operation, path, folder);
    if (replacement === null) return NOT_DONE.unfit;
    return asItem(id, operation, { found, content }, replacement);
  }

  /**
   * Quarantines some files. The search for processes that write to these files runs before and after the move. If a
   * process begins to write in between, the second search finds it, and the file is moved back.
   */
  async #setSomeAside(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    const before = await this.#beingWritten(items, ({ locator }) => this.#live.livePath(locator));
    const outcomes = new Map<ManifestItem, ItemOutcome>();
    for (const item of items) {
      outcomes.set(item, before.has(item) ? skipped(item, BEING_WRITTEN) : await this.#setOneAside(item, folder));
    }
    const moved = items.filter((item) => item.original !== null && outcomes.get(item)?.state === "done");
    const after = await this.#beingWritten(moved, async ({ original }) => join(folder, original?.file ?? ""));
    for (const item of moved) {
      if (after.has(item)) outcomes.set(item, await this.#giveBack(item, folder));
      else await this.#replacements.putInPlace(item, folder);
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
    const { openFiles } = await thisSystem();
    return new Set([...(openFiles?.openForWriting(files) ?? [])].map(({ item }) => item));
  }

  async #setOneAside(item: ManifestItem, folder: string): Promise<ItemOutcome> {
    const path = await this.#live.livePath(item.locator);
    const { original } = item;
    if (path === null) return skipped(item, (await this.#live.reasonAgainst(item.locator)) ?? UNSAFE_PLACE);
    if (original === null) {
      return (await this.#replacements.putInPlace(item, folder))
        ? { id: item.id, state: "done" }
        : skipped(item, NOT_DONE.occupied);
    }
    if (!(await this.#live.holds(path, original))) return skipped(item, CHANGED_SINCE);
    const kept = join(folder, original.file);
    await moveNoClobber(this.#files, path, kept);
    // If another process wrote between the check and the move, the moved file is not the file that was checked. So the
    // moved file goes back to its place.
    if (!(await this.#live.holds(kept, original))) return this.#giveBack(item, folder);
    await this.#live.makePrivate(item, folder);
    return { id: item.id, state: "done" };
  }

  /**
   * Moves a file back to its place, because a process still writes to it. If a newer file is in that place, the checked
   * bytes stay in quarantine.
   */
  async #giveBack(item: ManifestItem, folder: string): Promise<ItemOutcome> {
    const { id, locator, original } = item;
    const path = await this.#live.livePath(locator);
    const outcome = skipped(item, BEING_WRITTEN);
    if (path === null || original === null) return outcome;
    const kept = join(folder, original.file);
    if (original.mode !== null && (await this.#files.stat(kept))?.links === 1) {
      await this.#live.setMode(kept, Number.parseInt(original.mode, 8));
    }
    try {
      await moveNoClobber(this.#files, kept, path);
    } catch (error) {
      if (!(error instanceof OccupiedError)) throw error;
      if (await this.#live.holds(kept, original)) return { id, state: "done" };
      await this.#files.unlink(kept);
    }
    return outcome;
  }

  async #putOneBack(item: ManifestItem, folder: string): Promise<ItemOutcome> {
    const path = await this.#live.livePath(item.locator);
    if (path === null) return skipped(item, (await this.#live.reasonAgainst(item.locator)) ?? UNSAFE_PLACE);
    const { original } = item;
    if (original === null) {
      return (await this.#replacements.takeBack(item, path, folder))
        ? { id: item.id, state: "restored" }
        : skipped(item, NOT_DONE.changedSinceAdded);
    }
    const kept = join(folder, original.file);
    const keptStat = await this.#files.stat(kept);
    if (await this.#live.holds(path, original)) {
      // The record is in its place already: a crash interrupted an earlier undo, or the bytes were restored in another
      // way. So a file that is still in quarantine is not needed.
      if (keptStat !== null) await this.#files.unlink(kept);
      return { id: item.id, state: "restored" };
    }
    if (keptStat?.type !== "file" || !(await this.#live.holds(kept, original))) {
      const occupied = (await this.#files.stat(path)) !== null;
      return skipped(item, occupied ? NOT_DONE.occupied : NOT_DONE.copyChanged);
    }
    if (!(await this.#replacements.takeBack(item, path, folder))) return skipped(item, NOT_DONE.occupied);
    await this.#live.makeParents(path);
    if (keptStat.links === 1 && original.mode !== null) {
      await this.#live.setMode(kept, Number.parseInt(original.mode, 8));
    }
    try {
      await moveNoClobber(this.#files, kept, path);
    } catch (error) {
      if (error instanceof OccupiedError) return skipped(item, NOT_DONE.occupied);
      throw error;
    }
    return { id: item.id, state: "restored" };
  }
}

function skipped({ id }: ManifestItem, reason: string): ItemOutcome {
  return { id, state: "skipped", reason };
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
