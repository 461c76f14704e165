import { copyFile, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { Random } from "../oracle/random.ts";
import type { ManySessions } from "./many-sessions.ts";
import { STRUCTURAL_DAMAGES, type StructuralDamage } from "./structural-damage.ts";

export const DAMAGES = [
  "zeros",
  "noise",
  "other-pages",
  "truncation",
  "header",
  "half-applied-wal",
  "damaged-wal",
  "swapped-pages",
  "free-list",
  "child-pointers",
  "overflow-chains",
  "page-1-in-part",
  "header-fields",
  "shifted",
  "schema-table",
  "bit-flips",
  "sectors",
] as const;
export type DamageKind = (typeof DAMAGES)[number];

function structural(kind: DamageKind): StructuralDamage | null {
  return kind in STRUCTURAL_DAMAGES ? STRUCTURAL_DAMAGES[kind as keyof typeof STRUCTURAL_DAMAGES] : null;
}

const PAGE = 4096;

/**
 * Writes a database with one seeded damage to `path`, and its WAL, if there is one, to `<path>-wal`. Says what was
 * done.
 */
export async function writeDamaged(whole: ManySessions, path: string, kind: DamageKind, seed: number): Promise<string> {
  const random = new Random(seed * 2654435761);
  for (const suffix of ["", "-wal", "-shm"]) await rm(path + suffix, { force: true });
  if (kind === "half-applied-wal") return halfApplied(whole, path, random);
  if (kind === "damaged-wal") return damagedWal(whole, path, random);
  await copyFile(whole.database, path);
  if (kind === "truncation") {
    const { length } = await readFile(path);
    const kept = Math.floor(length * (0.3 + 0.69 * random.next()));
    await truncate(path, random.chance(0.5) ? kept : kept - (kept % PAGE));
    return `cut to ${kept} of ${length} bytes`;
  }
  const bytes = await readFile(path);
  const damage = structural(kind);
  if (damage !== null) {
    const damaged = damage(bytes, random);
    await writeFile(path, damaged.bytes);
    return damaged.what;
  }
  const pages = bytes.length / PAGE;
  if (kind === "header") {
    const how = random.pick(["magic", "100 bytes", "page 1", "page 1 and more"]);
    const length =
      { magic: 16, "100 bytes": 100, "page 1": PAGE, "page 1 and more": PAGE * (1 + random.below(6)) }[how] ?? 16;
    fill(bytes, 0, length, random.chance(0.5) ? random : null);
    await writeFile(path, bytes);
    return how;
  }
  const count = 1 + random.below(Math.max(2, Math.floor(pages * random.pick([0.005, 0.02, 0.1]))));
  const original = Buffer.from(bytes);
  for (let index = 0; index < count; index += 1) {
    // Another kind of damage covers page 1.
    const start = (1 + random.below(pages - 1)) * PAGE;
    if (kind === "zeros") fill(bytes, start, PAGE, null);
    else if (kind === "noise") fill(bytes, start, PAGE, random);
    else {
      const other = (1 + random.below(pages - 1)) * PAGE;
      original.copy(bytes, start, other, other + PAGE);
    }
  }
  await writeFile(path, bytes);
  return `${count} of ${pages} pages`;
}

function fill(bytes: Buffer, start: number, length: number, noise: Random | null): void {
  for (let at = start; at < start + length; at += 1) bytes[at] = noise === null ? 0 : noise.below(256);
}

/** Some frames of the WAL reached the database. Then the WAL was lost, cut off or damaged. */
async function halfApplied(whole: ManySessions, path: string, random: Random): Promise<string> {
  const main = await readFile(whole.earlier);
  const wal = await readFile(whole.wal);
  const frames = Math.floor((wal.length - 32) / (PAGE + 24));
  const applied = random.below(frames);
  let bytes = main;
  for (let index = 0; index < applied; index += 1) {
    const start = 32 + index * (PAGE + 24);
    const at = (wal.readUInt32BE(start) - 1) * PAGE;
    if (at + PAGE > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(at + PAGE - bytes.length)]);
    if (random.chance(0.7)) wal.copy(bytes, at, start + 24, start + 24 + PAGE);
  }
  await writeFile(path, bytes);
  const what = random.pick(["lost", "cut off", "one frame damaged", "header damaged"]);
  if (what === "lost") return `WAL lost after ${applied} of ${frames} frames`;
  if (what === "one frame damaged") fill(wal, 32 + random.below(frames) * (PAGE + 24) + 24, PAGE, random);
  if (what === "header damaged") fill(wal, 0, 32, random);
  const kept = what === "cut off" ? 32 + random.below(wal.length - 32) : wal.length;
  await writeFile(`${path}-wal`, wal.subarray(0, kept));
  return `WAL ${what} after ${applied} of ${frames} frames`;
}

/**
 * A damaged WAL beside an older database. The database lacks the last writes, or its WAL was started again from the
 * first frame.
 */
async function damagedWal(whole: ManySessions, path: string, random: Random): Promise<string> {
  const [name, source] = random.pick([
    ["first", { database: whole.earlier, wal: whole.wal }],
    ["begun again", whole.restarted],
  ] as const);
  await copyFile(source.database, path);
  const wal = await readFile(source.wal);
  const frames = Math.floor((wal.length - 32) / (PAGE + 24));
  const start = (frame: number) => 32 + frame * (PAGE + 24);
  const what = random.pick([
    "torn last frame",
    "salts of the header",
    "salts of a frame",
    "page numbers",
    "header",
    "shm",
  ]);
  if (what === "torn last frame") fill(wal, wal.length - 1 - random.below(PAGE), random.below(PAGE), null);
  if (what === "salts of the header") fill(wal, 16, 8, random);
  if (what === "salts of a frame") fill(wal, start(random.below(frames)) + 8, 8, random);
  if (what === "page numbers")
    for (let n = 0; n < 5; n += 1) wal.writeUInt32BE(random.below(2000), start(random.below(frames)));
  if (what === "header") fill(wal, 0, 32, random.chance(0.5) ? random : null);
  if (what === "shm")
    await writeFile(`${path}-shm`, Buffer.from(Array.from({ length: 32768 }, () => random.below(256))));
  await writeFile(`${path}-wal`, wal);
  return `WAL ${name}: ${what}`;
}
