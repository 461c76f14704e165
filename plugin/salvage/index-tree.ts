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
import { type SchemaObject, utf8Text } from "../stores/sqlite/pages/schema-objects.ts";
import { compareEntries, type IndexShape, type NamedRow, namedRow } from "./index-shape.ts";
import type { Owners } from "./page-map.ts";

/**
 * A range of an index that could not be read: all entries between `low` and `high`. `null` stands for the beginning or
 * the end of the index.
 */
export interface Gap {
  readonly low: SqliteRecord | null;
  readonly high: SqliteRecord | null;
}

/** The entries on one page of an index. */
export interface IndexPage {
  readonly header: BtreeHeader;
  /** The offsets at which the cells of the page begin. */
  readonly starts: readonly number[];
  /** The entries of the page in their order; `null` for an entry that cannot be read. */
  readonly entries: readonly (IndexEntry | null)[];
  /** Whether every entry could be read and all are in order. Then nothing on the page was overwritten. */
  readonly isSound: boolean;
}

interface IndexEntry {
  readonly record: SqliteRecord;
  readonly row: NamedRow;
}

/**
 * Reads one page of an index. All entries must be between `low` and `high`, otherwise the page counts as damaged.
 * Returns `null` if it is not an index page.
 */
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
  // A pointer that leads out of the page counts as an entry that cannot be read.
  const isSound = isInOrder && starts.length === header.cells && entries.every((entry) => entry !== null);
  return { header, starts, entries, isSound };
}

/**
 * Reads all entries of an index, beginning at its root page. Returns the ranges that could not be read or that contain
 * a damaged page. Entries of a damaged page are passed on with `isSound` set to `false`.
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

/** The range that contains the whole index. */
export const EVERYTHING: Gap = { low: null, high: null };

/**
 * Whether an unreadable range may have contained entries of a session. Valid only for an index whose first column is
 * the session's id.
 */
export function mayHide({ low, high }: Gap, sessionID: string): boolean {
  const [from, to] = [firstText(low), firstText(high)];
  return (from === null || from <= sessionID) && (to === null || sessionID <= to);
}

function firstText(record: SqliteRecord | null): string | null {
  const value = record?.values[0];
  return value instanceof Uint8Array ? utf8Text(value) : null;
}
