import { endianness } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { sizeNow } from "../../../platform/read-now.ts";
import { amount } from "../../../words/amounts.ts";
import { openRandomAccess, type RandomAccessFile } from "./random-access.ts";

/** One frame of a WAL: a new version of one page. */
export interface Frame {
  readonly page: number;
  /** The offset of the page's bytes in the file of the WAL. */
  readonly offset: number;
}

export interface WriteAheadLog {
  readonly pageBytes: number;
  /** The frames of committed transactions, the oldest first. */
  readonly committed: readonly Frame[];
  /**
   * All other frames, the newest first. They were never committed, are damaged, or are older than the last restart of
   * the WAL.
   */
  readonly others: readonly Frame[];
  /** The number of pages of the database after the last commit; 0 if nothing was committed. */
  readonly pages: number;
  /** The number of frames that SQLite itself would not read, because a frame before them is damaged. */
  readonly beyondDamage: number;
  /**
   * Whether the frame before the first damaged one ends a transaction. Then opencode may have written that transaction
   * after an earlier damage, and the frames beyond it are older.
   */
  readonly endsBeforeDamage: boolean;
  /** Whether the header of the WAL and every frame since its last restart are undamaged. */
  readonly isWhole: boolean;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;

interface ReadFrame extends Frame {
  readonly commitPages: number;
  readonly isCurrent: boolean;
  readonly isSound: boolean;
}

/**
 * If a frame's page number is this far beyond the end of the database, the number is damaged. Reading every page up to
 * that number would take too long.
 */
const MOST_PAGES_MORE = 2 ** 22;

function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65536 && (size & (size - 1)) === 0;
}

/**
 * Reads more of a WAL than SQLite does. Each frame is checked against the checksum in the frame before it, so that a
 * damaged frame makes only itself unreadable. `pageBytes`: the page size from the header of the database, if known,
 * because the header of the WAL may be damaged too. `databaseBytes`: the length of the database file.
 */
export function readWriteAheadLog(
  file: RandomAccessFile,
  pageBytes: number | null,
  databaseBytes: number,
): WriteAheadLog | null {
  if (file.size <= HEADER_BYTES) return null;
  const header = file.read(0, HEADER_BYTES);
  const hasHeader = isHeader(header);
  const own = header.readUInt32BE(8);
  const size = hasHeader && isPageSize(own) ? own : pageBytes;
  if (size === null) return null;
  const frameBytes = FRAME_HEADER_BYTES + size;
  const count = Math.floor((file.size - HEADER_BYTES) / frameBytes);
  const most = Math.ceil(databaseBytes / size) + MOST_PAGES_MORE;
  const salts = saltsOf(file, hasHeader ? header : null, frameBytes, count);
  const isBigEndian = hasHeader ? (header.readUInt32BE(0) & 1) === 1 : false;
  let before: Buffer | null = hasHeader ? header.subarray(24, 32) : null;
  const frames: ReadFrame[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = HEADER_BYTES + index * frameBytes;
    const bytes = file.read(start, frameBytes);
    const page = bytes.readUInt32BE(0);
    const commitPages = bytes.readUInt32BE(4);
    const isCurrent = salts !== null && Buffer.compare(bytes.subarray(8, 16), salts) === 0;
    // After a damaged frame, or without the header, the start value of the checksum is unknown. Then only the salts of
    // the frame can be compared.
    const isPossible = page > 0 && page <= most && commitPages <= most;
    const isSound = isCurrent && isPossible && (before === null || checksumHolds(bytes, before, isBigEndian));
    frames.push({ page, offset: start + FRAME_HEADER_BYTES, commitPages, isCurrent, isSound });
    before = isCurrent ? Buffer.from(bytes.subarray(16, 24)) : null;
  }
  return sorted(frames, size, headerHolds(header));
}

function sorted(frames: readonly ReadFrame[], pageBytes: number, headerIsWhole: boolean): WriteAheadLog {
  let last = -1;
  for (const [index, frame] of frames.entries()) if (frame.isSound && frame.commitPages > 0) last = index;
  const isCommitted = (frame: ReadFrame, index: number) => frame.isSound && index <= last;
  const firstBad = frames.findIndex((frame) => !frame.isSound);
  return {
    pageBytes,
    committed: frames.filter(isCommitted),
    others: frames.filter((frame, index) => frame.page > 0 && !isCommitted(frame, index)).reverse(),
    pages: frames[last]?.commitPages ?? 0,
    beyondDamage:
      firstBad < 0 ? 0 : frames.filter((frame, index) => index > firstBad && isCommitted(frame, index)).length,
    endsBeforeDamage: firstBad > 0 && (frames[firstBad - 1]?.commitPages ?? 0) > 0,
    isWhole: headerIsWhole && frames.every(({ isCurrent, isSound }) => !isCurrent || isSound),
  };
}

/**
 * The salts (random numbers) that mark the frames since the last restart of the WAL. A header or a frame may be
 * damaged, so three ways are tried. If one of the first two frames has the salts of the header, these salts are used.
 * Otherwise, if the first two frames have equal salts, these salts are used. Otherwise the most frequent salts are
 * used. A WAL that was restarted may have no new frame. Then the result is the salts of the old frames, whose pages are
 * already in the database file.
 */
