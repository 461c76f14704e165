import { journalKey } from "../hosts/known-schema.ts";
import { readBtreeHeader, tableCells } from "../stores/sqlite/pages/btree-page.ts";
import { readRecord, type SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { utf8Text } from "../stores/sqlite/pages/schema-objects.ts";

/** Matches the id of one of opencode's migrations: the time at which it was written, and a name. */
const MIGRATION = /^\d{14}_[a-z0-9_-]+$/;

/** opencode's first migration was written in January 2026. The value is in milliseconds since 1970. */
const FIRST = Date.UTC(2026, 0, 1);
const LAST = Date.UTC(2100, 0, 1);

function keyOf({ letters, values }: SqliteRecord): string | null {
  const text = (at: number) => {
    const value = values[at];
    return value instanceof Uint8Array && value.length < 200 ? utf8Text(value) : null;
  };
  if (letters.length === 2 && letters[1] === "i") {
    const id = text(0);
    return id !== null && MIGRATION.test(id) ? journalKey("migration", id) : null;
  }
  // The columns of `__drizzle_migrations` are id, hash and created_at. Since 1.2.27, name and applied_at follow.
  const [, , created] = values;
  if (letters.length !== 3 && letters.length !== 5) return null;
  if (typeof created !== "number" || created < FIRST || created > LAST || text(1) === null) return null;
  if (!/^([0-9a-f]{64})?$/.test(text(1) ?? "")) return null;
  return letters.length === 3 || MIGRATION.test(text(3) ?? "") ? journalKey("__drizzle_migrations", created) : null;
}

/** After this many rows that do not fit, the page counts as a page of another table. One row may be damaged. */
const FEW_ROWS = 2;

/** The migrations that a page of a migration table records as applied. Empty if the page belongs to another table. */
export function journalKeysOf(page: Buffer, usable: number): string[] {
  const header = readBtreeHeader(page);
  if (header === null) return [];
  const found: string[] = [];
  let others = 0;
  for (const cell of tableCells(page, header, usable)) {
    const record = cell.overflow === 0 ? readRecord(cell.local, cell.size) : null;
    const key = record === null ? null : keyOf(record);
    if (key !== null) found.push(key);
    else others += 1;
    if (found.length === 0 && others === FEW_ROWS) return [];
  }
  return found;
}
