import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import type { Random } from "../oracle/random.ts";
import type { GrownStore } from "./grown-store.ts";

const PAGE = 4096;
const SECTOR = 512;

/**
 * Damages a file as a machine or a person does. Returns the changed bytes and says what was done. Some kinds also write
 * the files themselves.
 */
type FileDamage = (bytes: Buffer, random: Random, store: GrownStore, path: string) => Promise<[Buffer, string]>;

function page(bytes: Buffer, number: number): Buffer {
  return bytes.subarray((number - 1) * PAGE, number * PAGE);
}

function pagesWith(bytes: Buffer, isWanted: (page: Buffer) => boolean): number[] {
  const found: number[] = [];
  for (let number = 2; number * PAGE <= bytes.length; number += 1)
    if (isWanted(page(bytes, number))) found.push(number);
  return found;
}

const anyPage = (bytes: Buffer, random: Random) => 2 + random.below(bytes.length / PAGE - 1);
const schemaPages = (bytes: Buffer) => pagesWith(bytes, (each) => each[0] === 13 && each.includes("CREATE "));

export const FILE_DAMAGES = {
  "interior-zeroed": async (bytes, random) => {
    const chosen = random.pick(pagesWith(bytes, (each) => each[0] === 2 || each[0] === 5));
    const kind = page(bytes, chosen)[0] === 2 ? "index" : "table";
    page(bytes, chosen).fill(0);
    return [bytes, `interior page ${chosen} of a ${kind}`];
  },
  "cut-oddly": async (bytes, random) => {
    const { length } = bytes;
    const kept = random.pick([
      length - 1,
      length - 1 - random.below(PAGE),
      length - PAGE,
      length - PAGE * (1 + random.below(40)),
      Math.floor(length * random.next()),
      PAGE * 3 + 7,
    ]);
    return [bytes.subarray(0, kept), `cut to ${kept} of ${length}`];
  },
  "two-swapped": async (bytes, random) => {
    const [one, other] = [anyPage(bytes, random), anyPage(bytes, random)];
    const kept = Buffer.from(page(bytes, one));
    page(bytes, other).copy(page(bytes, one));
    kept.copy(page(bytes, other));
    return [bytes, `pages ${one} and ${other}`];
  },
  "header-byte": async (bytes, random) => {
    const at = random.below(112);
    const value = random.below(256);
    const was = bytes[at];
    bytes[at] = value === was ? value ^ 1 : value;
    return [bytes, `byte ${at}: ${was} to ${bytes[at]}`];
  },
  "other-wal": async (bytes, _random, { otherWal }, path) => {
    await copyFile(otherWal, `${path}-wal`);
    return [bytes, "the WAL of an older copy"];
  },
  "wal-of-other-salt": async (bytes, random, { earlier, wal }, path) => {
    const log = await readFile(wal);
    log.writeUInt32BE(random.below(2 ** 31), random.pick([16, 20]));
    await writeFile(`${path}-wal`, log);
    return [await readFile(earlier), `salt of ${bytes.length}`];
  },
  "wal-without-shm": async (_bytes, _random, { earlier, wal }, path) => {
    await copyFile(wal, `${path}-wal`);
    return [await readFile(earlier), "healthy"];
  },
  "wal-frame": async (_bytes, random, { earlier, wal }, path) => {
    const log = await readFile(wal);
    const frames = Math.floor((log.length - 32) / (PAGE + 24));
    const frame = random.below(frames);
    log.fill(0, 32 + frame * (PAGE + 24) + 24, 32 + frame * (PAGE + 24) + 24 + SECTOR);
    await writeFile(`${path}-wal`, log);
    return [await readFile(earlier), `frame ${frame} of ${frames}`];
  },
  "schema-byte": async (bytes, random) => {
    const chosen = random.pick(schemaPages(bytes));
    const at = random.below(PAGE);
    const target = page(bytes, chosen);
    target[at] = (target[at] ?? 0) ^ (1 << random.below(8));
    return [bytes, `page ${chosen}, byte ${at}`];
  },
  torn: async (bytes, random, { earlier }) => {
    const before = await readFile(earlier);
    const differing = pagesWith(bytes, () => true).filter(
      (number) => number * PAGE <= before.length && !page(bytes, number).equals(page(before, number)),
    );
    const chosen = random.chance(0.7) ? random.pick(differing) : anyPage(bytes, random);
    const from = SECTOR * (1 + random.below(7));
    if (differing.includes(chosen)) page(before, chosen).copy(page(bytes, chosen), from, from);
    else page(bytes, chosen).fill(0, from);
    return [bytes, `page ${chosen} from ${from}`];
  },
  "sector-zeroed": async (bytes, random) => {
    const sector = random.below(bytes.length / SECTOR);
    bytes.fill(0, sector * SECTOR, (sector + 1) * SECTOR);
    return [bytes, `sector ${sector}, page ${Math.floor(sector / 8) + 1}`];
  },
  "schema-leaf-zeroed": async (bytes, random) => {
    const chosen = random.pick(schemaPages(bytes));
    page(bytes, chosen).fill(0);
    return [bytes, `page ${chosen}`];
  },
  "run-of-pages": async (bytes, random) => {
    const [first, count] = [anyPage(bytes, random), 1 + random.below(60)];
    bytes.fill(random.pick([0, 0xff]), (first - 1) * PAGE, Math.min(bytes.length, (first - 1 + count) * PAGE));
    return [bytes, `pages ${first} to ${first + count - 1}`];
  },
  "page-1-and-leaf": async (bytes, random) => {
    bytes.fill(0, 0, PAGE);
    const chosen = random.pick(schemaPages(bytes));
    page(bytes, chosen).fill(0);
    return [bytes, `pages 1 and ${chosen}`];
  },
} satisfies Readonly<Record<string, FileDamage>>;

export type FileDamageKind = keyof typeof FILE_DAMAGES;

/** Writes a damaged copy of a store to `path`, with a WAL if the damage needs one. Says what was done. */
export async function writeFileDamage(store: GrownStore, path: string, kind: FileDamageKind, random: Random) {
  for (const suffix of ["", "-wal", "-shm"]) await rm(path + suffix, { force: true });
  const [bytes, what] = await FILE_DAMAGES[kind](await readFile(store.database), random, store, path);
  await writeFile(path, bytes);
  return what;
}
