import type { Origin } from "../../../model/origin.ts";
import { isThere } from "../../../platform/read-now.ts";
import { isEventOf2x, isTypeOf2x, isUnknownMigration, originOf, withMessagesOf2x } from "../origin.ts";
import { children, indexPayloads, PAGE_TYPE, readBtreeHeader, tableCells } from "./btree-page.ts";
import { openPageImage, type PageImage } from "./page-image.ts";
import { NO_FILE, openRandomAccess } from "./random-access.ts";
import { readRecord, type SqliteRecord } from "./record.ts";
import { type SchemaObject, schemaObjectsOf, utf8Text } from "./schema-objects.ts";

/**
 * Finds out which opencode a database belongs to, from the pages of the database and of its WAL, without SQLite. The
 * function is for a file that SQLite cannot read, or whose schema may be partly lost. `null` if nothing shows it. Reads
 * every page.
 */
export function recognisePages(database: string): Origin | null {
  const main = isThere(database) ? openRandomAccess(database) : NO_FILE;
  const wal = isThere(`${database}-wal`) ? openRandomAccess(`${database}-wal`) : null;
  try {
    return originOfImage(openPageImage(main, wal));
  } finally {
    main.close();
    wal?.close();
  }
}

function originOfImage(image: PageImage): Origin | null {
  const current = new Signs(isSchemaWhole(image));
  for (let page = 1; page <= image.pages; page += 1) {
    if (!image.free.pages.has(page)) current.take(image, image.read(page), page === 1);
  }
  const origin = current.origin();
  if (origin !== null && origin.kind !== "other program") return origin;
  // Older versions of pages may have been deleted on purpose. They are used only if the present pages hold no data of
  // opencode.
  const older = new Signs(false);
  for (const page of image.free.pages) {
    if (page >= 1 && page <= image.pages) older.take(image, image.read(page), page === 1);
  }
  for (const page of image.older()) older.take(image, page.read(), page.page === 1);
  return older.origin() ?? origin;
}

/**
 * Whether every page of the table `sqlite_schema` can be read. If so, a table that `sqlite_schema` does not name does
 * not exist.
 */
function isSchemaWhole(image: PageImage): boolean {
  const waiting = [1];
  const seen = new Set<number>();
  for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
    if (page < 1 || page > image.pages || seen.has(page)) return false;
    seen.add(page);
    const bytes = image.read(page);
    const header = readBtreeHeader(bytes, page === 1);
    if (header?.type === PAGE_TYPE.tableInterior) waiting.push(...children(bytes, header));
    else if (header?.type !== PAGE_TYPE.tableLeaf || schemaObjectsOf(image, bytes, page === 1).length !== header.cells)
      return false;
  }
  return true;
}

/**
 * The number of columns of a `session` row in 1.18.33. A longer row belongs to the table `session_v2` of opencode 2.x.
 */
const SESSION_COLUMNS = 29;

/**
 * Tables of 1.17 and 1.18 that opencode 2.x drops when it upgrades a database (read in the source of 2.0.26). If one
 * exists, 2.x did not upgrade the database.
 */
const DROPPED_BY_2X = ["data_migration", "session_input", "session_context_epoch"];

/** The key in the table `kv` under which opencode 2.x keeps the state of its import (read in the source of 2.0.26). */
const IMPORT_STATE = "migration.v1-v2";

/** The number of rows that show to which table a page belongs. All rows of a page belong to one table. */
const ROWS_THAT_TELL = 3;

/** Collects what the pages of a database show about the opencode that wrote it. */
class Signs {
  readonly #tables = new Map<string, readonly string[] | null>();
  readonly #migrations: string[] = [];
  readonly #sessionsOf2x = new Set<string>();
  readonly #sessionsOf1x = new Set<string>();
  readonly #isSchemaWhole: boolean;
  #hasMigrations = false;
  #hasDropped = false;
  /**
   * Whether a journal of migrations from 1.14 or older was found. An upgraded database has that journal beside the
   * table `migration`.
   */
  #hasJournal = false;

  constructor(isSchemaWhole: boolean) {
    this.#isSchemaWhole = isSchemaWhole;
  }

  take(image: PageImage, bytes: Buffer, isFirst: boolean): void {
    const header = readBtreeHeader(bytes, isFirst);
    if (header?.type === PAGE_TYPE.tableLeaf) {
      for (const object of schemaObjectsOf(image, bytes, isFirst)) this.#takeObject(object);
      const cells = tableCells(bytes, header, image.usableBytes);
      for (const [index, cell] of cells.entries()) {
        const record = readRecord(cell.local, cell.size);
        const isOne = record !== null && this.#takeRow(record);
        if (!isOne && index + 1 >= ROWS_THAT_TELL) break;
      }
    } else if (header?.type === PAGE_TYPE.indexLeaf) {
      for (const [index, payload] of indexPayloads(bytes, header, image.usableBytes).entries()) {
        const record = payload.overflow === 0 ? readRecord(payload.local, payload.size) : null;
        const isOne = record !== null && this.#takeEntry(record);
        if (!isOne && index + 1 >= ROWS_THAT_TELL) break;
      }
    }
  }

