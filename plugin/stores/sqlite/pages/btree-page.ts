import { readRowID, readVarint } from "./record.ts";

/** The type of a b-tree page: the first byte of its header. */
export const PAGE_TYPE = { indexInterior: 2, tableInterior: 5, indexLeaf: 10, tableLeaf: 13 } as const;

const MAGIC = Buffer.from("SQLite format 3\0", "latin1");
const DATABASE_HEADER_BYTES = 100;

export interface BtreeHeader {
  readonly type: 2 | 5 | 10 | 13;
  /** The offset of the page's own header. On page 1 it comes after the header of the database. */
  readonly start: number;
  readonly cells: number;
  /** The offset of the list of cell pointers. */
  readonly pointers: number;
}

/** Whether a page begins with the header of a database. */
export function hasDatabaseHeader(page: Uint8Array): boolean {
  return page.length >= DATABASE_HEADER_BYTES && Buffer.compare(MAGIC, page.subarray(0, MAGIC.length)) === 0;
}

/**
 * Reads the header of a b-tree page; `null` if the page has none. `isFirst`: this is page 1, where the header of the
 * database comes first and may be damaged.
 */
export function readBtreeHeader(page: Buffer, isFirst = false): BtreeHeader | null {
  if (hasDatabaseHeader(page)) return headerAt(page, DATABASE_HEADER_BYTES);
  return headerAt(page, 0) ?? (isFirst ? headerAt(page, DATABASE_HEADER_BYTES) : null);
}

function headerAt(page: Buffer, start: number): BtreeHeader | null {
  const type = page[start];
  if (type !== 2 && type !== 5 && type !== 10 && type !== 13) return null;
  const cells = page.readUInt16BE(start + 3);
  const pointers = start + (type === 2 || type === 5 ? 12 : 8);
  const content = page.readUInt16BE(start + 5) || 65536;
  if (pointers + 2 * cells > page.length || content > page.length || content < pointers + 2 * cells) return null;
  return { type, start, cells, pointers };
}

/** The offsets of the cells (rows or index entries) of a page. A pointer that leads out of the page is left out. */
export function cellStarts(page: Buffer, header: BtreeHeader): number[] {
  const starts: number[] = [];
  const lowest = header.pointers + 2 * header.cells;
  for (let index = 0; index < header.cells; index += 1) {
    const at = page.readUInt16BE(header.pointers + 2 * index);
    if (at >= lowest && at + 4 <= page.length) starts.push(at);
  }
  return starts;
}

/** The numbers of the pages below an interior page, in the order of their rows. The rightmost page is last. */
export function children(page: Buffer, header: BtreeHeader): number[] {
  const found = cellStarts(page, header).map((at) => page.readUInt32BE(at));
  found.push(page.readUInt32BE(header.start + 8));
  return found;
}

/** The beginning of a row or index entry that is stored in its page, and the number of the page with the rest. */
export interface Payload {
  readonly size: number;
  readonly local: Buffer;
  /** The first overflow page; 0 if everything fits in the page. */
  readonly overflow: number;
}

export interface TableCell extends Payload {
  readonly rowID: bigint;
}

/** The rows on a leaf page of a table. Bytes that cannot be a row are left out. */
export function tableCells(page: Buffer, header: BtreeHeader, usable: number): TableCell[] {
  const cells: TableCell[] = [];
  for (const at of cellStarts(page, header)) {
    const cell = tableCellAt(page, at, usable);
    if (cell !== null) cells.push(cell);
  }
  return cells;
}

/** The row that begins at an offset of a page; `null` if these bytes cannot be a row. */
function tableCellAt(page: Buffer, at: number, usable: number): TableCell | null {
  const size = readVarint(page, at);
  const rowID = size === null ? null : readRowID(page, size[1]);
  if (size === null || rowID === null) return null;
  const payload = payloadAt(page, rowID[1], size[0], usable, usable - 35);
  return payload === null ? null : { ...payload, rowID: rowID[0] };
}

/** The index entry that begins at an offset of a page; `null` if these bytes cannot be an entry. */
export function indexPayloadAt(page: Buffer, header: BtreeHeader, at: number, usable: number): Payload | null {
  const start = header.type === PAGE_TYPE.indexInterior ? at + 4 : at;
  const size = readVarint(page, start);
  return size === null ? null : payloadAt(page, size[1], size[0], usable, Math.floor(((usable - 12) * 64) / 255) - 23);
}

/** The entries of an index page, whether it is a leaf or an interior page. */
export function indexPayloads(page: Buffer, header: BtreeHeader, usable: number): Payload[] {
  return cellStarts(page, header).flatMap((at) => indexPayloadAt(page, header, at, usable) ?? []);
}

const LARGEST_PAYLOAD = 2 ** 31 - 1;

/**
 * The payload at an offset of a page, with its first overflow page. `most`: the largest payload that is kept whole in
 * the page (sqlite.org/fileformat2.html, 1.6).
 */
export function payloadAt(page: Buffer, at: number, size: number, usable: number, most: number): Payload | null {
  if (size < 2 || size > LARGEST_PAYLOAD) return null;
  if (size <= most) {
    return at + size > page.length ? null : { size, local: page.subarray(at, at + size), overflow: 0 };
  }
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const wanted = least + ((size - least) % (usable - 4));
  const kept = wanted <= most ? wanted : least;
  if (at + kept + 4 > page.length) return null;
  return { size, local: page.subarray(at, at + kept), overflow: page.readUInt32BE(at + kept) };
}