function saltsOf(file: RandomAccessFile, header: Buffer | null, frameBytes: number, count: number): Buffer | null {
  const of = (index: number) => file.read(HEADER_BYTES + index * frameBytes + 8, 8).toString("hex");
  const stated = header?.toString("hex", 16, 24);
  const [first, second] = [count > 0 ? of(0) : null, count > 1 ? of(1) : null];
  if (stated !== undefined && (first === stated || second === stated)) return Buffer.from(stated, "hex");
  if (first !== null && first === second) return Buffer.from(first, "hex");
  const seen = new Map<string, number>();
  for (let index = 0; index < count; index += 1) seen.set(of(index), (seen.get(of(index)) ?? 0) + 1);
  const [most] = [...seen].sort((a, b) => b[1] - a[1]);
  return most === undefined ? null : Buffer.from(most[0], "hex");
}

/** Whether the checksum of a frame is right. It covers the first 8 bytes of the frame and its page. */
function checksumHolds(frame: Buffer, seed: Buffer, isBigEndian: boolean): boolean {
  const words = wordsOf(frame, isBigEndian);
  const start = checksum(words.subarray(0, 2), [seed.readUInt32BE(0), seed.readUInt32BE(4)]);
  const [a, b] = checksum(words.subarray(FRAME_HEADER_BYTES / 4), start);
  return a === frame.readUInt32BE(16) && b === frame.readUInt32BE(20);
}

/** The checksum of the WAL format, continued from `seed` (sqlite.org/fileformat2.html, 4.2). */
function checksum(words: Uint32Array, seed: readonly [number, number]): readonly [number, number] {
  let [a, b] = seed;
  for (let index = 0; index < words.length; index += 2) {
    a = (a + (words[index] ?? 0) + b) >>> 0;
    b = (b + (words[index + 1] ?? 0) + a) >>> 0;
  }
  return [a, b];
}

function headerHolds(header: Buffer): boolean {
  const [a, b] = checksum(wordsOf(header.subarray(0, 24), (header.readUInt32BE(0) & 1) === 1), [0, 0]);
  return isHeader(header) && a === header.readUInt32BE(24) && b === header.readUInt32BE(28);
}

function isHeader(header: Buffer): boolean {
  return (header.readUInt32BE(0) & 0xfffffffe) >>> 0 === MAGIC;
}

/**
 * The size of the largest WAL that is searched. A larger one is left out, because a search of 200 MB takes a second.
 */
const LARGEST_LOOKED_THROUGH = 64 * 1024 * 1024;

/** The committed pages in a WAL that SQLite does not read. */
export interface UnreadLog {
  readonly words: string;
  /** Whether other pages may be newer than these ({@link WriteAheadLog.endsBeforeDamage}). */
  readonly mayBeOlder: boolean;
  /** The header of the WAL. A WAL that was begun again has another header. */
  readonly header: Buffer;
}

/** Finds committed pages in a WAL that SQLite does not read because of damage; `null` if there are none. */
export function unreadLog(database: string): UnreadLog | null {
  const path = `${database}-wal`;
  const size = sizeNow(path);
  if (size <= HEADER_BYTES || size > LARGEST_LOOKED_THROUGH) return null;
  const file = openRandomAccess(path);
  try {
    const header = file.read(0, HEADER_BYTES);
    const isSound = headerHolds(header);
    const log = readWriteAheadLog(file, 4096, sizeNow(database));
    const [first] = log?.committed ?? [];
    if (log === null || first === undefined) return null;
    if (!isSound)
      return {
        words: `${amount(log.committed.length, "page")}, its header is damaged`,
        mayBeOlder: false,
        header: Buffer.from(header),
      };
    // If the salts differ, the frame is older than the last restart of the WAL. Then the WAL has no new frame, and the
    // database file already holds everything.
    const own = file.read(first.offset - FRAME_HEADER_BYTES + 8, 8);
    if (Buffer.compare(own, header.subarray(16, 24)) !== 0) return null;
    if (log.beyondDamage === 0) return null;
    const words = `${amount(log.beyondDamage, "page")} behind a damaged one`;
    return { words, mayBeOlder: log.endsBeforeDamage, header: Buffer.from(header) };
  } finally {
    file.close();
  }
}

/** {@link unreadLog}, looked at twice: a log that another process begins again looks damaged for a moment. */
export async function lastingUnreadLog(database: string): Promise<UnreadLog | null> {
  const first = unreadLog(database);
  if (first === null) return null;
  await sleep(SECOND_LOOK_MS);
  const second = unreadLog(database);
  return second?.header.equals(first.header) === true ? second : null;
}

const SECOND_LOOK_MS = 200;

function wordsOf(bytes: Buffer, isBigEndian: boolean): Uint32Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  const buffer = Buffer.from(copy.buffer);
  if (isBigEndian !== (endianness() === "BE")) buffer.swap32();
  return new Uint32Array(copy.buffer);
}
