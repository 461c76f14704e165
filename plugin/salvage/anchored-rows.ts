import { payloadAt } from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import { type FoundRecord, readPayload } from "../stores/sqlite/pages/payload.ts";
import { readRowID, readVarint } from "../stores/sqlite/pages/record.ts";
import { isSound } from "./sound-values.ts";

/** A row that was found by its ids, because the SQLite cell or page that holds it is damaged. */
export interface AnchoredRow {
  readonly table: "part" | "message";
  /** The rowid; `null` if the damage has destroyed it. */
  readonly rowID: bigint | null;
  readonly record: FoundRecord;
}

const ID_BYTES = 30;

/**
 * Matches the ids of a part or a message in the order in which its row stores them. The ids of opencode have a fixed
 * length. No index stores them in this order, so a match is a row of the table.
 */
const ANCHOR = /(?:prt_[0-9A-Za-z]{26})?msg_[0-9A-Za-z]{26}ses_[0-9A-Za-z]{26}/g;

/** The offsets on a page at which the ids of a part or a message begin. */
export function anchorsOn(page: Buffer): number[] {
  if (page.indexOf("msg_") < 0) return [];
  return [...page.toString("latin1").matchAll(ANCHOR)].map(({ index }) => index);
}

/**
 * Reads the row whose ids begin at `anchor`. The row's length comes from the record header or from the cell. A length
 * counts as right only if the JSON document then parses. Returns `null` if no JSON document follows the ids.
 */
export function anchoredRow(image: PageImage, page: Buffer, anchor: number): AnchoredRow | null {
  const table = page.toString("latin1", anchor, anchor + 4) === "prt_" ? "part" : "message";
  const ids = table === "part" ? 3 : 2;
  const columns = ids + 3;
  const serialBytes = serialBytesBefore(page, anchor);
  const start = anchor - columns - serialBytes;
  if (start < 2) return null;
  const times = [timeAt(page, start + 1 + ids), timeAt(page, start + 2 + ids)];
  const fixed = ids * ID_BYTES + times.reduce((sum, { length }) => sum + length, 0);
  const serial = readVarint(page, anchor - serialBytes);
  const cell = cellBefore(page, start);
  const headerBytes = columns + serialBytes;
  const sizes = [
    ...(serial !== null && serial[0] >= 13 ? [headerBytes + fixed + Math.floor((serial[0] - 13) / 2)] : []),
    ...cell.map(({ size }) => size),
  ];
  let unfinished: FoundRecord | null = null;
  let rowID: bigint | null = null;
  for (const size of sizes) {
    const payload = payloadAt(page, start, size, image.usableBytes, image.usableBytes - 35);
    if (payload === null || payload.local.length < headerBytes + fixed) continue;
    const { bytes, isWhole, chain } = readPayload(image, payload);
    const record = { ...rowOf(bytes, headerBytes, ids, times, fixed), isWhole, chain };
    const data = record.values.at(-1) ?? null;
    rowID = cell.find((each) => each.size === size)?.rowID ?? rowID;
    if (isWhole && isSound(table, "data", data)) return { table, rowID, record };
    if (data instanceof Uint8Array && data[0] === OPENING_BRACE) unfinished ??= { ...record, isWhole: false };
  }
  return unfinished === null ? null : { table, rowID, record: unfinished };
}

const OPENING_BRACE = 0x7b;

/**
 * The length of the variable-length integer that ends at an offset, in bytes. Only the last byte of such an integer is
 * below 0x80.
 */
function serialBytesBefore(page: Buffer, end: number): number {
  let length = 1;
  while (length < 4 && (page[end - length - 1] ?? 0) >= 0x80) length += 1;
  return length;
}

/**
 * How many bytes a time takes in the record. A time in milliseconds takes six bytes, unless the record header says
 * otherwise.
 */
function timeAt(page: Buffer, at: number): { readonly length: number } {
  const serial = page[at] ?? 0;
  return { length: serial === 8 || serial === 9 ? 0 : serial === 6 ? 8 : 6 };
}

/** Every way in which the bytes before a record can be read as the size and the rowid of a cell. */
function cellBefore(page: Buffer, start: number): { readonly size: number; readonly rowID: bigint }[] {
  const found: { size: number; rowID: bigint }[] = [];
  for (let at = start - 2; at >= Math.max(0, start - 14); at -= 1) {
    const size = readVarint(page, at);
    const rowID = size === null ? null : readRowID(page, size[1]);
    if (size !== null && rowID?.[1] === start) found.push({ size: size[0], rowID: rowID[0] });
  }
  return found;
}

function rowOf(
  bytes: Buffer,
  headerBytes: number,
  ids: number,
  times: readonly { readonly length: number }[],
  fixed: number,
): Pick<FoundRecord, "letters" | "values"> {
  const texts = Array.from({ length: ids }, (_, index) => {
    const at = headerBytes + index * ID_BYTES;
    return bytes.subarray(at, at + ID_BYTES);
  });
  let at = headerBytes + ids * ID_BYTES;
  const numbers = times.map(({ length }) => {
    const value = length === 0 ? 0 : length === 8 ? Number(bytes.readBigInt64BE(at)) : bytes.readIntBE(at, length);
    at += length;
    return value;
  });
  const letters = [...texts.map(() => "t" as const), "i" as const, "i" as const, "t" as const];
  return { letters, values: [...texts, ...numbers, bytes.subarray(headerBytes + fixed)] };
}
