import {
  type BtreeHeader,
  cellStarts,
  indexPayloadAt,
  PAGE_TYPE,
  readBtreeHeader,
} from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import { readPayloadRecord } from "../stores/sqlite/pages/payload.ts";
import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { type SchemaObject, textOf } from "../stores/sqlite/pages/schema-objects.ts";
import { compareEntries, type IndexShape, type NamedRow, namedRow } from "./index-shape.ts";
import type { Owners } from "./page-map.ts";

/**
 * A range of index entries that cannot be read, between these two entries. `null` means from the first or up to the
 * last entry.
 */
export interface Gap {
  readonly low: SqliteRecord | null;
  readonly high: SqliteRecord | null;
}

/** The content of one page of an index. */
export interface IndexPage {
  readonly header: BtreeHeader;
  /** The offsets of the cells of the page. */
  readonly starts: readonly number[];
  /** The entries in order; `null` for an entry that cannot be read. */
  readonly entries: readonly (IndexEntry | null)[];
  /** Whether every entry was read and all are in order: nothing on the page was overwritten. */
  readonly isSound: boolean;
}

interface IndexEntry {
  readonly record: SqliteRecord;
  readonly row: NamedRow;
}

/** Reads a page as part of an index, with entries between two others; `null` if it is not a page of an index. */
export function readIndexPage(image: PageImage, page: number, shape: IndexShape, { low, high }: Gap): IndexPage | null {
  const bytes = image.read(page);
  const header = readBtreeHeader(bytes, page === 1);
  if (header === null || (header.type !== PAGE_TYPE.indexLeaf && header.type !== PAGE_TYPE.indexInterior)) return null;
  const starts = cellStarts(bytes, header);
  const entries = starts.map((at): IndexEntry | null => {
    const payload = indexPayloadAt(bytes, header, at, image.usableBytes);
    const record = payload === null ? null : readPayloadRecord(image, payload);
    const row = record?.isWhole ? namedRow(shape, record) : null;
    return record === null || row === null ? null : { record, row };
  });
  const order = [low, ...entries.map((entry) => entry?.record ?? null), high];
  const isInOrder = order.every((record, index) => {
    const next = order[index + 1] ?? null;
    return record === null || next === null || compareEntries(record, next) < 0;
  });
  // A pointer that leads out of the page is an entry that cannot be read.
  const isSound = isInOrder && starts.length === header.cells && entries.every((entry) => entry !== null);
  return { header, starts, entries, isSound };
}

/**
 * Reads the entries of an index from its root. An unreadable range becomes a gap. A page with damage becomes a gap too,
 * and its entries have `isSound` false.
 */
export function readIndexTree(
  image: PageImage,
  owners: Owners,
  { name, root }: SchemaObject,
  shape: IndexShape,
  onEntry: (row: NamedRow, isSound: boolean) => void,
): readonly Gap[] {
  const gaps: Gap[] = [];
  const seen = new Set<number>();
  const visit = (page: number, between: Gap): void => {
    const isOurs = owners.ownerOf(page)?.name === name && !seen.has(page);
    const read = isOurs ? readIndexPage(image, page, shape, between) : null;
    seen.add(page);
    if (read === null) {
      gaps.push(between);
      return;
    }
    const { header, starts, entries, isSound } = read;
    if (!isSound) gaps.push(between);
    for (const entry of entries) if (entry !== null) onEntry(entry.row, isSound);
    if (header.type !== PAGE_TYPE.indexInterior) return;
    const bytes = image.read(page);
    let low = between.low;
    for (const [index, entry] of entries.entries()) {
      visit(bytes.readUInt32BE(starts[index] ?? 0), { low, high: entry?.record ?? between.high });
      low = entry?.record ?? low;
    }
    visit(bytes.readUInt32BE(header.start + 8), { low, high: between.high });
  };
  visit(root, EVERYTHING);
  return gaps;
}

/** The range from the first entry to the last one. */
export const EVERYTHING: Gap = { low: null, high: null };

/** Whether a gap may hide entries of this session, in an index whose entries begin with a session's id. */
export function mayHide({ low, high }: Gap, sessionID: string): boolean {
  const [from, to] = [firstText(low), firstText(high)];
  return (from === null || from <= sessionID) && (to === null || sessionID <= to);
}

function firstText(record: SqliteRecord | null): string | null {
  const value = record?.values[0];
  return value instanceof Uint8Array ? textOf(value) : null;
}
