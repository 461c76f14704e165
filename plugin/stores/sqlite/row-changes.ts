import { type CellValue, locatorText } from "../../model/artifact.ts";
import type { ManifestItem, RunFolder } from "../../model/manifest-item.ts";
import type { Replacement } from "../../model/replacement.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { sha256 } from "../../platform/hash.ts";
import { recordedFields, withFields } from "../../records/fields.ts";
import { NOT_DONE } from "../../words/refusals.ts";
import { bundledFiles, type ItemFiles, separateFiles } from "../item-files.ts";
import {
  CHANGED_SINCE,
  GONE_SINCE,
  itemNumber,
  type Operation,
  type Prepared,
  type PrepareOptions,
} from "../writer.ts";
import type { Cells, LiveRows, RowPlace } from "./live-rows.ts";
import { type CapturedRow, releaseRow, rowHash } from "./row.ts";
import { cellDigest, replacedHash, saveRow } from "./row-item.ts";
import type { SessionAdditions } from "./session-additions.ts";
import type { TableItems } from "./table-items.ts";

/** A planned change to a row: the cells to replace, or `null` if the row is removed. */
export interface Change {
  readonly place: RowPlace;
  readonly cells: Cells | null;
}

/** Prepares the changes to rows, and the manifest items that describe them. */
export class RowChanges {
  readonly #files: FileSystem;
  readonly #rows: LiveRows;
  readonly #additions: SessionAdditions;
  readonly #tables: TableItems;
  readonly #changes = new WeakMap<ManifestItem, Change>();

  constructor(files: FileSystem, rows: LiveRows, additions: SessionAdditions, tables: TableItems) {
    this.#files = files;
    this.#rows = rows;
    this.#additions = additions;
    this.#tables = tables;
  }

  /** The change for an item; `undefined` if this object did not prepare the item. */
  of(item: ManifestItem): Change | undefined {
    return this.#changes.get(item);
  }

  /** Saves each row exactly as it is, and describes its change as a manifest item. */
  async prepare(operations: readonly Operation[], run: RunFolder, how?: PrepareOptions): Promise<Prepared> {
    const first = how?.taken ?? 0;
    const saved = how?.inBundles === true ? bundledFiles(this.#files, run.path) : separateFiles(this.#files, run.path);
    const items: ManifestItem[] = [];
    const skipped: Prepared["skipped"] = [];
    const taken = new Set<string>();
    const inOrder = [...operations].sort((a, b) => rank(a.kind) - rank(b.kind));
    const places = new Map(inOrder.map((operation) => [operation, locatorText(operation.locator)]));
    const byPlace = new Map([...places].map(([operation, place]) => [place, operation]));
    for (const [operation, place] of places) {
      if (taken.has(place)) continue;
      const content = operation.replacement?.content;
      if (content !== undefined && "rows" in content) {
        items.push(await this.#additions.prepare(itemNumber(first + items.length), operation, content.rows, run.path));
        continue;
      }
      if (content !== undefined && "table" in content) {
        const item = await this.#tables.prepare(itemNumber(first + items.length), operation, content.table, run.path);
        if (typeof item === "string") skipped.push({ operation, reason: item });
        else items.push(item);
        continue;
      }
      const prepared = await this.#prepareOne(itemNumber(first + items.length), operation, saved);
      if (typeof prepared === "string") {
        skipped.push({ operation, reason: prepared });
        continue;
      }
      items.push(prepared.item);
      if (prepared.change.place.table !== "message" || prepared.change.cells !== null) continue;
      for (const part of this.#rows.partsOf(prepared.change.place.key.id)) {
        const follower = byPlace.get(`part:id=${part}`);
        taken.add(`part:id=${part}`);
        const place: RowPlace = { table: "part", key: { id: part }, column: "data", whenSetAside: "row" };
        const row = this.#rows.capture(place);
        if (row === null) continue;
        const described: Operation = follower ?? { ...operation, kind: "part", recordID: part };
        const number = itemNumber(first + items.length);
        const alone = await this.#saveItem(number, described, { place, cells: null }, row, saved);
        const item = { ...alone, partOf: prepared.item.id };
        this.#changes.set(item, { place, cells: null });
        items.push(item);
      }
    }
    await saved.flush();
    return { items: this.#withFollowers(items), skipped };
  }

  /**
   * Marks the parts of each message that gets another id. The message and its parts are then changed together, or not
   * at all.
   */
  #withFollowers(items: readonly ManifestItem[]): ManifestItem[] {
    const renamed = new Map(
      items.filter(isRenamedMessage).map(({ id, replacement }) => [replacement?.key?.id ?? "", id] as const),
    );
    if (renamed.size === 0) return [...items];
    return items.map((item) => {
      const change = this.#changes.get(item);
      const leader = renamed.get(textOf(change?.cells?.get("message_id")) ?? "");
      if (change === undefined || item.kind !== "part" || leader === undefined) return item;
      const following = { ...item, partOf: leader };
      this.#changes.set(following, change);
      return following;
    });
  }

  async #prepareOne(
    id: string,
    operation: Operation,
    saved: ItemFiles,
  ): Promise<{ item: ManifestItem; change: Change } | string> {
    const place = this.#rows.placeOf(operation.locator);
    if (place === null) return GONE_SINCE;
    const row = this.#rows.capture(place);
    if (operation.seen === null) {
      if (row !== null) return NOT_DONE.occupied;
    } else {
      if (row === null) return GONE_SINCE;
      if (seenHash(place, row) !== operation.seen.sha256) return CHANGED_SINCE;
    }
    const wanted = replacingCells(place, row, operation.replacement);
    // A row that is added may come from another opencode version, and have columns that this table lacks.
    const cells = row === null && wanted instanceof Map ? this.#rows.inTable(place.table, wanted) : wanted;
    if (cells === "unfit") return NOT_DONE.unfit;
    const change = { place, cells };
    const item = await this.#saveItem(id, operation, change, row, saved);
    this.#changes.set(item, change);
    return { item, change };
  }

  async #saveOriginal(
    id: string,
    place: RowPlace,
    row: CapturedRow,
    saved: ItemFiles,
  ): Promise<ManifestItem["original"]> {
    const original = await saveRow(saved, id, place.key.id, place.column, row);
    const hasParent = this.#rows.hasParent(row);
    if (!saved.holdsBytes) releaseRow(row);
    if (original.row === undefined || hasParent) return original;
    return { ...original, row: { ...original.row, isOrphan: true } };
  }

