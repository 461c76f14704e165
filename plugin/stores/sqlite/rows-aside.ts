import { isFileLocator } from "../../model/artifact.ts";
import type { ManifestItem } from "../../model/manifest-item.ts";
import { NOT_DONE } from "../../words/refusals.ts";
import { CHANGED_SINCE, type ItemOutcome } from "../writer.ts";
import { isMoved, type LiveRows } from "./live-rows.ts";
import { type CapturedRow, deleteRow, insertRow, updateCells } from "./row.ts";
import { isRenamedMessage, type RowChanges } from "./row-changes.ts";

/** Removes or replaces damaged rows, so that opencode no longer reads them. */
export class RowsAside {
  readonly #rows: LiveRows;
  readonly #changes: RowChanges;

  constructor(rows: LiveRows, changes: RowChanges) {
    this.#rows = rows;
    this.#changes = changes;
  }

  /**
   * Removes or changes one group of rows in the caller's transaction. If any row of the group changed after it was
   * captured, nothing is changed.
   */
  setGroupAside(group: readonly ManifestItem[]): ItemOutcome[] {
    const changes = group.map((item) => this.#changes.of(item));
    const unchanged = group.every((item, index) => {
      const change = changes[index];
      return change !== undefined && this.#rows.isLive(item, change.place) && this.#rows.isFree(item, change.place);
    });
    if (!unchanged || !this.#isWholeGroup(group)) {
      return group.map(({ id }) => ({ id, state: "skipped", reason: CHANGED_SINCE }));
    }
    // If a message gets another id, its parts must name that id, so the row of the message is written first. Foreign
    // keys are checked only at the end of the transaction.
    const isRenamed = isRenamedMessage(group[0]);
    if (isRenamed) this.#rows.connection.exec("pragma defer_foreign_keys = on");
    // Parts are removed before their message. So exactly the captured rows are removed, and SQLite removes no further
    // part together with the message.
    const outcomes = (isRenamed ? [...group] : [...group].reverse()).map((item): ItemOutcome => {
      const skipped = (reason: string): ItemOutcome => ({ id: item.id, state: "skipped", reason });
      const change = this.#changes.of(item);
      if (change === undefined) return skipped(NOT_DONE.unprepared);
      const { place, cells } = change;
      const row: CapturedRow = { table: place.table, rowID: null, cells: cells ?? new Map() };
      if (cells === null) deleteRow(this.#rows.connection, place.table, place.key);
      else if (item.original === null) {
        if (!this.#rows.hasParent(row)) return skipped(NOT_DONE.noParent);
        insertRow(this.#rows.connection, row);
      } else {
        if (isMoved(row) && !this.#rows.hasParent(row)) return skipped(NOT_DONE.noParent);
        if (cells.has("id") && !isRenamed && this.#rows.hasChildren(place)) {
          return skipped("other records refer to its id");
        }
        updateCells(this.#rows.connection, place.table, place.key, cells);
      }
      return { id: item.id, state: "done" };
    });
    return isRenamed ? outcomes : outcomes.reverse();
  }

  #isWholeGroup(group: readonly ManifestItem[]): boolean {
    const message = group[0];
    if (message === undefined || isFileLocator(message.locator) || message.locator.table !== "message") return true;
    if (message.replacement !== undefined && !isRenamedMessage(message)) return true;
    const captured = new Set(group.slice(1).map((item) => item.recordID));
    const live = this.#rows.partsOf(message.locator.key.id);
    return live.length === captured.size && live.every((id) => captured.has(id));
  }
}

/** Groups of items that are removed together: a message with its parts, or a single item. */
export function groupsOf(items: readonly ManifestItem[]): ManifestItem[][] {
  const groups = new Map<string, ManifestItem[]>();
  for (const item of items) {
    const leader = item.partOf ?? item.id;
    const group = groups.get(leader);
    if (group === undefined) groups.set(leader, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
