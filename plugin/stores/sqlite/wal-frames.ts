import { type OpenedFile, openNow } from "../../platform/read-now.ts";

/**
 * A position in a write-ahead log (WAL): a number of frames since the WAL was last restarted. SQLite restarts the WAL,
 * with other salts, after all its pages were copied into the database (sqlite.org/fileformat2.html, "The Write-Ahead
 * Log"). The checksum is that of the last frame, and covers all earlier frames.
 */
export interface WalPosition {
  readonly salts: string;
  readonly frames: number;
  readonly checksum: readonly [number, number];
}

/** The pages that were committed to the WAL after a position, or `"lost"` if some of them are unknown. */
export type WalChanges = { readonly position: WalPosition; readonly pages: ReadonlyMap<number, Buffer> } | "lost";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** The largest amount of new frames that is read. If there is more, the caller checks the whole database instead. */
const MOST_BYTES = 64 * 1024 * 1024;

export const NO_WAL: WalPosition = { salts: "", frames: 0, checksum: [0, 0] };

/**
 * Reads the pages that were committed to a WAL after the position `before`, or all pages of the WAL if `before` is
 * `null`. Opening the WAL directly is safe inside opencode's process: SQLite locks the database and the `-shm`, but not
 * the `-wal`. `isDatabaseUntouched`: certainly nothing was written to the database file since that position. So SQLite
 * copied no pages from the WAL into the file, and overwrote no frame that was not read yet.
 */
export function changesSince(wal: string, before: WalPosition | null, isDatabaseUntouched = false): WalChanges {
  let log: OpenedFile;
  try {
    log = openNow(wal);
  } catch {
    return nothingSince(before);
  }
  try {
    return readChanges(log, before, isDatabaseUntouched);
  } finally {
    log.close();
  }
}

function nothingSince(before: WalPosition | null): WalChanges {
  const isSame = before === null || before.salts === NO_WAL.salts;
  return isSame ? { position: NO_WAL, pages: new Map() } : "lost";
}