  async #saveItem(
    id: string,
    operation: Operation,
    { place, cells }: Change,
    row: CapturedRow | null,
    saved: ItemFiles,
  ): Promise<ManifestItem> {
    const original = row === null ? null : await this.#saveOriginal(id, place, row, saved);
    const { table, key, column } = place;
    return {
      id,
      kind: operation.kind,
      recordID: operation.recordID,
      locator: column === null || place.whenSetAside === "row" ? { table, key } : { table, key, column },
      code: operation.code,
      evidence: operation.evidence,
      remedy: operation.remedy,
      state: "planned",
      original,
      ...(cells === null
        ? {}
        : {
            replacement: {
              source: operation.replacement?.source ?? "the default value of opencode",
              sha256: replacedHash(table, cells),
              ...(row === null ? {} : newKey(cells)),
              columns: Object.fromEntries([...cells].map(([name, cell]) => [name, cellDigest(cell)])),
              ...recordedFields(operation.replacement?.content),
            },
          }),
    };
  }
}

/** The rank of a kind of record. Parents have a lower rank than their children. */
export function rank(kind: Operation["kind"]): number {
  return ["project", "session", "message", "part"].indexOf(kind);
}

/**
 * The SHA-256 of the content that was checked: of the value, or of the whole row. `null` if the value is neither a text
 * nor a BLOB.
 */
function seenHash(place: RowPlace, row: CapturedRow): string | null {
  if (place.column === null) return rowHash(row);
  const cell = row.cells.get(place.column);
  return cell !== undefined && "bytes" in cell ? sha256(cell.bytes) : null;
}

/**
 * The cells that replace those of the row. `null` means that the row is removed; `unfit` means that the change does not
 * fit the row.
 */
function replacingCells(
  place: RowPlace,
  row: CapturedRow | null,
  replacement: Replacement | null,
): Cells | null | "unfit" {
  if (replacement === null) {
    if (place.whenSetAside === undefined || place.column === null || row === null) return "unfit";
    if (place.whenSetAside === "row") return null;
    return new Map([[place.column, place.whenSetAside === null ? NULL : textCell(place.whenSetAside)]]);
  }
  const { content } = replacement;
  if ("bytes" in content || "rows" in content || "table" in content) return "unfit";
  if ("cells" in content) return content.cells;
  const cell = place.column === null ? undefined : row?.cells.get(place.column);
  if (place.column === null || cell === undefined || !("bytes" in cell)) return "unfit";
  const document: unknown = JSON.parse(Buffer.from(cell.bytes).toString("utf8"));
  const completed = withFields(document, content.fields);
  return completed === null ? "unfit" : new Map([[place.column, textCell(JSON.stringify(completed.value))]]);
}

/** The new key of a row, if the change gives the row another id. */
function newKey(cells: Cells): { key?: { id: string } } {
  const id = cells.get("id");
  return id !== undefined && "bytes" in id ? { key: { id: Buffer.from(id.bytes).toString("utf8") } } : {};
}

const NULL: CellValue = { storage: "null" };

function textCell(text: string): CellValue {
  return { storage: "text", bytes: Buffer.from(text, "utf8") };
}

/** Whether an item is a message that the repair gives another id. */
export function isRenamedMessage(item: ManifestItem | undefined): boolean {
  return item?.kind === "message" && item.original !== null && item.replacement?.key !== undefined;
}

function textOf(cell: CellValue | undefined): string | null {
  return cell !== undefined && "bytes" in cell ? Buffer.from(cell.bytes).toString("utf8") : null;
}
