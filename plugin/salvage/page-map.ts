import {
  type BtreeHeader,
  cellStarts,
  children,
  PAGE_TYPE,
  readBtreeHeader,
} from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import { readRowID } from "../stores/sqlite/pages/record.ts";
import { type SchemaObject, schemaObjectsOf } from "../stores/sqlite/pages/schema-objects.ts";
import { journalKeysOf } from "./journal.ts";

/** The result of reading every page of a damaged database once. */
export interface PageMap {
  /** The type of each page, by page number; 0 if it is not a b-tree page. */
  readonly types: Uint8Array;
  readonly schema: readonly SchemaObject[];
  /** The applied migrations that were found, one key for each. */
  readonly journal: ReadonlySet<string>;
  /** The pages that hold the table `sqlite_schema`. */
  readonly schemaPages: ReadonlySet<number>;
}

/**
 * Reads every page once, in order. Statements of the schema are collected from all pages. Those on up-to-date pages are
 * preferred.
 */
export function mapPages(image: PageImage, onPage: (page: number) => void): PageMap {
  const types = new Uint8Array(image.pages + 1);
  const [current, stale]: [SchemaObject[], SchemaObject[]] = [[], []];
  const schemaPages = new Set<number>();
  const journal = new Set<string>();
  for (let page = 1; page <= image.pages; page += 1) {
    const bytes = image.read(page);
    types[page] = readBtreeHeader(bytes, page === 1)?.type ?? 0;
    if (types[page] === PAGE_TYPE.tableLeaf) {
      const objects = schemaObjectsOf(image, bytes, page === 1);
      (image.free.pages.has(page) ? stale : current).push(...objects);
      if (objects.length > 0) schemaPages.add(page);
      if (!image.free.pages.has(page)) for (const key of journalKeysOf(bytes, image.usableBytes)) journal.add(key);
    }
    onPage(page);
  }
  for (const older of image.older()) stale.push(...schemaObjectsOf(image, older.read(), older.page === 1));
  // Damage may lead from the first page to a leaf of another table.
  for (const page of pagesBelow(image, 1)) if (types[page] !== PAGE_TYPE.tableLeaf) schemaPages.add(page);
  return { types, schema: unique([...current, ...stale]), journal, schemaPages };
}

/** A page and all pages below it in the tree. */
function pagesBelow(image: PageImage, root: number): ReadonlySet<number> {
  const found = new Set<number>();
  const waiting = [root];
  for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
    if (page < 1 || page > image.pages || found.has(page)) continue;
    found.add(page);
    const bytes = image.read(page);
    const header = readBtreeHeader(bytes, page === 1);
    if (header?.type === PAGE_TYPE.tableInterior) waiting.push(...children(bytes, header));
  }
  return found;
}

function unique(objects: readonly SchemaObject[]): SchemaObject[] {
  const byName = new Map<string, SchemaObject>();
  for (const object of objects) if (!byName.has(object.name)) byName.set(object.name, object);
  return [...byName.values()];
}

/** Tells to which table or index each page belongs, as far as the interior pages still show it. */
export interface Owners {
  /** The table or index to whose tree a page belongs; `null` if it belongs to none. */
  ownerOf(page: number): SchemaObject | null;
  /** The names of tables and indexes whose trees have no damaged page. */
  readonly intact: ReadonlySet<string>;
  /** Whether a row with this rowid may be on this page, according to the interior pages above it. */
  admits(page: number, rowID: bigint): boolean;
}

/** Follows the tree of every table and index, beginning at its root page. */
export function findOwners(image: PageImage, map: PageMap): Owners {
  const owner = new Uint16Array(image.pages + 1);
  const intact = new Set<string>();
  const bounds = new Bounds(image.pages);
  const objects = map.schema.filter((object) => object.root > 0);
  for (const [index, object] of objects.entries()) {
    if (claim(image, map.types, object, index + 1, owner, bounds)) intact.add(object.name);
  }
  return {
    ownerOf: (page) => objects[(owner[page] ?? 0) - 1] ?? null,
    intact,
    admits: (page, rowID) => bounds.admit(page, Number(rowID)),
  };
}

/** The range of rowids that each page of a table may hold: above `lower`, and up to `upper`. */
class Bounds {
  readonly #lower: Float64Array;
  readonly #upper: Float64Array;

  constructor(pages: number) {
    this.#lower = new Float64Array(pages + 1).fill(Number.NEGATIVE_INFINITY);
    this.#upper = new Float64Array(pages + 1).fill(Number.POSITIVE_INFINITY);
  }

  /** Notes between which rowids the rows of each child page must be. The keys on the parent page show this. */
  divide(page: number, bytes: Buffer, header: BtreeHeader): void {
    let lower = this.#lower[page] ?? Number.NEGATIVE_INFINITY;
    const upper = this.#upper[page] ?? Number.POSITIVE_INFINITY;
    for (const at of cellStarts(bytes, header)) {
      const key = Number(readRowID(bytes, at + 4)?.[0] ?? upper);
      this.#set(bytes.readUInt32BE(at), lower, key);
      lower = key;
    }
    this.#set(bytes.readUInt32BE(header.start + 8), lower, upper);
  }

  #set(page: number, lower: number, upper: number): void {
    if (page >= this.#lower.length) return;
    this.#lower[page] = lower;
    this.#upper[page] = upper;
  }

  admit(page: number, rowID: number): boolean {
    return rowID > (this.#lower[page] ?? 0) && rowID <= (this.#upper[page] ?? 0);
  }
}

function claim(
  image: PageImage,
  types: Uint8Array,
  object: SchemaObject,
  mark: number,
  owner: Uint16Array,
  bounds: Bounds,
): boolean {
  const isTable = object.type === "table";
  const [leaf, interior] = isTable
    ? [PAGE_TYPE.tableLeaf, PAGE_TYPE.tableInterior]
    : [PAGE_TYPE.indexLeaf, PAGE_TYPE.indexInterior];
  const waiting = [object.root];
  let isIntact = true;
  for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
    const type = page >= 1 && page <= image.pages ? types[page] : 0;
    const isOurs = (type === leaf || type === interior) && owner[page] === 0 && !image.free.pages.has(page);
    if (!isOurs) {
      isIntact = false;
      continue;
    }
    owner[page] = mark;
    if (type === leaf) continue;
    const bytes = image.read(page);
    const header = readBtreeHeader(bytes, page === 1);
    if (header === null) continue;
    waiting.push(...children(bytes, header));
    if (isTable) bounds.divide(page, bytes, header);
  }
  return isIntact;
}
