import { PAGE_TYPE, readBtreeHeader, tableCells } from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import { type FoundRecord, readPayloadRecord } from "../stores/sqlite/pages/payload.ts";
import { readRecord, type SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { type SchemaObject, textOf } from "../stores/sqlite/pages/schema-objects.ts";
import { anchoredRow, anchorsOn } from "./anchored-rows.ts";
import { type IndexShape, type NamedRow, SESSION_COLUMNS } from "./index-shape.ts";
import { EVERYTHING, type Gap, readIndexPage, readIndexTree } from "./index-tree.ts";
import type { Ledger } from "./ledger.ts";
import type { NewDatabase } from "./new-database.ts";
import { PageAccounts } from "./page-accounts.ts";
import { findOwners, type Owners, type PageMap } from "./page-map.ts";
import { Placement } from "./placement.ts";
import { isSound } from "./sound-values.ts";
import type { TableShape } from "./table-shape.ts";

/** The result of reading the pages. */
export interface Gathered {
  /** The number of written rows, by table. */
  readonly rows: Map<string, number>;
  /** Rows from free pages and from older versions of pages. */
  fromOlder: number;
  /** Records that fit no table. */
  unplaced: number;
}

/** An index that was read from its root. */
export interface ReadIndex {
  readonly shape: IndexShape;
  readonly gaps: readonly Gap[];
}

/**
 * Tables whose rows may have been deleted on purpose. A row that only an older page holds is used only if something
 * shows that it was not deleted.
 */
const DELETABLE = ["session", "message", "part"];

/** Reads every row from the pages of a damaged database, and writes it into the new one. */
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
  /** Tables with a complete index that names every row. */
  readonly #named: ReadonlySet<string>;
  /** Sessions that a current page names. Any other session was deleted, or was lost without a trace. */
  readonly #alive = new Set<string>();
  /** The offsets of row ids to which no valid cell of their page leads. */
  readonly #anchors: { readonly page: number; readonly at: number }[] = [];

  constructor(image: PageImage, map: PageMap, target: NewDatabase, ledger: Ledger, indexes: readonly IndexShape[]) {
    this.#indexes = indexes;
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

  /** Takes the rows of the current pages: first those to which their table's tree leads, then the lost ones. */
  takeCurrent(onPage: (done: number) => void): void {
    const { pages, free } = this.#image;
    let done = 0;
    this.#takeIndexes();
    for (const owned of [true, false]) {
      for (let page = 1; page <= pages; page += 1) {
        const owner = this.#owners.ownerOf(page);
        if ((owner !== null) !== owned || free.pages.has(page)) continue;
        const type = this.#map.types[page];
        // Rows of the schema's own table are not copied to the new database.
        if (type === PAGE_TYPE.tableLeaf && owner?.type !== "index" && !this.#map.schemaPages.has(page)) {
          this.#takePage(this.#image.read(page), owner?.name ?? null, "current", page);
        } else {
          // A page with rows whose first byte is damaged is in no tree.
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
   * Whether each page that may hold rows of the table was read, so that no row can be missing. Call it after
   * `takeCurrent`.
   */
  isWhole(table: string): boolean {
    if (!this.#image.isComplete) return false;
    if (this.#accounts.isWhole(table)) return true;
    const indexesAreWhole = this.indexes.every(({ gaps }) => gaps.length === 0);
    return indexesAreWhole && this.result.unplaced === 0 && this.#accounts.areComplete;
  }

  /**
   * Takes rows that only free pages and older versions of pages hold. `deletable`: the rows of sessions, messages and
   * parts, which are read after the event log. Otherwise: the rows of the other tables.
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
      const shape = beginning === null ? null : this.#placement.tableOf(beginning, owner);
      if (shape === null) {
        if (beginning !== null && rank === "current") this.result.unplaced += 1;
        isWhole = false;
        continue;
      }
      if (rank !== "current" && DELETABLE.includes(shape.name) !== (rank === "older-deletable")) continue;
      const record = readPayloadRecord(this.#image, cell);
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

  /**
   * Remembers the ids of rows to which no cell leads, because the pointer or the header of the cell or page is damaged.
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

  /** `false` if the row could not be read completely. */
  #takeRow(shape: TableShape, record: FoundRecord, rowID: bigint | null, isCurrent: boolean): boolean {
    const session = sessionOf(shape, record);
    if (isCurrent && session !== null) this.#alive.add(session);
    if (!isCurrent && !this.#mayReturn(shape, record, session)) return true;
    if (!isFinished(shape, record)) {
      if (shape.name === "project" || DELETABLE.includes(shape.name))
        this.#ledger.keepUnfinished({ table: shape.name, rowID, record });
      return false;
    }
    const isNew = this.#target.insert(shape, record, rowID) || (isCurrent && this.#replaceOlder(shape, record));
    // The same row was found twice, so the damage changed one of the two pages.
    if (!isNew && isCurrent) this.#accounts.contradict();
    const id = idOf(shape, record);
    if (rowID !== null && (isNew || id !== "")) this.#ledger.took(shape.name, rowID, id);
    if (!isNew) return true;
    this.result.rows.set(shape.name, (this.result.rows.get(shape.name) ?? 0) + 1);
    if (!isCurrent) this.result.fromOlder += 1;
    return true;
  }

  /** Whether a row that only an older page holds was lost, not deleted. */
  #mayReturn(shape: TableShape, record: SqliteRecord, session: string | null): boolean {
    // If no current page names any session, only the older pages are left.
    if (session !== null && this.#alive.size > 0 && !this.#alive.has(session)) return false;
    if (!DELETABLE.includes(shape.name)) return true;
    const id = record.values[0];
    if (!(id instanceof Uint8Array)) return false;
    return !this.#named.has(shape.name) || this.#ledger.isExpected(textOf(id));
  }

  /** Two current pages hold the same record (a partly applied WAL). The row with the latest update is kept. */
  #replaceOlder(shape: TableShape, record: SqliteRecord): boolean {
    const updated = shape.columns.findIndex((column) => column.name === "time_updated");
    const [id, time] = [record.values[0], record.values[updated]];
    if (updated < 0 || typeof time !== "number" || shape.columns[0]?.name !== "id" || !(id instanceof Uint8Array)) {
      return false;
    }
    this.#target.removeOlder(shape.name, textOf(id), time) && this.#target.insert(shape, record, null);
    // The number of rows is the same as before.
    return false;
  }

  /** Reads every index from its root, in order. The entries of an index show which rows exist. */
  #takeIndexes(): void {
    for (const shape of this.#indexes) {
      const object = this.#map.schema.find(({ type, name }) => type === "index" && name === shape.name);
      // If the name belongs to an object of another table, this is another index.
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
   * Reads a page of an index that is in no tree. If only one index has such entries, and no list of free pages is
   * damaged, the page belongs to that index. Otherwise the page may belong to another index, or its entries may name
   * deleted rows.
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

/** The bytes of a page that belong to a cell that was read. */
interface Taken {
  readonly start: number;
  readonly end: number;
}

function idOf({ columns }: TableShape, { values }: SqliteRecord): string {
  const id = values[columns.findIndex(({ name }) => name === "id")];
  return id instanceof Uint8Array ? textOf(id) : "";
}

/** The session to which a row belongs; for a session's own row, that session. */
function sessionOf({ name, columns }: TableShape, { values }: SqliteRecord): string | null {
  const at = name === "session" ? 0 : columns.findIndex((column) => SESSION_COLUMNS.includes(column.name));
  const id = values[at];
  return id instanceof Uint8Array ? textOf(id) : null;
}

/** Whether the row was read completely and a host can parse its documents. */
function isFinished(shape: TableShape, record: FoundRecord): boolean {
  if (!record.isWhole) return false;
  return shape.columns.every(({ name }, index) => isSound(shape.name, name, record.values[index] ?? null));
}
