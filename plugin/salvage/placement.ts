import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { fitsShape, hasBeginnings, hasOthersIDs, hasOwnID, type TableShape, tellingColumns } from "./table-shape.ts";

/** Decides to which table a record belongs. */
export class Placement {
  readonly #shapes: readonly TableShape[];
  readonly #byName: ReadonlyMap<string, TableShape>;

  constructor(shapes: readonly TableShape[]) {
    this.#shapes = shapes;
    this.#byName = new Map(shapes.map((shape) => [shape.name, shape]));
  }

  /**
   * `owner` is the table whose tree leads to the record's page; `null` if there is none. The values count more than the
   * owner, because a page may be a copy of another table's page.
   */
  tableOf(record: SqliteRecord, owner: string | null): TableShape | null {
    const own = owner === null ? undefined : this.#byName.get(owner);
    if (own !== undefined && hasBeginnings(own, record)) return own;
    const told = this.#shapes.filter((shape) => fitsShape(shape, record, false) && hasBeginnings(shape, record));
    if (told.length > 0) return mostTelling(told, record);
    if (own !== undefined) return fitsShape(own, record, false) && !hasOthersIDs(own, record) ? own : null;
    const fitting = this.#shapes.filter((shape) => fitsShape(shape, record, true) && !hasOthersIDs(shape, record));
    // If the other values of a row were overwritten, only its id remains.
    const [only, ...others] = fitting.length === 1 ? fitting : fitting.filter((shape) => hasOwnID(shape, record));
    return others.length === 0 ? (only ?? null) : null;
  }
}

/**
 * If rows of several tables begin with such values, the table with all columns is chosen. If several tables have all
 * columns, the one with the most distinctive columns is chosen.
 */
function mostTelling(shapes: readonly TableShape[], { letters }: SqliteRecord): TableShape | null {
  const rank = (shape: TableShape) => (letters.length === shape.columns.length ? 100 : 0) + tellingColumns(shape);
  const [first] = [...shapes].sort((a, b) => rank(b) - rank(a));
  return first ?? null;
}
