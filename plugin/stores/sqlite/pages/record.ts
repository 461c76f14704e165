import type { SqlValue } from "../driver.ts";

/**
 * The storage class of one column in a record: `i` integer, `I` integer beyond 2^53 (kept as text), `r` real, `t` text,
 * `b` BLOB, `n` NULL.
 */
export type StorageLetter = "n" | "i" | "I" | "r" | "t" | "b";

/** The values of one row or index entry, with their storage classes. Texts and BLOBs are kept as their exact bytes. */
export interface SqliteRecord {
  readonly letters: readonly StorageLetter[];
  readonly values: readonly SqlValue[];
}

/**
 * Reads a variable-length integer (sqlite.org/fileformat2.html, 1.6). Returns the number and the offset after it;
 * `null` if the number would end outside the bytes.
 */
export function readVarint(bytes: Uint8Array, at: number): readonly [value: number, next: number] | null {
  let value = 0;
  for (let index = 0; index < 9; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return null;
    if (index === 8) return [value * 256 + byte, at + 9];
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, at + index + 1];
  }
  return null;
}

/** Reads a variable-length integer with all 64 bits. For rowids, which may be negative. */
export function readRowID(bytes: Uint8Array, at: number): readonly [value: bigint, next: number] | null {
  const short = readVarint(bytes, at);
  if (short === null) return null;
  if (short[1] - at < 8) return [BigInt(short[0]), short[1]];
  let value = 0n;
  for (let index = at; index < short[1]; index += 1) {
    const byte = BigInt(bytes[index] ?? 0);
    value = index - at === 8 ? (value << 8n) | byte : (value << 7n) | (byte & 0x7fn);
  }
  return [BigInt.asIntN(64, value), short[1]];
}

/** The lengths of values with the serial types 0 to 9. Types 10 and 11 never occur in a file. */
const FIXED_BYTES: readonly number[] = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

const MOST_COLUMNS = 2000;

/** The number of bytes of a value with this serial type; `null` if the type does not exist. */
function contentBytes(serial: number): number | null {
  if (serial >= 12) return Math.floor((serial - 12) / 2);
  return FIXED_BYTES[serial] ?? null;
}

/**
 * Reads a record's header: the serial types of its columns, and the offset of its content. `null` if these bytes are
 * not a record with `size` bytes.
 */
export function readRecordHeader(
  bytes: Uint8Array,
  size: number,
): { readonly serials: readonly number[]; readonly content: number } | null {
  const header = readVarint(bytes, 0);
  if (header === null || header[0] < header[1] || header[0] > bytes.length || header[0] > size) return null;
  const serials: number[] = [];
  let at = header[1];
  let total = header[0];
  while (at < header[0]) {
    const serial = readVarint(bytes, at);
    if (serial === null || serials.length === MOST_COLUMNS) return null;
    const length = contentBytes(serial[0]);
    if (length === null) return null;
    total += length;
    serials.push(serial[0]);
    at = serial[1];
  }
  // The sizes in the header must add up exactly. With random bytes they almost never do.
  return at === header[0] && total === size ? { serials, content: header[0] } : null;
}

/**
 * Decodes a record of `size` bytes. `bytes` may hold only its beginning: then the last text or BLOB is cut off. Texts
 * and BLOBs are views into `bytes`.
 */
export function readRecord(bytes: Buffer, size: number): SqliteRecord | null {
  const header = readRecordHeader(bytes, size);
  if (header === null) return null;
  const letters: StorageLetter[] = [];
  const values: SqlValue[] = [];
  let at = header.content;
  for (const serial of header.serials) {
    const length = contentBytes(serial) ?? 0;
    if (serial < 12 && at + length > bytes.length) return null;
    const [letter, value] = readValue(bytes, at, serial, length);
    letters.push(letter);
    values.push(value);
    at += length;
  }
  return { letters, values };
}

function readValue(bytes: Buffer, at: number, serial: number, length: number): readonly [StorageLetter, SqlValue] {
  switch (serial) {
    case 0:
      return ["n", null];
    case 7:
      return ["r", bytes.readDoubleBE(at)];
    case 8:
    case 9:
      return ["i", serial - 8];
    case 6: {
      const value = bytes.readBigInt64BE(at);
      const isSafe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
      return isSafe ? ["i", Number(value)] : ["I", String(value)];
    }
    default:
      if (serial < 12) return ["i", bytes.readIntBE(at, length)];
      return [serial % 2 === 0 ? "b" : "t", bytes.subarray(at, at + length)];
  }
}
