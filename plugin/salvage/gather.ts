import { indexPayloads, PAGE_TYPE, readBtreeHeader, tableCells } from "./btree-page.ts";
import type { Ledger } from "./ledger.ts";
import type { NewDatabase } from "./new-database.ts";
import type { PageImage } from "./page-image.ts";
import { findOwners, type Owners, type PageMap } from "./page-map.ts";
import { type FoundRecord, readPayloadRecord } from "./payload.ts";
import { Placement } from "./placement.ts";
import { readRecord, type SqliteRecord } from "./record.ts";
import { textOf } from "./schema-objects.ts";
import { isSound } from "./sound-values.ts";
import type { TableShape } from "./table-shape.ts";

/** What came of the pages. */
export interface Gathered {
  /** Rows that were written, by table. */
  readonly rows: Map<string, number>;
  /** Rows from free pages and from older versions of pages. */
  fromOlder: number;
  /** Records that fit no table. */
  unplaced: number;
}

/** Tables whose rows may have been deleted on purpose: what only an older page holds needs a sign that it was not. */
const DELETABLE = ["session", "message", "part"];

/** Takes every row out of the pages of a damaged database and puts it into the new one. */
export class Gathering {
  readonly result: Gathered = { rows: new Map(), fromOlder: 0, unplaced: 0 };
  readonly #image: PageImage;
  readonly #map: PageMap;
  readonly #owners: Owners;
  readonly #target: NewDatabase;
  readonly #ledger: Ledger;
  readonly #placement: Placement;

  constructor(image: PageImage, map: PageMap, target: NewDatabase, ledger: Ledger) {
    this.#image = image;
    this.#map = map;
    this.#owners = findOwners(image, map);
    this.#target = target;
    this.#ledger = ledger;
    this.#placement = new Placement(target.shapes);
  }

  /** The rows of the pages as they are now: first of those that their table's tree leads to, then of the lost ones. */
  takeCurrent(onPage: (done: number) => void): void {
    const { pages, free } = this.#image;
    let done = 0;
    for (const owned of [true, false]) {
      for (let page = 1; page <= pages; page += 1) {
        const owner = this.#owners.ownerOf(page);
        if ((owner !== null) !== owned || free.pages.has(page)) continue;
        const type = this.#map.types[page];
        if (type === PAGE_TYPE.tableLeaf && owner?.type !== "index") {
          // A row of the schema's own table is no row of the new database.
          if (page !== 1) this.#takePage(this.#image.read(page), owner?.name ?? null, "current");
        } else if (type === PAGE_TYPE.indexLeaf || type === PAGE_TYPE.indexInterior) {
          this.#takeIndexPage(page);
        }
        done += 1;
        onPage(done);
      }
    }
    this.#ledger.commit();
  }

  /**
   * What only free pages and older versions of pages hold. `deletable`: the rows of sessions, messages and parts, which
   * come after the event log has been asked; else those of the other tables.
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
  }

  #takePage(page: Buffer, owner: string | null, rank: "current" | "older-deletable" | "older-other"): void {
    const header = readBtreeHeader(page);
    if (header?.type !== PAGE_TYPE.tableLeaf) return;
    for (const cell of tableCells(page, header, this.#image.usableBytes)) {
      const beginning = readRecord(cell.local, cell.size);
      const shape = beginning === null ? null : this.#placement.tableOf(beginning, owner);
      if (shape === null) {
        if (beginning !== null && rank === "current") this.result.unplaced += 1;
        continue;
      }
      if (rank !== "current" && DELETABLE.includes(shape.name) !== (rank === "older-deletable")) continue;
      const record = readPayloadRecord(this.#image, cell);
      if (record !== null) this.#takeRow(shape, record, cell.rowID, rank === "current");
    }
  }

  #takeRow(shape: TableShape, record: FoundRecord, rowID: bigint, isCurrent: boolean): void {
    if (!isCurrent && !this.#mayReturn(shape, record)) return;
    if (!isFinished(shape, record)) {
      if (shape.name === "project" || DELETABLE.includes(shape.name))
        this.#ledger.keepUnfinished({ table: shape.name, rowID, record });
      return;
    }
    const isNew = this.#target.insert(shape, record, rowID) || (isCurrent && this.#replaceOlder(shape, record));
    if (!isNew) return;
    this.result.rows.set(shape.name, (this.result.rows.get(shape.name) ?? 0) + 1);
    if (!isCurrent) this.result.fromOlder += 1;
  }

  /** Whether a row that only an older page holds is one that was lost, not one that was deleted. */
  #mayReturn(shape: TableShape, record: SqliteRecord): boolean {
    if (!DELETABLE.includes(shape.name)) return true;
    const id = record.values[0];
    if (!(id instanceof Uint8Array)) return false;
    return !this.#owners.intact.has(`sqlite_autoindex_${shape.name}_1`) || this.#ledger.isExpected(textOf(id));
  }

  /** Two current pages hold the same record (a WAL that was applied in part): the one that was updated last stays. */
  #replaceOlder(shape: TableShape, record: SqliteRecord): boolean {
    const updated = shape.columns.findIndex((column) => column.name === "time_updated");
    const [id, time] = [record.values[0], record.values[updated]];
    if (updated < 0 || typeof time !== "number" || shape.columns[0]?.name !== "id" || !(id instanceof Uint8Array)) {
      return false;
    }
    this.#target.removeOlder(shape.name, textOf(id), time) && this.#target.insert(shape, record, null);
    // It is no row more than before.
    return false;
  }

  #takeIndexPage(page: number): void {
    const bytes = this.#image.read(page);
    const header = readBtreeHeader(bytes, page === 1);
    if (header === null) return;
    for (const payload of indexPayloads(bytes, header, this.#image.usableBytes)) {
      if (payload.overflow !== 0) continue;
      const record = readRecord(payload.local, payload.size);
      if (record !== null) expectFrom(record, this.#ledger);
    }
  }
}

const KINDS = { ses_: "session", msg_: "message", prt_: "part" } as const;

/** What an entry of an index of opencode's says of records: `(id)`, `(message, part)`, `(session, time, message)`. */
function expectFrom({ letters, values }: SqliteRecord, ledger: Ledger): void {
  const ids = values.flatMap((value, index) =>
    letters[index] === "t" && value instanceof Uint8Array && value.length < 100 ? [textOf(value)] : [],
  );
  const known = ids.filter((id) => id.slice(0, 4) in KINDS);
  const id = known.at(-1);
  if (id === undefined || known.length !== ids.length) return;
  // An index by session alone names no record of its own.
  if (known.length === 1 && letters.length > 2) return;
  const kind = KINDS[id.slice(0, 4) as keyof typeof KINDS];
  const above = known.length > 1 ? (known[0] ?? null) : null;
  ledger.expect({
    id,
    kind,
    rowID: letters.at(-1) === "i" ? Number(values.at(-1)) : null,
    messageID: above?.startsWith("msg") ? above : null,
    sessionID: above?.startsWith("ses") ? above : null,
  });
}

/** Whether everything of a row was read, and its documents are such that a host can parse them. */
function isFinished(shape: TableShape, record: FoundRecord): boolean {
  if (!record.isWhole) return false;
  return shape.columns.every(({ name }, index) => isSound(shape.name, name, record.values[index] ?? null));
}
