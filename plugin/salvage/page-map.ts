import { children, PAGE_TYPE, readBtreeHeader } from "./btree-page.ts";
import type { PageImage } from "./page-image.ts";
import { type SchemaObject, schemaObjectsOf } from "./schema-objects.ts";

/** What one look at every page tells. */
export interface PageMap {
  /** By page number; 0: no page of a b-tree. */
  readonly types: Uint8Array;
  readonly schema: readonly SchemaObject[];
}

/** Looks at every page once, in order. The schema's rows are taken wherever they lie, the current ones first. */
export function mapPages(image: PageImage, onPage: (page: number) => void): PageMap {
  const types = new Uint8Array(image.pages + 1);
  const [current, stale]: [SchemaObject[], SchemaObject[]] = [[], []];
  for (let page = 1; page <= image.pages; page += 1) {
    const bytes = image.read(page);
    types[page] = readBtreeHeader(bytes, page === 1)?.type ?? 0;
    if (types[page] === PAGE_TYPE.tableLeaf) {
      (image.free.pages.has(page) ? stale : current).push(...schemaObjectsOf(image, bytes, page === 1));
    }
    onPage(page);
  }
  for (const older of image.older()) stale.push(...schemaObjectsOf(image, older.read(), older.page === 1));
  return { types, schema: unique([...current, ...stale]) };
}

function unique(objects: readonly SchemaObject[]): SchemaObject[] {
  const byName = new Map<string, SchemaObject>();
  for (const object of objects) if (!byName.has(object.name)) byName.set(object.name, object);
  return [...byName.values()];
}

/** Whose tree a page belongs to, as far as the interior pages still tell. */
export interface Owners {
  /** The table or index whose tree leads to the page. */
  ownerOf(page: number): SchemaObject | null;
  /** Trees of which every page is what it must be. */
  readonly intact: ReadonlySet<string>;
}

/** Walks the tree of every table and index from its root. */
export function findOwners(image: PageImage, map: PageMap): Owners {
  const owner = new Uint16Array(image.pages + 1);
  const intact = new Set<string>();
  const objects = map.schema.filter((object) => object.root > 0);
  for (const [index, object] of objects.entries()) {
    if (claim(image, map.types, object, index + 1, owner)) intact.add(object.name);
  }
  return { ownerOf: (page) => objects[(owner[page] ?? 0) - 1] ?? null, intact };
}

function claim(image: PageImage, types: Uint8Array, object: SchemaObject, mark: number, owner: Uint16Array): boolean {
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
    if (header !== null) waiting.push(...children(bytes, header));
  }
  return isIntact;
}
