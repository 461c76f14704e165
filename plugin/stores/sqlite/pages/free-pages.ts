import { children, hasDatabaseHeader, PAGE_TYPE, readBtreeHeader } from "./btree-page.ts";

type ReadPage = (page: number) => Buffer;

/** The unused pages. `isComplete`: the whole list of unused pages could be read. */
export interface FreePages {
  readonly pages: ReadonlySet<number>;
  readonly isComplete: boolean;
}

/**
 * Reads the list of unused pages: a chain of pages, each of which names unused pages (sqlite.org/fileformat2.html,
 * 1.5). If the chain is lost or broken, its pages are found by their form, because they hold what opencode deleted.
 */
export function freePages(read: ReadPage, pages: number): FreePages {
  const header = read(1);
  const count = header.readUInt32BE(36);
  const found = new Set<number>();
  let trunk = header.readUInt32BE(32);
  while (trunk !== 0 && !found.has(trunk)) {
    const named = namedBy(read, trunk, pages);
    if (named === null) break;
    for (const page of [trunk, ...named]) found.add(page);
    trunk = read(trunk).readUInt32BE(0);
  }
  const isWhole = trunk === 0 && found.size === count;
  if (isWhole && count > 0) return { pages: found, isComplete: true };
  const free = freeByForm(read, pages, found);
  return { pages: free, isComplete: isWhole && free.size === 0 && hasDatabaseHeader(header) };
}

/** No text of a record is such a number. The list of a file that was cut off names pages behind its end. */
const HIGHEST_PAGE = 2 ** 24 - 1;

/** The pages that a page of the list names; `null` if the page cannot belong to the list. */
function namedBy(read: ReadPage, trunk: number, pages: number): number[] | null {
  if (trunk < 2 || trunk > pages) return null;
  const bytes = read(trunk);
  const most = Math.max(pages, HIGHEST_PAGE);
  const [next, count] = [bytes.readUInt32BE(0), bytes.readUInt32BE(4)];
  if (next > most || count > bytes.length / 4 - 2) return null;
  const named = Array.from({ length: count }, (_, index) => bytes.readUInt32BE(8 + 4 * index));
  const isList = new Set(named).size === count && named.every((page) => page > 1 && page <= most && page !== trunk);
  return isList ? named : null;
}

/** The pages that any page in the form of the list names, except the pages of trees that are in use. */
function freeByForm(read: ReadPage, pages: number, chained: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set(chained);
  const interior: number[] = [];
  for (let page = 2; page <= pages; page += 1) {
    const bytes = read(page);
    const type = bytes[0];
    if (type === PAGE_TYPE.tableInterior || type === PAGE_TYPE.indexInterior) interior.push(page);
    // The first byte belongs to the number of another page, and is 0 in files of up to 64 GB.
    if (type !== 0 || bytes.readUInt32BE(4) === 0) continue;
    const named = namedBy(read, page, pages);
    for (const free of named === null ? [] : [page, ...named]) found.add(free);
  }
  const inUse = interior
    .filter((page) => !found.has(page))
    .flatMap((page) => {
      const bytes = read(page);
      const header = readBtreeHeader(bytes);
      return header === null ? [] : children(bytes, header);
    });
  for (const page of inUse) found.delete(page);
  return found;
}
