import type { Random } from "../oracle/random.ts";

/** Damages the structure of a database, not random whole pages. Changes `bytes` and says what was done. */
export type StructuralDamage = (bytes: Buffer, random: Random) => { readonly bytes: Buffer; readonly what: string };

const PAGE = 4096;

const TREE_PAGES = { "index interior": 2, "table interior": 5, "index leaf": 10, "table leaf": 13 } as const;

/** All pages of one type except page 1. */
function pagesOf(bytes: Buffer, type: number): number[] {
  const found: number[] = [];
  for (let page = 2; page * PAGE <= bytes.length; page += 1) if (bytes[(page - 1) * PAGE] === type) found.push(page);
  return found;
}

function pageBytes(bytes: Buffer, page: number): Buffer {
  return bytes.subarray((page - 1) * PAGE, page * PAGE);
}

/** Pages whose first byte is not the type of a tree page. Most of them are overflow pages. */
function overflowPages(bytes: Buffer): number[] {
  const pages: number[] = [];
  for (let page = 2; page * PAGE <= bytes.length; page += 1) {
    const start = bytes[(page - 1) * PAGE] ?? 0;
    if (start !== 2 && start !== 5 && start !== 10 && start !== 13) pages.push(page);
  }
  return pages;
}

function swap(bytes: Buffer, one: number, other: number): void {
  const kept = Buffer.from(pageBytes(bytes, one));
  pageBytes(bytes, other).copy(pageBytes(bytes, one));
  kept.copy(pageBytes(bytes, other));
}

/** A wrong page number: zero, a number beyond the end of the file, the first page, or any other page. */
function badPointer(bytes: Buffer, random: Random): number {
  const pages = bytes.length / PAGE;
  return random.pick([0, pages + 1 + random.below(1000), 0xffffffff, 1, 1 + random.below(pages)]);
}

function flipBits(page: Buffer, from: number, to: number, count: number, random: Random): void {
  for (let index = 0; index < count; index += 1) {
    const at = from + random.below(to - from);
    page[at] = (page[at] ?? 0) ^ (1 << random.below(8));
  }
}

function some(pages: readonly number[], most: number, random: Random): number[] {
  return Array.from({ length: 1 + random.below(most) }, () => random.pick(pages));
}

