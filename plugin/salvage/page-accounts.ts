import { children, PAGE_TYPE, readBtreeHeader } from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import type { Owners, PageMap } from "./page-map.ts";

/** SQLite never uses the page that contains this byte (sqlite.org/fileformat2.html, section 1.4). */
const LOCK_BYTE = 2 ** 30;

/**
 * Notes which pages of a damaged database were read correctly. If all pages were read, no row is missing, even if the
 * root page of a table is lost.
 */
export class PageAccounts {
  readonly #image: PageImage;
  readonly #owners: Owners;
  /** For each page number: 1 if the page was read. */
  readonly #read: Uint8Array;
  /**
   * For each page number: 1 if the page is claimed by an overflow chain, or by an interior page that belongs to no
   * tree.
   */
  readonly #led: Uint8Array;
  #isContradictory = false;

  constructor(image: PageImage, map: PageMap, owners: Owners) {
    this.#image = image;
    this.#owners = owners;
    this.#read = new Uint8Array(image.pages + 1);
    this.#led = new Uint8Array(image.pages + 1);
    for (const page of [...map.schemaPages, ...image.free.pages]) if (page <= image.pages) this.#read[page] = 1;
    for (let page = 2; page <= image.pages; page += 1) {
      const type = map.types[page];
      const owner = owners.ownerOf(page);
      if (owner !== null) {
        // Index pages in an undamaged tree are read with that tree, so they count as read from the beginning.
        if (owners.intact.has(owner.name) && (owner.type === "index" || type === PAGE_TYPE.tableInterior)) {
          this.read(page);
        }
      } else if (type === PAGE_TYPE.tableInterior && !image.free.pages.has(page)) this.readStray(page, image);
    }
  }

  /** Notes that a page was read completely. */
  read(page: number): void {
    this.#read[page] = 1;
  }

  /**
   * Notes that a page was read completely, although the page belongs to no tree. Its child pages are noted too: if two
   * pages have the same child page, one of the two is wrong.
   */
  readStray(page: number, image: PageImage): void {
    this.read(page);
    const bytes = image.read(page);
    const header = readBtreeHeader(bytes, page === 1);
    if (header?.type !== PAGE_TYPE.tableInterior && header?.type !== PAGE_TYPE.indexInterior) return;
    for (const child of children(bytes, header)) {
      const isOthers = this.#led[child] === 1 || this.#owners.ownerOf(child) !== null;
      if (child < 2 || child > image.pages || isOthers) this.contradict();
      else this.#led[child] = 1;
    }
  }

  /** Notes the overflow pages of a record as read. Returns `false` if another record claims one of these pages too. */
  follow(chain: readonly number[]): boolean {
    let isOwn = true;
    for (const page of chain) {
      if (this.#led[page] === 1) isOwn = false;
      this.#led[page] = 1;
      this.read(page);
    }
    return isOwn;
  }

  /**
   * Notes that two pages claim the same rows. At least one of them is wrong, so from now on no table counts as
   * complete.
   */
  contradict(): void {
    this.#isContradictory = true;
  }

  /** Whether every page in the tree of this table was read completely. */
  isWhole(table: string): boolean {
    if (this.#isContradictory || !this.#owners.intact.has(table)) return false;
    for (let page = 2; page <= this.#image.pages; page += 1) {
      if (this.#read[page] === 0 && this.#owners.ownerOf(page)?.name === table) return false;
    }
    return true;
  }

  get areComplete(): boolean {
    if (this.#isContradictory || !this.#image.isComplete || !this.#image.free.isComplete) return false;
    const lockPage = LOCK_BYTE / this.#image.pageBytes + 1;
    for (let page = 2; page <= this.#image.pages; page += 1) {
      if (this.#read[page] === 0 && page !== lockPage) return false;
    }
    return true;
  }
}