function readChanges(file: OpenedFile, before: WalPosition | null, isUntouched: boolean): WalChanges {
  const header = Buffer.alloc(HEADER_BYTES);
  if (file.read(header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return nothingSince(before);
  const log = readHeader(header);
  if (log === null) return nothingSince(before);
  const frameBytes = FRAME_HEADER_BYTES + log.pageSize;
  const pages = new Map<number, Buffer>();
  let position: WalPosition = { salts: log.salts, frames: 0, checksum: log.checksum };
  if (before !== null && before.salts !== log.salts) {
    // The WAL was restarted after the position. If frames were added between the position and the restart, these frames
    // would still be in the file, behind the new frames.
    const isNext = isNextGeneration(before.salts, log.salts) && hasEnded(file, before, frameBytes);
    if (!isUntouched && !isNext) return "lost";
  } else if (before !== null && before.frames > 0) {
    if (!isFrame(file, before, frameBytes)) return "lost";
    position = before;
  }
  if (file.size - HEADER_BYTES - position.frames * frameBytes > MOST_BYTES) {
    const grown = countFrames(file, log.salts, position.frames, frameBytes);
    if (grown * frameBytes > MOST_BYTES) return "lost";
  }
  const sum = checksumOf(log.isLittleEndian);
  let [s0, s1] = position.checksum;
  const uncommitted = new Map<number, Buffer>();
  for (let index = position.frames; ; index += 1) {
    const frame = Buffer.allocUnsafe(frameBytes);
    const offset = HEADER_BYTES + index * frameBytes;
    if (file.read(frame, 0, frameBytes, offset) < frameBytes) break;
    if (saltsAt(frame, 8) !== log.salts || frame.readUInt32BE(0) === 0) break;
    [s0, s1] = sum(frame, 0, 8, s0, s1);
    [s0, s1] = sum(frame, FRAME_HEADER_BYTES, frameBytes, s0, s1);
    if (frame.readUInt32BE(16) !== s0 || frame.readUInt32BE(20) !== s1) break;
    uncommitted.set(frame.readUInt32BE(0), frame.subarray(FRAME_HEADER_BYTES));
    if (frame.readUInt32BE(4) === 0) continue;
    for (const [number, page] of uncommitted) pages.set(number, page);
    uncommitted.clear();
    position = { salts: log.salts, frames: index + 1, checksum: [s0, s1] };
  }
  return { position, pages };
}

interface LogHeader {
  readonly salts: string;
  readonly pageSize: number;
  readonly isLittleEndian: boolean;
  readonly checksum: readonly [number, number];
}

function readHeader(header: Buffer): LogHeader | null {
  const magic = header.readUInt32BE(0);
  if ((magic & 0xfffffffe) >>> 0 !== 0x377f0682) return null;
  const pageSize = header.readUInt32BE(8);
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) return null;
  return {
    salts: saltsAt(header, 16),
    pageSize,
    isLittleEndian: magic === 0x377f0682,
    checksum: [header.readUInt32BE(24), header.readUInt32BE(28)],
  };
}

function saltsAt(bytes: Buffer, offset: number): string {
  return bytes.toString("hex", offset, offset + 8);
}

function frameHeader(file: OpenedFile, index: number, frameBytes: number): Buffer | null {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  const read = file.read(header, 0, FRAME_HEADER_BYTES, HEADER_BYTES + index * frameBytes);
  return read < FRAME_HEADER_BYTES ? null : header;
}

/**
 * Whether the WAL was restarted exactly once. The first salt increases by one at each restart. With more restarts,
 * changes could have passed unnoticed.
 */
function isNextGeneration(before: string, now: string): boolean {
  return (firstSalt(before) + 1) >>> 0 === firstSalt(now);
}

function firstSalt(salts: string): number {
  return Number.parseInt(salts.slice(0, 8), 16);
}

/** Whether the last frame before a position is still in its place. */
function isFrame(file: OpenedFile, { salts, frames, checksum }: WalPosition, frameBytes: number): boolean {
  const header = frameHeader(file, frames - 1, frameBytes);
  if (header === null || saltsAt(header, 8) !== salts) return false;
  return header.readUInt32BE(16) === checksum[0] && header.readUInt32BE(20) === checksum[1];
}

/**
 * Whether no frame was added to the WAL between a position and the next restart. In that case, the frame after the
 * position does not have the old salts.
 */
function hasEnded(file: OpenedFile, { salts, frames }: WalPosition, frameBytes: number): boolean {
  const last = frames === 0 ? null : frameHeader(file, frames - 1, frameBytes);
  // If the last frame before the position was overwritten, the frames that followed it may have been overwritten too.
  if (last === null || saltsAt(last, 8) !== salts) return false;
  const next = frameHeader(file, frames, frameBytes);
  return next === null || saltsAt(next, 8) !== salts;
}

function countFrames(file: OpenedFile, salts: string, from: number, frameBytes: number): number {
  const last = Math.floor((file.size - HEADER_BYTES) / frameBytes);
  let index = from;
  for (; index < last; index += 1) {
    const header = frameHeader(file, index, frameBytes);
    if (header === null || saltsAt(header, 8) !== salts) break;
  }
  return index - from;
}

type Sum = (bytes: Buffer, from: number, to: number, s0: number, s1: number) => [number, number];

/**
 * Returns a function that computes the WAL's checksum of some bytes. The magic number of the WAL decides the byte
 * order.
 */
function checksumOf(isLittleEndian: boolean): Sum {
  return (bytes, from, to, first, second) => {
    let [s0, s1] = [first | 0, second | 0];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let offset = from; offset < to; offset += 8) {
      s0 = (s0 + view.getInt32(offset, isLittleEndian) + s1) | 0;
      s1 = (s1 + view.getInt32(offset + 4, isLittleEndian) + s0) | 0;
    }
    return [s0 >>> 0, s1 >>> 0];
  };
}
