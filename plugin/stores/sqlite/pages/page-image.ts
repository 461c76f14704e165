import { cellStarts, hasDatabaseHeader, PAGE_TYPE, readBtreeHeader, tableCells } from "./btree-page.ts";
import { type FreePages, freePages } from "./free-pages.ts";
import { openRandomAccess, type RandomAccessFile } from "./random-access.ts";
import { readRecordHeader } from "./record.ts";
import { type Frame, readWriteAheadLog } from "./write-ahead-log.ts";

/** A version of a page that is no longer valid, or that was never committed. */
export interface OlderPage {
  readonly page: number;
  read(): Buffer;
}

/**
 * The pages of a damaged database as opencode would see them: those of the file, replaced by the committed pages of its
 * WAL. Also gives older versions of pages. Needs no SQLite.
 */
export interface PageImage {
  readonly pageBytes: number;
  /** The number of bytes of each page that hold data, without the reserved bytes at its end. */
  readonly usableBytes: number;
  /** The highest page number. Pages are numbered from 1. */
  readonly pages: number;
  readonly free: FreePages;
  /** The number of pages in the WAL that SQLite would not have read, because a page before them is damaged. */
  readonly framesBeyondDamage: number;
  /** Whether the WAL was read completely, or there is no WAL. If not, later versions of any page may be missing. */
  readonly logIsWhole: boolean;
  /** Whether the file is as long as its header says, and its WAL was read completely. */
  readonly isComplete: boolean;
  /** Reads a page. Several calls may return the same buffer, so the caller must not write to it. */
  read(page: number): Buffer;
  /** Other versions of pages. The versions that are more likely to be useful come first. */
  older(): Iterable<OlderPage>;
}

const CHUNK_BYTES = 64 * 1024;
const MOST_CHUNKS = 256;

/** Reads a file in pieces of equal size, and keeps the last few pieces in memory. */
function chunked(file: RandomAccessFile): (offset: number, length: number) => Buffer {
  const chunks = new Map<number, Buffer>();
  return (offset, length) => {
    const index = Math.floor(offset / CHUNK_BYTES);
    let chunk = chunks.get(index);
    if (chunk === undefined) {
      chunk = file.read(index * CHUNK_BYTES, CHUNK_BYTES);
      if (chunks.size === MOST_CHUNKS) chunks.delete(chunks.keys().next().value ?? 0);
      chunks.set(index, chunk);
    }
    const start = offset - index * CHUNK_BYTES;
    return start + length <= CHUNK_BYTES ? chunk.subarray(start, start + length) : file.read(offset, length);
  };
}

/** Opens the pages of a database file together with those of its WAL, if there is one. */
export function openPageImage(main: RandomAccessFile, walFile: RandomAccessFile | null): PageImage {
  const ownPageBytes = pageSize(main);
  const wal = walFile === null ? null : readWriteAheadLog(walFile, ownPageBytes, main.size);
  const walIsWhole = walFile === null || walFile.size === 0 || wal?.isWhole === true;
  const pageBytes = wal?.pageBytes ?? ownPageBytes ?? 4096;
  const current = new Map<number, Frame>();
  for (const frame of wal?.committed ?? []) current.set(frame.page, frame);
  const highest = [...current.keys()].reduce((most, page) => Math.max(most, page), 0);
  const pages = Math.max(Math.ceil(main.size / pageBytes), highest, wal?.pages ?? 0);
  const fromMain = chunked(main);
  const readMain = (page: number) => fromMain((page - 1) * pageBytes, pageBytes);
  const readFrame = (frame: Frame) =>
    walFile === null ? Buffer.alloc(pageBytes) : walFile.read(frame.offset, pageBytes);
  const read = (page: number): Buffer => {
    const frame = current.get(page);
    return frame === undefined ? readMain(page) : readFrame(frame);
  };
  return {
    pageBytes,
    usableBytes: pageBytes - reservedBytes(read, pages, pageBytes),
    pages,
    free: freePages(read, pages),
    framesBeyondDamage: wal?.beyondDamage ?? 0,
    logIsWhole: walIsWhole,
    isComplete: walIsWhole && isAsLongAsStated(read(1), main.size / pageBytes, wal?.pages ?? 0),
    read,
    *older() {
      for (const frame of wal?.committed.toReversed() ?? []) {
        if (current.get(frame.page) !== frame) yield { page: frame.page, read: () => readFrame(frame) };
      }
      for (const page of current.keys()) if (page * pageBytes <= main.size) yield { page, read: () => readMain(page) };
      for (const frame of wal?.others ?? []) yield { page: frame.page, read: () => readFrame(frame) };
    },
  };
}