export const STRUCTURAL_DAMAGES = {
  "swapped-pages": (bytes, random) => {
    const interior = [...pagesOf(bytes, TREE_PAGES["table interior"]), ...pagesOf(bytes, TREE_PAGES["index interior"])];
    const leaves = pagesOf(bytes, TREE_PAGES["table leaf"]);
    const count = 1 + random.below(6);
    for (let index = 0; index < count; index += 1) swap(bytes, random.pick(interior), random.pick(leaves));
    return { bytes, what: `${count} interior pages swapped with leaves` };
  },
  "free-list": (bytes, random) => {
    const how = random.pick(["leads to pages in use", "leads to itself", "beyond the end"]);
    const leaves = pagesOf(bytes, TREE_PAGES["table leaf"]);
    const trunk = random.pick(leaves);
    bytes.writeUInt32BE(how === "beyond the end" ? bytes.length : trunk, 32);
    bytes.writeUInt32BE(20, 36);
    if (how !== "beyond the end") {
      const page = pageBytes(bytes, trunk);
      page.writeUInt32BE(how === "leads to itself" ? trunk : 0, 0);
      page.writeUInt32BE(19, 4);
      for (let index = 0; index < 19; index += 1) page.writeUInt32BE(random.pick(leaves), 8 + 4 * index);
    }
    return { bytes, what: `free list ${how}` };
  },
  "child-pointers": (bytes, random) => {
    const interior = [...pagesOf(bytes, TREE_PAGES["table interior"]), ...pagesOf(bytes, TREE_PAGES["index interior"])];
    const chosen = some(interior, 6, random);
    for (const number of chosen) {
      const page = pageBytes(bytes, number);
      const cells = Math.min(page.readUInt16BE(3), 2000);
      const at = cells === 0 || random.chance(0.3) ? 8 : page.readUInt16BE(12 + 2 * random.below(cells));
      if (at + 4 <= PAGE) page.writeUInt32BE(badPointer(bytes, random), at);
    }
    return { bytes, what: `${chosen.length} child pointers` };
  },
  "overflow-chains": (bytes, random) => {
    const pages = overflowPages(bytes);
    const chosen = some(pages, 12, random);
    for (const page of chosen) {
      const next = random.chance(0.4) ? page : badPointer(bytes, random);
      pageBytes(bytes, page).writeUInt32BE(next, 0);
    }
    return { bytes, what: `${chosen.length} overflow pointers` };
  },
  "page-1-in-part": (bytes, random) => {
    const from = random.pick([100, 108, 512, 1024, 2048]);
    const length = random.pick([8, 64, 512, PAGE - from]);
    bytes.fill(random.chance(0.5) ? 0 : random.below(256), from, Math.min(PAGE, from + length));
    return { bytes, what: `page 1 from ${from}, ${length} bytes` };
  },
  "header-fields": (bytes, random) => {
    const [what, at, values] = random.pick([
      ["page size", 16, [0x02, 0x00]],
      ["page size", 16, [0x00, 0x01]],
      ["page size", 16, [0x20, 0x00]],
      ["page size", 16, [0x12, 0x34]],
      ["journal mode", 18, [1, 1]],
      ["journal mode", 18, [9, 9]],
      ["reserved bytes", 20, [32]],
      ["reserved bytes", 20, [255]],
      ["payload fractions", 21, [0, 0, 0]],
      ["size in pages", 28, [0, 0, 0, 3]],
      ["size in pages", 28, [0xff, 0xff, 0xff, 0xff]],
      ["schema format", 44, [0, 0, 0, 9]],
      ["auto-vacuum", 52, [0, 0, 0, 5]],
      ["text encoding", 56, [0, 0, 0, 2]],
      ["text encoding", 56, [0, 0, 0, 3]],
      ["text encoding", 56, [0, 0, 0, 77]],
    ] as const);
    Buffer.from(values).copy(bytes, at);
    return { bytes, what: `${what} ${values}` };
  },
  shifted: (bytes, random) => {
    const pages = bytes.length / PAGE;
    const first = 1 + random.below(pages - 40);
    const length = 2 + random.below(30);
    const isLost = random.chance(0.5);
    const [start, end] = [first * PAGE, (first + length) * PAGE];
    if (isLost) bytes.copyWithin(start, start + PAGE, end + PAGE);
    else bytes.copyWithin(start + PAGE, start, end);
    return { bytes, what: `${length} pages from ${first + 1} shifted ${isLost ? "down" : "up"}` };
  },
  "schema-table": (bytes, random) => {
    // The leaf pages of sqlite_schema, except page 1.
    const pages = pagesOf(bytes, TREE_PAGES["table leaf"]).filter((page) =>
      pageBytes(bytes, page).includes("CREATE TABLE"),
    );
    const chosen = pages.length === 0 ? [1] : some(pages, 2, random);
    for (const page of chosen) {
      if (page === 1) bytes.fill(0, 100, PAGE);
      else for (let at = 0; at < PAGE; at += 1) pageBytes(bytes, page)[at] = random.below(256);
    }
    return { bytes, what: `pages ${chosen} of the schema` };
  },
  "bit-flips": (bytes, random) => {
    const leaves = pagesOf(bytes, TREE_PAGES["table leaf"]);
    const chosen = some(leaves, 20, random);
    for (const number of chosen) {
      const page = pageBytes(bytes, number);
      const cells = Math.min(page.readUInt16BE(3), 2000);
      if (random.chance(0.5)) flipBits(page, 0, 8 + 2 * cells, 1 + random.below(4), random);
      else {
        const at = page.readUInt16BE(8 + 2 * random.below(Math.max(1, cells)));
        if (at + 12 <= PAGE) flipBits(page, at, at + 12, 1 + random.below(3), random);
      }
    }
    return { bytes, what: `bits on ${chosen.length} leaves` };
  },
  sectors: (bytes, random) => {
    const count = 1 + random.below(60);
    for (let index = 0; index < count; index += 1) {
      const start = PAGE + 512 * random.below((bytes.length - PAGE) / 512);
      bytes.fill(random.chance(0.5) ? 0 : random.below(256), start, start + 512);
    }
    return { bytes, what: `${count} sectors of 512 bytes` };
  },
} satisfies Readonly<Record<string, StructuralDamage>>;