  #takeObject({ type, table, sql }: SchemaObject): void {
    if (type === "table" && sql !== null) {
      if (DROPPED_BY_2X.includes(table)) this.#hasDropped = true;
      // The words of the statement include the names of the columns, which are enough to distinguish tables with the
      // same name.
      this.#tables.set(table, sql.match(/\w+/g) ?? []);
    } else if (
      type === "index" &&
      !this.#tables.has(table) &&
      originOf({ tables: named(table), unknownMigrations: [] }).kind === "2.x"
    ) {
      // If only an index of this table was found, the table's columns are unknown. The name alone is enough to refuse a
      // salvage, so the name is noted.
      this.#tables.set(table, null);
    }
  }

  /** Reads a row. Returns `true` if the row shows which opencode wrote the database. */
  #takeRow({ letters, values }: SqliteRecord): boolean {
    const shape = letters.map((letter) => (letter === "I" || letter === "r" ? "i" : letter)).join("");
    const [first, second, third] = values.slice(0, 3).map(shortText);
    // Up to 1.14, a row of the journal of migrations has a number, a hash and a time. From 1.3 on, a name and a second
    // time follow. The hash is empty or has the form of SHA-256.
    if (/^nti(?:tt)?$/.test(shape) && /^(?:[0-9a-f]{64})?$/.test(second ?? "-")) this.#hasJournal = true;
    if (first === undefined || first === null) return false;
    if (shape === "ti" && /^\d{14}_\S+$/.test(first)) {
      this.#know("migration");
      this.#hasMigrations = true;
      if (isUnknownMigration(first)) this.#migrations.push(first);
      return true;
    }
    if (first === IMPORT_STATE) this.#tables.set("session_v2", null);
    if (first.startsWith("ses_") && letters.length > SESSION_COLUMNS) this.#tables.set("session_v2", null);
    const session = second?.startsWith("ses_") === true ? second : null;
    if (/^ttiit$/.test(shape) && first.startsWith("msg_") && session !== null) {
      this.#know("message");
      this.#sessionsOf1x.add(session);
      return true;
    }
    if (/^tttiii[tb]$/.test(shape) && session !== null && typeof third === "string") {
      if (isTypeOf2x(third)) this.#sessionsOf2x.add(session);
      return true;
    }
    if (/^tttiit$/.test(shape) && first.startsWith("prt_") && second?.startsWith("msg_") === true) this.#know("part");
    if (/^ttitt$/.test(shape) && first.startsWith("evt_")) {
      this.#know("event");
      const type = shortText(values[3]);
      if (session !== null && type !== null && isEventOf2x(type)) this.#sessionsOf2x.add(session);
      return true;
    }
    if (first.startsWith("ses_") && letters.length >= 12) this.#know("session");
    return false;
  }

  /** Reads an entry of the index of `session_message` on session, type and number. */
  #takeEntry({ letters, values }: SqliteRecord): boolean {
    const [session, type] = values.slice(0, 2).map(shortText);
    if (letters.join("") !== "ttii" || session?.startsWith("ses_") !== true || typeof type !== "string") return false;
    if (isTypeOf2x(type)) this.#sessionsOf2x.add(session);
    return true;
  }

  #know(table: string): void {
    if (!this.#tables.has(table)) this.#tables.set(table, null);
  }

  origin(): Origin | null {
    const origin = originOf({ tables: this.#tables, unknownMigrations: this.#migrations.toSorted() });
    if (origin.kind === "blank") return null;
    const known = withMessagesOf2x(origin, [...this.#sessionsOf2x].filter((id) => !this.#sessionsOf1x.has(id)).length);
    const isStated =
      this.#isSchemaWhole ||
      this.#hasMigrations ||
      this.#hasDropped ||
      (this.#hasJournal && !this.#tables.has("migration"));
    return isStated ? known : { ...known, isByRowsAlone: true };
  }
}

function named(table: string): ReadonlyMap<string, null> {
  return new Map([[table, null]]);
}

const LONGEST_TEXT = 100;

function shortText(value: unknown): string | null {
  return value instanceof Uint8Array && value.length <= LONGEST_TEXT ? utf8Text(value) : null;
}
