import { isFileLocator } from "../../model/artifact.ts";
import type { ManifestItem } from "../../model/manifest-item.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { NOT_DONE } from "../../words/refusals.ts";
import type { ItemOutcome } from "../writer.ts";
import type { LiveRows, RowPlace } from "./live-rows.ts";
import { type CapturedRow, deleteRow, insertRow, rowHash, updateCells } from "./row.ts";
import { cellDigest, holdsCells, loadRow } from "./row-item.ts";

/** Restores captured rows and values. Each is restored only if no other content is in its place. */
export class RowsBack {
  readonly #files: FileSystem;
  readonly #rows: LiveRows;

  constructor(files: FileSystem, rows: LiveRows) {
    this.#files = files;
    this.#rows = rows;
  }

  /** The captured row of a manifest item; `null` if its saved bytes are missing or differ from the manifest. */
  async load(item: ManifestItem, folder: string): Promise<CapturedRow | null> {
    if (item.original?.row === undefined || isFileLocator(item.locator)) return null;
    const row = await loadRow(this.#files, folder, item.locator.table, item.original.row);
    const columns = this.#rows.schema.tables.get(item.locator.table) ?? [];
    const id = row?.cells.get("id");
    const sameID = id !== undefined && "bytes" in id && Buffer.from(id.bytes).toString("utf8") === item.locator.key.id;
    return row !== null && sameID && [...row.cells.keys()].every((name) => columns.includes(name)) ? row : null;
  }

  /** Restores one row or value in the caller's transaction. `saved` is the result of {@link load}. */
  putOneBack(item: ManifestItem, saved: CapturedRow | null): ItemOutcome {
    const skipped = (reason: string): ItemOutcome => ({ id: item.id, state: "skipped", reason });
    const restored: ItemOutcome = { id: item.id, state: "restored" };
    const place = this.#rows.placeOf(item.locator);
    if (place === null || (saved === null && item.original !== null)) {
      return skipped(NOT_DONE.copyChanged);
    }
    const live = this.#rows.capture(place);
    if (saved === null) return this.#takeBack(item, place, live) ? restored : skipped(NOT_DONE.changedSinceAdded);
    const replaced = item.replacement?.columns;
    if (replaced === undefined) {
      if (live !== null) {
        return rowHash(live) === rowHash(saved) ? restored : skipped(NOT_DONE.occupied);
      }
      if (!isOrphan(item) && !this.#rows.hasParent(saved))
        return skipped(`${NOT_DONE.noParent}; restore that one first`);
      if (!this.#rows.hasOwnSequence(saved))
        return skipped("another message has the record's place in the session now");
      insertRow(this.#rows.connection, saved);
      return restored;
    }
    const originals = new Map([...saved.cells].filter(([name]) => Object.hasOwn(replaced, name)));
    const key = item.replacement?.key;
    if (key !== undefined && live === null) {
      const renamed = this.#rows.capture({ ...place, key });
      if (renamed === null || !holdsCells(renamed, replaced)) return skipped(NOT_DONE.occupied);
      updateCells(this.#rows.connection, place.table, key, originals);
      return restored;
    }
    if (live === null || originals.size === 0) return skipped(NOT_DONE.noParent);
    if (holdsCells(live, Object.fromEntries([...originals].map(([name, cell]) => [name, cellDigest(cell)])))) {
      return restored;
    }
    if (!holdsCells(live, replaced)) return skipped(NOT_DONE.occupied);
    updateCells(this.#rows.connection, place.table, place.key, originals);
    return restored;
  }

  /** Removes a row that a repair added. Returns `false` if the row was changed since then. */
  #takeBack(item: ManifestItem, place: RowPlace, live: CapturedRow | null): boolean {
    if (live === null) return true;
    if (!holdsCells(live, item.replacement?.columns ?? {})) return false;
    deleteRow(this.#rows.connection, place.table, place.key);
    return true;
  }
}

/** Whether the record that an item's row belongs to was missing already when the row was quarantined. */
export function isOrphan({ original }: ManifestItem): boolean {
  return original?.row?.isOrphan === true;
}

/** Whether a repair gave the row of an item another id or another parent. */
export function isPlaced({ replacement }: ManifestItem): boolean {
  const columns = Object.keys(replacement?.columns ?? {});
  return ["id", "message_id", "session_id", "project_id"].some((name) => columns.includes(name));
}