/**
 * Whether the database has as many pages as its header states. That number is valid only if two change counters in the
 * header agree (sqlite.org/fileformat2.html, 1.3.7).
 */
function isAsLongAsStated(first: Buffer, pagesOfMain: number, pagesAfterLog: number): boolean {
  if (!hasDatabaseHeader(first)) return false;
  const stated = first.readUInt32BE(28);
  const isValid = stated > 0 && first.readUInt32BE(24) === first.readUInt32BE(92);
  return isValid && (pagesAfterLog > 0 ? stated === pagesAfterLog : stated <= pagesOfMain);
}

function statedPageBytes(header: Buffer): number | null {
  const stated = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16);
  return stated >= 512 && (stated & (stated - 1)) === 0 ? stated : null;
}

/**
 * The page size from the header, or another size if the pages clearly show that the header is wrong. `null` if neither
 * shows a size.
 */
function pageSize(main: RandomAccessFile): number | null {
  const first = main.read(0, 4096);
  const stated = hasDatabaseHeader(first) ? statedPageBytes(first) : null;
  const likely = likelyPageBytes(main);
  if (likely === null || stated === null) return likely ?? stated;
  return treePages(main, stated) * CLEARLY_MORE < treePages(main, likely) ? likely : stated;
}

/**
 * The number of reserved bytes at the end of each page. The number that most pages show is used, whatever the header
 * says.
 */
function reservedBytes(read: (page: number) => Buffer, pages: number, pageBytes: number): number {
  const votes = new Map<number, number>();
  const step = Math.max(1, Math.floor(pages / SAMPLED_PAGES));
  for (let page = 2; page <= pages; page += step) {
    const bytes = read(page);
    const header = readBtreeHeader(bytes);
    if (header?.type !== PAGE_TYPE.tableLeaf) continue;
    // SQLite stores the first row at the end of a page. So the row ends where the usable part of the page ends.
    const ends = tableCells(bytes, header, pageBytes)
      .filter((cell) => cell.overflow === 0 && readRecordHeader(cell.local, cell.size) !== null)
      .map((cell) => cell.local.byteOffset - bytes.byteOffset + cell.size);
    const reserved = pageBytes - Math.max(...ends);
    if (reserved <= 255) votes.set(reserved, (votes.get(reserved) ?? 0) + 1);
  }
  const [most] = [...votes].sort((a, b) => b[1] - a[1]);
  return most?.[0] ?? 0;
}

const SAMPLED_PAGES = 400;

const CLEARLY_MORE = 1.2;

/** The share of sampled pages that look like b-tree pages, if the pages have this size. */
function treePages(main: RandomAccessFile, size: number): number {
  const pages = Math.floor(main.size / size);
  const step = Math.max(1, Math.floor(pages / SAMPLED_PAGES));
  let [found, looked] = [0, 0];
  for (let page = 1; page < pages; page += step) {
    looked += 1;
    const bytes = main.read(page * size, size);
    const header = readBtreeHeader(bytes);
    // Cells are written from the end of a page towards its beginning, so on a real page some cell is in the second
    // half.
    if (header !== null && cellStarts(bytes, header).some((at) => at >= size / 2)) found += 1;
  }
  return looked === 0 ? 0 : found / looked;
}

/** Whether a file contains database pages, although SQLite does not accept the file as a database. */
export function holdsPages(path: string): boolean {
  const file = openRandomAccess(path);
  try {
    return likelyPageBytes(file) !== null;
  } finally {
    file.close();
  }
}

/** The page size at which most pages look like b-tree pages. opencode uses 4096, so that size is tried first. */
function likelyPageBytes(main: RandomAccessFile): number | null {
  let best: readonly [share: number, size: number] = [0, 0];
  for (const size of [4096, 1024, 2048, 8192, 16384, 32768, 65536, 512]) {
    const share = treePages(main, size);
    if (share > best[0] * CLEARLY_MORE) best = [share, size];
  }
  return best[1] === 0 ? null : best[1];
}
