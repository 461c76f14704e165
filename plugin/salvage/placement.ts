import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { fitsShape, hasBeginnings, hasOthersIDs, hasOwnID, type TableForm, tellingColumns } from "./table-shape.ts";

/** Decides to which table a record belongs. */
export class Placement {
  readonly #shapes: readonly TableForm[];
  readonly #byName: ReadonlyMap<string, TableForm>;

  constructor(shapes: readonly TableForm[]) {
    this.#shapes = shapes;
    this.#byName = new Map(shapes.map((shape) => [shape.name, shape]));
  }

  /**
   * The table of a record; `null` if it is unknown. `owner` is the table to whose tree the record's page belongs, or
   * `null`. The record's values count more than `owner`, because a damaged page may be a copy of another table's page.
   */
  tableOf(record: SqliteRecord, owner: string | null): TableForm | null {
    const own = owner === null ? undefined : this.#byName.get(owner);
    if (own !== undefined && hasBeginnings(own, record)) return own;
    const told = this.#shapes.filter((shape) => fitsShape(shape, record, false) && hasBeginnings(shape, record));
    if (told.length > 0) return mostTelling(told, record);
    if (own !== undefined) return fitsShape(own, record, false) && !hasOthersIDs(own, record) ? own : null;
    const fitting = this.#shapes.filter((shape) => fitsShape(shape, record, true) && !hasOthersIDs(shape, record));
    // If the other values of a row were overwritten, the row's id can still show the table.
    const [only, ...others] = fitting.length === 1 ? fitting : fitting.filter((shape) => hasOwnID(shape, record));
    return others.length === 0 ? (only ?? null) : null;
  }
}

/**
 * Chooses between tables that a record fits equally well. A table with exactly as many columns as the record is
 * preferred, then the table with the most distinctive columns.
 */
function mostTelling(shapes: readonly TableForm[], { letters }: SqliteRecord): TableForm | null {
  const rank = (shape: TableForm) => (letters.length === shape.columns.length ? 100 : 0) + tellingColumns(shape);
  const [first] = [...shapes].sort((a, b) => rank(b) - rank(a));
  return first ?? null;
}
