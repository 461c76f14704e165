import { children, PAGE_TYPE, readBtreeHeader } from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import type { Owners, PageMap } from "./page-map.ts";

/** SQLite does not use the page with this byte (sqlite.org/fileformat2.html, 1.4). */
const LOCK_BYTE = 2 ** 30;

/**
 * Notes for every page of a database whether the page was read correctly. If all pages were read, nothing is missing, even
 * if no tree shows any more where a table begins.
 */
export class PageAccounts {
  readonly #image: PageImage;
  readonly #owners: Owners;
  /** By page number: 1 if the page was read. */
  readonly #read: Uint8Array;
  /** By page number: 1 if an overflow chain or an interior page outside all trees leads to the page. */
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
        // A page of an index is read together with its tree.
        if (owners.intact.has(owner.name) && (owner.type === "index" || type === PAGE_TYPE.tableInterior)) {
          this.read(page);
        }
      } else if (type === PAGE_TYPE.tableInterior && !image.free.pages.has(page)) this.readStray(page, image);
    }
  }

  /** Records a page that was read completely. */
  read(page: number): void {
    this.#read[page] = 1;
  }

  /** Records a page that was read completely but to which no tree leads. Two pages cannot lead to the same page. */
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

  /** Records the overflow pages of a record; `false` if one of them also belongs to another record. */
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
   * Records that two pages claim the same rows. At most one of the two pages is right, so no table counts as complete
   * after that.
   */
  contradict(): void {
    this.#isContradictory = true;
  }

  /** Whether the table's tree leads only to pages that were read completely. */
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
