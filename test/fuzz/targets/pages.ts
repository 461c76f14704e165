import { anchoredRow, anchorsOn } from "../../../plugin/salvage/anchored-rows.ts";
import { findOwners, mapPages, type Owners, type PageMap } from "../../../plugin/salvage/page-map.ts";
import {
  indexPayloads,
  PAGE_TYPE,
  type Payload,
  readBtreeHeader,
  tableCells,
} from "../../../plugin/stores/sqlite/pages/btree-page.ts";
import { openPageImage, type PageImage } from "../../../plugin/stores/sqlite/pages/page-image.ts";
import { readPayloadRecord } from "../../../plugin/stores/sqlite/pages/payload.ts";
import { readRecord, readRecordHeader, type SqliteRecord } from "../../../plugin/stores/sqlite/pages/record.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";
import { memoryFile } from "../memory-file.ts";
import { isInUse, sealedLog } from "../sealed-log.ts";
import { COLUMNS, rowsBySqlite, TABLE } from "../sqlite-rows.ts";

/** The largest number of pages that the tool may assume for so few bytes. To read more pages would take seconds. */
const MOST_PAGES = 5_000_000;

/** The rest of the check is left out if there are more pages than this, because it would take too long. */
const FEW_PAGES = 10_000;

/**
 * Salvage reads any bytes without an exception, and invents no data. If SQLite finds the database sound, salvage reads
 * the same rows as SQLite.
 */
export function fuzz(data: Uint8Array): void {
  const choices = new Choices(data);
  const flags = choices.byte();
  const mainBytes = choices.byte() * 256 + choices.byte();
  const bytes = choices.rest();
  const main = bytes.subarray(0, mainBytes);
  const log = bytes.subarray(mainBytes);
  const wal = log.length === 0 ? null : (flags & 1) === 1 ? sealedLog(log) : log;
  const image = openPageImage(memoryFile(main), wal === null ? null : memoryFile(wal));
  demand(image.pages <= MOST_PAGES, `${image.pages} pages in ${bytes.length} bytes`);
  if (image.pages > FEW_PAGES) return;
  const map = mapPages(image, () => undefined);
  const owners = findOwners(image, map);
  for (let page = 1; page <= image.pages; page += 1) demandPage(image, page);
  for (const older of image.older()) demand(older.read().length === image.pageBytes, "an older page of another size");
  // If the WAL is damaged, salvage reads more of its pages than SQLite. So the rows are only compared if the WAL is
  // sound.
  const isLogSound = wal === null || ((flags & 1) === 1 && isInUse(wal) && image.framesBeyondDamage === 0);
  if ((flags & 2) !== 0 && isLogSound) demandSame(main, wal, image, map, owners);
}

function demandPage(image: PageImage, number: number): void {
  const page = image.read(number);
  demand(page.length === image.pageBytes, "a page of another size");
  const header = readBtreeHeader(page, number === 1);
  if (header?.type === PAGE_TYPE.tableLeaf) {
    for (const cell of tableCells(page, header, image.usableBytes)) {
      const record = readPayloadRecord(image, cell);
      if (record !== null) demandStored(image, cell, record);
    }
  } else if (header !== null) {
    for (const payload of indexPayloads(page, header, image.usableBytes)) readRecord(payload.local, payload.size);
  }
  for (const at of anchorsOn(page)) {
    const found = anchoredRow(image, page, at);
    if (found !== null)
      demand(found.record.values.length === (found.table === "part" ? 6 : 5), "a row of other columns");
  }
}

/**
 * Checks that the texts and BLOBs of a record are in its payload, in this order. If a value is cut off, the record must
 * not count as whole.
 */
function demandStored(image: PageImage, payload: Payload, record: SqliteRecord & { readonly isWhole: boolean }): void {
  const stored = payloadBytes(image, payload);
  let at = 0;
  for (const value of record.values) {
    if (!(value instanceof Uint8Array)) continue;
    const start = value.length === 0 ? at : stored.indexOf(value, at);
    demand(start >= at, "bytes that stand nowhere");
    at = start + value.length;
  }
  if (record.isWhole) demand(stored.length === payload.size, "a broken row counts as whole");
}

function payloadBytes(image: PageImage, { size, local, overflow }: Payload): Buffer {
  let [bytes, next] = [local, overflow];
  while (bytes.length < size && next >= 1 && next <= image.pages) {
    const page = image.read(next);
    bytes = Buffer.concat([bytes, page.subarray(4, Math.min(image.usableBytes, 4 + size - bytes.length))]);
    next = page.readUInt32BE(0);
  }
  return bytes;
}

function demandSame(main: Buffer, wal: Buffer | null, image: PageImage, map: PageMap, owners: Owners): void {
  const expected = rowsBySqlite(main, wal);
  if (expected === null) return;
  const found = new Map<string, string>();
  for (let page = 1; page <= image.pages; page += 1) {
    if (map.types[page] !== PAGE_TYPE.tableLeaf || owners.ownerOf(page)?.name !== TABLE) continue;
    const bytes = image.read(page);
    const header = readBtreeHeader(bytes, page === 1);
    if (header === null) continue;
    for (const cell of tableCells(bytes, header, image.usableBytes)) {
      // SQLite also reads rows with more bytes than their columns need. Salvage takes them for damaged.
      if (readRecordHeader(cell.local, cell.size) === null) {
        found.set(String(cell.rowID), expected.get(String(cell.rowID)) ?? "");
        continue;
      }
      const record = readPayloadRecord(image, cell);
      demand(record?.isWhole === true, "a sound row cannot be read");
      found.set(String(cell.rowID), rowText(record));
    }
  }
  demand(found.size === expected.size, `${found.size} rows, and ${expected.size} by SQLite`);
  for (const [rowID, row] of expected) demand(found.get(rowID) === row, "a row that SQLite reads otherwise");
}

function rowText({ letters, values }: SqliteRecord): string {
  const cells = Array.from({ length: COLUMNS }, (_, index) => {
    const value = values[index] ?? null;
    const letter = letters[index] === "I" ? "i" : (letters[index] ?? "n");
    return letter === "r"
      ? "r "
      : `${letter} ${value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value)}`;
  });
  return cells.join("\n");
}
