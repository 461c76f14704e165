import type { ChangedRows, ChangedRowsReader } from "../store.ts";
import type { Connection } from "./driver.ts";
import { changesSince, type WalPosition } from "./wal-frames.ts";

/** The types of b-tree pages in a database file (sqlite.org/fileformat2.html, "B-tree Pages"). */
const TABLE_LEAF = 13;
const OTHER_TREE_PAGES: ReadonlySet<number> = new Set([2, 5, 10]);

/** The first page of the file begins with the header of the database, which has this length. */
const DATABASE_HEADER_BYTES = 100;

/**
 * The row ids on the changed pages of a database, for all tables together. Every changed row has one of these ids.
 * `null` if the rows of some changed page are not known.
 */
export function changedRowIDs(pages: ReadonlyMap<number, Buffer>): string[] | null {
  const rowIDs = new Set<bigint>();
  const explained = freePages(pages);
  for (const [number, page] of pages) {
    const start = number === 1 ? DATABASE_HEADER_BYTES : 0;
    const type = page[start] ?? 0;
    if (OTHER_TREE_PAGES.has(type)) explained.add(number);
    if (type !== TABLE_LEAF) continue;
    explained.add(number);
    for (const cell of leafCells(page, start)) {
      rowIDs.add(cell.rowID);
      for (let next = cell.overflow; next !== 0 && !explained.has(next); ) {
        const continuation = pages.get(next);
        if (continuation === undefined) break;
        explained.add(next);
        next = continuation.readUInt32BE(0);
      }
    }
  }
  for (const number of pages.keys()) if (!explained.has(number)) return null;
  return [...rowIDs].map(String);
}

/** The numbers of the unused pages. Their list begins on page 1, and each page of the list names the next one. */
function freePages(pages: ReadonlyMap<number, Buffer>): Set<number> {
  const free = new Set<number>();
  let next = pages.get(1)?.readUInt32BE(32) ?? 0;
  while (next !== 0 && !free.has(next)) {
    free.add(next);
    const trunk = pages.get(next);
    if (trunk === undefined) break;
    const leaves = Math.min(trunk.readUInt32BE(4), trunk.length / 4 - 2);
    for (let index = 0; index < leaves; index += 1) free.add(trunk.readUInt32BE(8 + 4 * index));
    next = trunk.readUInt32BE(0);
  }
  return free;
}

interface LeafCell {
  readonly rowID: bigint;
  /** The first overflow page, which holds the rest of a row that does not fit into its page; 0 if the row fits. */
  readonly overflow: number;
}

function* leafCells(page: Buffer, start: number): Iterable<LeafCell> {
  const cells = page.readUInt16BE(start + 3);
  for (let index = 0; index < cells; index += 1) {
    const pointer = start + 8 + 2 * index;
    if (pointer + 2 > page.length) return;
    const payload = varint(page, page.readUInt16BE(pointer));
    const rowID = varint(page, payload.end);
    const local = localBytes(Number(payload.value), page.length);
    const at = rowID.end + local;
    const overflow = local < Number(payload.value) && at + 4 <= page.length ? page.readUInt32BE(at) : 0;
    yield { rowID: BigInt.asIntN(64, rowID.value), overflow };
  }
}

/**
 * The number of bytes of a row that are stored on the page itself. In databases of opencode, no bytes of a page are
 * reserved.
 */
function localBytes(payload: number, pageSize: number): number {
  const most = pageSize - 35;
  if (payload <= most) return payload;
  const least = Math.floor(((pageSize - 12) * 32) / 255) - 23;
  const fitting = least + ((payload - least) % (pageSize - 4));
  return fitting <= most ? fitting : least;
}

function varint(bytes: Buffer, offset: number): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let index = 0; index < 9; index += 1) {
    const byte = bytes[offset + index] ?? 0;
    if (index === 8) return { value: (value << 8n) | BigInt(byte), end: offset + 9 };
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return { value, end: offset + index + 1 };
  }
  return { value, end: offset + 9 };
}

/** Finds the rows that other processes changed in an open database, by reading the database's write-ahead log. */
export class WrittenRows implements ChangedRowsReader {
  readonly #connection: Connection;
  readonly #log: string;

  constructor(connection: Connection, database: string) {
    this.#connection = connection;
    this.#log = `${database}-wal`;
  }

  changedSince(before: WalPosition | null, isDatabaseUntouched: boolean): ChangedRows | "lost" {
    const changes = changesSince(this.#log, before, isDatabaseUntouched);
    if (changes === "lost") return "lost";
    const rowIDs = changedRowIDs(changes.pages);
    return rowIDs === null ? "lost" : { position: changes.position, rowIDs };
  }

  positionNow(): WalPosition | "lost" {
    const changes = changesSince(this.#log, null);
    return changes === "lost" ? "lost" : changes.position;
  }

  dataVersion(): number {
    return Number(this.#connection.all("pragma data_version")[0]?.data_version);
  }
}
