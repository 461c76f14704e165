import { PAGE_TYPE, readBtreeHeader, tableCells } from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import { type FoundRecord, readPayloadRecord } from "../stores/sqlite/pages/payload.ts";
import { readRecord, type SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { type SchemaObject, utf8Text } from "../stores/sqlite/pages/schema-objects.ts";
import { anchoredRow, anchorsOn } from "./anchored-rows.ts";
import type { ChosenSchema } from "./choose-schema.ts";
import { type IndexShape, type NamedRow, SESSION_COLUMNS } from "./index-shape.ts";
import { EVERYTHING, type Gap, readIndexPage, readIndexTree } from "./index-tree.ts";
import type { Ledger } from "./ledger.ts";
import type { NewDatabase } from "./new-database.ts";
import { PageAccounts } from "./page-accounts.ts";
import { findOwners, type Owners, type PageMap } from "./page-map.ts";
import { Placement } from "./placement.ts";
import { isShortRow, lengthened, type ShortTable } from "./short-rows.ts";
import { isSound } from "./sound-values.ts";
import type { TableForm } from "./table-shape.ts";

/** How many rows the pages of the damaged database had. */
export interface Gathered {
  /** How many rows were written to the new database, for each table. */
  readonly rows: Map<string, number>;
  /** How many of these rows came from free pages or from older versions of pages. */
  fromOlder: number;
  /** How many records fit no table. */
  unplaced: number;
}

/** An index that was read as far as possible, and the ranges of it that could not be read. */
export interface ReadIndex {
  readonly shape: IndexShape;
  readonly gaps: readonly Gap[];
}

/**
 * Tables from which a user may have deleted rows. If only an old page has a row of these tables, the row is added only
 * if something shows that it was not deleted.
 */
const DELETABLE = ["session", "message", "part"];

/** Reads every row in the pages of a damaged database, and writes it to the new database. */
export class Gathering {
  readonly result: Gathered = { rows: new Map(), fromOlder: 0, unplaced: 0 };
  readonly indexes: ReadIndex[] = [];
  readonly #image: PageImage;
  readonly #map: PageMap;
  readonly #owners: Owners;
  readonly #target: NewDatabase;
  readonly #ledger: Ledger;
  readonly #placement: Placement;
  readonly #accounts: PageAccounts;
  readonly #indexes: readonly IndexShape[];
  readonly #short: readonly ShortTable[];
  /** Tables with an undamaged index that has an entry for every row. */
  readonly #named: ReadonlySet<string>;
  /** Sessions that an up-to-date page mentions. Any other session was deleted, or was lost without a trace. */
  readonly #alive = new Set<string>();
  /** The places on pages where the ids of a row were found outside of every readable cell. */
  readonly #anchors: { readonly page: number; readonly at: number }[] = [];

  constructor(image: PageImage, map: PageMap, target: NewDatabase, ledger: Ledger, schema: ChosenSchema) {
    this.#indexes = schema.indexes;
    this.#short = schema.short;
    this.#image = image;
    this.#map = map;
    this.#owners = findOwners(image, map);
    this.#accounts = new PageAccounts(image, map, this.#owners);
    this.#target = target;
    this.#ledger = ledger;
    this.#placement = new Placement(target.shapes);
    this.#named = new Set(map.schema.filter((index) => this.#namesEveryRow(index)).map(({ table }) => table));
  }

  #namesEveryRow({ type, name, sql }: SchemaObject): boolean {
    return type === "index" && this.#owners.intact.has(name) && (sql === null || /\bid\b/.test(sql));
  }

  /**
   * Writes the rows of the up-to-date pages. Pages that belong to the tree of a table come first, then pages that
   * belong to no tree.
   */
  takeCurrent(onPage: (done: number) => void): void {
    const { pages, free } = this.#image;
    let done = 0;
    this.#takeIndexes();
    for (const owned of [true, false]) {
      for (let page = 1; page <= pages; page += 1) {
        const owner = this.#owners.ownerOf(page);
        if ((owner !== null) !== owned || free.pages.has(page)) continue;
        const type = this.#map.types[page];
        // The table `sqlite_schema` is not copied, because the new database has its own schema.
        if (type === PAGE_TYPE.tableLeaf && owner?.type !== "index" && !this.#map.schemaPages.has(page)) {
          this.#takePage(this.#image.read(page), owner?.name ?? null, "current", page);
        } else {
          // If the first byte of a page is damaged, the page belongs to no tree, but may still hold rows.
          if (owner === null) this.#keepAnchors(page, []);
          if (owner === null && (type === PAGE_TYPE.indexLeaf || type === PAGE_TYPE.indexInterior)) {
            this.#takeStrayIndexPage(page);
          }
        }
        done += 1;
        onPage(done);
      }
    }
    this.#ledger.commit();
  }

  /**
   * Whether every page that may hold rows of this table was read, so that no row can be missing. Call this function
   * after `takeCurrent`.
   */
  isWhole(table: string): boolean {
    if (!this.#image.isComplete) return false;
    if (this.#accounts.isWhole(table)) return true;
    const indexesAreWhole = this.indexes.every(({ gaps }) => gaps.length === 0);
    return indexesAreWhole && this.result.unplaced === 0 && this.#accounts.areComplete;
  }

  /**
   * Writes rows that are only in free pages or in older versions of pages. If `deletable` is true, writes the rows of
   * sessions, messages and parts, otherwise the rows of all other tables. Sessions, messages and parts must be taken
   * from the event log first, because the log has newer rows.
   */
  takeOlder(deletable: boolean): void {
    const rank = deletable ? "older-deletable" : "older-other";
    const { types } = this.#map;
    for (const page of this.#image.free.pages) {
      if (types[page] === PAGE_TYPE.tableLeaf) this.#takePage(this.#image.read(page), null, rank);
    }
    for (const older of this.#image.older()) {
      if (older.page > 1) this.#takePage(older.read(), this.#owners.ownerOf(older.page)?.name ?? null, rank);
    }
    if (deletable) this.#takeAnchored();
  }

  #takePage(page: Buffer, owner: string | null, rank: Rank, number?: number): void {
    const header = readBtreeHeader(page);
    if (header?.type !== PAGE_TYPE.tableLeaf) return;
    const taken: Taken[] = [];
    let isWhole = true;
    let before: bigint | null = null;
    for (const cell of tableCells(page, header, this.#image.usableBytes)) {
      const beginning = readRecord(cell.local, cell.size);
      if (beginning !== null) {
        const start = cell.local.byteOffset - page.byteOffset;
        taken.push({ start, end: start + cell.local.length });
      }
      const short = beginning === null ? null : this.#shortTableOf(beginning, owner);
      const whole = beginning === null || short === null ? beginning : lengthened(beginning, short);
      const shape = whole === null ? null : this.#placement.tableOf(whole, short?.table ?? owner);
      if (shape === null) {
        if (beginning !== null && rank === "current") this.result.unplaced += 1;
        isWhole = false;
        continue;
      }
      if (rank !== "current" && DELETABLE.includes(shape.name) !== (rank === "older-deletable")) continue;
      const read = readPayloadRecord(this.#image, cell);
      const record = read === null || short === null ? read : lengthened(read, short);
      const isTaken = record !== null && this.#takeRow(shape, record, cell.rowID, rank === "current");
      if (number === undefined) continue;
      const isInOrder = (before === null || cell.rowID > before) && this.#owners.admits(number, cell.rowID);
      if (!isInOrder || !isTaken || !this.#accounts.follow(record.chain)) isWhole = false;
      before = cell.rowID;
    }
    if (number === undefined) return;
    if (taken.length < header.cells) this.#keepAnchors(number, taken);
    else if (isWhole) this.#accounts.read(number);
  }

  /** The table that lost columns and has this record as a row; `null` if the record is a row of another table. */
  #shortTableOf(record: SqliteRecord, owner: string | null): ShortTable | null {
    const isRow = (short: ShortTable) => {
      const full = this.#target.shapes.find(({ name }) => name === short.table);
      return full !== undefined && isShortRow(record, short, full, owner);
    };
    return this.#short.find(isRow) ?? null;
  }

  /**
   * Remembers the places of ids that belong to no readable cell. The pointer to the cell, or the header of the cell or
   * page, is damaged.
   */
  #keepAnchors(page: number, taken: readonly Taken[]): void {
    for (const at of anchorsOn(this.#image.read(page))) {
      if (!taken.some(({ start, end }) => at >= start && at < end)) this.#anchors.push({ page, at });
    }
  }

  #takeAnchored(): void {
    for (const { page, at } of this.#anchors) {
      const found = anchoredRow(this.#image, this.#image.read(page), at);
      const shape = this.#target.shapes.find(({ name }) => name === found?.table);
      if (found === null || shape?.columns.length !== found.record.values.length) continue;
      this.#takeRow(shape, found.record, found.rowID, false);
    }
  }

  /** Writes one row. Returns `false` if the row could not be read completely. */
  #takeRow(shape: TableForm, record: FoundRecord, rowID: bigint | null, isCurrent: boolean): boolean {
    const session = sessionOf(shape, record);
    if (isCurrent && session !== null) this.#alive.add(session);
    if (!isCurrent && !this.#mayReturn(shape, record, session)) return true;
    if (!isFinished(shape, record)) {
      if (shape.name === "project" || DELETABLE.includes(shape.name))
        this.#ledger.keepUnfinished({ table: shape.name, rowID, record });
      return false;
    }
    const isNew = this.#target.insert(shape, record, rowID) || (isCurrent && this.#replaceOlder(shape, record));
    // The same row was already found on another page, so the damage has changed one of the two pages.
    if (!isNew && isCurrent) this.#accounts.contradict();
    const id = idOf(shape, record);
    if (rowID !== null && (isNew || id !== "")) this.#ledger.took(shape.name, rowID, id);
    if (!isNew) return true;
    this.result.rows.set(shape.name, (this.result.rows.get(shape.name) ?? 0) + 1);
    if (!isCurrent) this.result.fromOlder += 1;
    return true;
  }

  /** Whether a row that only an old page has was lost by damage, and not deleted by the user. */
  #mayReturn(shape: TableForm, record: SqliteRecord, session: string | null): boolean {
    // If no up-to-date page mentions any session, only the old pages are left, and all their rows are used.
    if (session !== null && this.#alive.size > 0 && !this.#alive.has(session)) return false;
    if (!DELETABLE.includes(shape.name)) return true;
    const id = record.values[0];
    if (!(id instanceof Uint8Array)) return false;
    return !this.#named.has(shape.name) || this.#ledger.isExpected(utf8Text(id));
  }

  /**
   * Two up-to-date pages have the same record, for example if the WAL was only partly applied. Keeps the row that was
   * updated last.
   */
  #replaceOlder(shape: TableForm, record: SqliteRecord): boolean {
    const updated = shape.columns.findIndex((column) => column.name === "time_updated");
    const [id, time] = [record.values[0], record.values[updated]];
    if (updated < 0 || typeof time !== "number" || shape.columns[0]?.name !== "id" || !(id instanceof Uint8Array)) {
      return false;
    }
    this.#target.removeOlder(shape.name, utf8Text(id), time) && this.#target.insert(shape, record, null);
    // One row replaced another row, so nothing is counted as new.
    return false;
  }

  /** Reads all indexes, before any table. The entries of an index show which rows existed. */
  #takeIndexes(): void {
    for (const shape of this.#indexes) {
      const object = this.#map.schema.find(({ type, name }) => type === "index" && name === shape.name);
      // In a damaged schema, the name may belong to an index of another table.
      if (object === undefined || object.table !== shape.table || object.root === 0) continue;
      const gaps = readIndexTree(this.#image, this.#owners, object, shape, (row, isSound) =>
        this.#name(row, isSound ? shape.bit : 0),
      );
      this.indexes.push({ shape, gaps });
    }
  }

  #name(row: NamedRow, source: number): void {
    if (source === 0) this.#ledger.hint(row);
    else this.#ledger.name(row, source);
    if (row.sessionID !== null) this.#alive.add(row.sessionID);
  }

  /**
   * Reads an index page that belongs to no tree. If the page fits only one index, and no list of free pages is damaged,
   * its entries count for that index. Otherwise the page may be out of date, so its entries are only hints.
   */
  #takeStrayIndexPage(page: number): void {
    const fitting = this.#indexes.flatMap((shape) => {
      const read = readIndexPage(this.#image, page, shape, EVERYTHING);
      return read?.entries.every((entry) => entry !== null) ? [{ shape, ...read }] : [];
    });
    const [first, ...others] = fitting;
    if (first === undefined) return;
    const isSure = others.length === 0 && first.isSound && this.#image.free.isComplete;
    const rows = first.entries.flatMap((entry) => (entry === null ? [] : [entry.row]));
    for (const row of rows) {
      if (isSure && this.#ledger.isNamedBy(row, first.shape.bit)) this.#accounts.contradict();
      this.#name(row, isSure ? first.shape.bit : 0);
    }
    if (first.isSound) this.#accounts.readStray(page, this.#image);
  }
}

type Rank = "current" | "older-deletable" | "older-other";

/** The bytes of a page that belong to a readable cell. */
interface Taken {
  readonly start: number;
  readonly end: number;
}

function idOf({ columns }: TableForm, { values }: SqliteRecord): string {
  const id = values[columns.findIndex(({ name }) => name === "id")];
  return id instanceof Uint8Array ? utf8Text(id) : "";
}

/** The session to which a row belongs. For the row of a session, that session itself. */
function sessionOf({ name, columns }: TableForm, { values }: SqliteRecord): string | null {
  const at = name === "session" ? 0 : columns.findIndex((column) => SESSION_COLUMNS.includes(column.name));
  const id = values[at];
  return id instanceof Uint8Array ? utf8Text(id) : null;
}

/** Whether the row was read completely, and opencode can parse its JSON documents. */
function isFinished(shape: TableForm, record: FoundRecord): boolean {
  if (!record.isWhole) return false;
  return shape.columns.every(({ name }, index) => isSound(shape.name, name, record.values[index] ?? null));
}
