import { PAGE_TYPE, readBtreeHeader, tableCells } from "./btree-page.ts";
import type { PageImage } from "./page-image.ts";
import { readPayloadRecord } from "./payload.ts";
import { readRecord, type SqliteRecord } from "./record.ts";

/** One row of `sqlite_schema`, which describes a table, index, trigger or view. */
export interface SchemaObject {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  readonly root: number;
  /**
   * The statement that creates the table, index, trigger or view; `null` for an index that SQLite made for a
   * constraint.
   */
  readonly sql: string | null;
}

const TYPES = ["table", "index", "trigger", "view"];

function schemaObject({ letters, values }: SqliteRecord): SchemaObject | null {
  if (values.length !== 5 || letters[3] !== "i" || (letters[4] !== "t" && letters[4] !== "n")) return null;
  const [type, name, table, , sql] = values.map((value) => (value instanceof Uint8Array ? utf8Text(value) : null));
  if (!type || !name || !table || !TYPES.includes(type)) return null;
  if (sql && !/^\s*CREATE\s/i.test(sql)) return null;
  return { type, name, table, root: Number(values[3]), sql: sql ?? null };
}

export function utf8Text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** One row may be damaged. But if the first two rows are not of `sqlite_schema`, the page belongs to another table. */
const FEW_ROWS = 2;

/**
 * The rows of `sqlite_schema` on a page; empty if the page belongs to another table. Returns early if the first rows
 * are not of that table.
 */
export function schemaObjectsOf(image: PageImage, page: Buffer, isFirst: boolean): SchemaObject[] {
  const header = readBtreeHeader(page, isFirst);
  if (header?.type !== PAGE_TYPE.tableLeaf) return [];
  const found: SchemaObject[] = [];
  let others = 0;
  for (const cell of tableCells(page, header, image.usableBytes)) {
    const type = readRecord(cell.local, cell.size)?.values[0];
    const isOne = type instanceof Uint8Array && type.length < 8 && TYPES.includes(utf8Text(type));
    const record = isOne ? readPayloadRecord(image, cell) : null;
    const object = record?.isWhole ? schemaObject(record) : null;
    if (object !== null) found.push(object);
    else others += 1;
    if (found.length === 0 && others === FEW_ROWS) return [];
  }
  return found;
}
