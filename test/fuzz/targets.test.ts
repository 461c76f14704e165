import { describe, expect, test } from "bun:test";
import { Random } from "../oracle/random.ts";
import { mutate } from "./mutate.ts";
import { sealedLog } from "./sealed-log.ts";
import { seed, smallDatabases } from "./seeds.ts";
import { TABLE_SQL } from "./sqlite-rows.ts";
import { TARGETS } from "./targets.ts";

/** `npm run test:fuzz:coverage` tries more cases, and is guided by code coverage. */
const SEED = 20_261_126;
const MUTATIONS = 500;
const SLOW_MUTATIONS = 20;

describe("any bytes", () => {
  for (const target of TARGETS) {
    test(`are no defect of ${target.name}`, async () => {
      const seeds = await target.seeds();
      const random = new Random(SEED);
      for (let index = -seeds.length; index < (target.isSlow ? SLOW_MUTATIONS : MUTATIONS); index += 1) {
        const bytes = index < 0 ? seeds.at(index) : mutate(random.pick(seeds), random);
        await target.fuzz(bytes ?? Buffer.alloc(0));
      }
      expect(seeds.length).toBeGreaterThan(3);
    });
  }
});

async function fuzz(name: string, bytes: Buffer): Promise<void> {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`There is no target ${name}.`);
  await target.fuzz(bytes);
}

/** A new log with one frame, in the form that SQLite writes. */
function log(pageBytes: number, page: number): Buffer {
  const bytes = Buffer.alloc(32 + 24 + pageBytes);
  for (const [at, number] of [0x377f0682, 3_007_000, pageBytes].entries()) bytes.writeUInt32BE(number, 4 * at);
  bytes.writeUInt32BE(page, 32);
  bytes.writeUInt32BE(1, 36);
  return sealedLog(bytes);
}

describe("what was a defect once", () => {
  test("a log whose page size a flipped bit changed made the look at it throw", async () => {
    await fuzz("write-ahead-log", seed([0, 0, 0, 0], log(4097, 1)));
  });

  test("a frame of page 0, at which SQLite stops, was read", async () => {
    await fuzz("write-ahead-log", seed([0, 0, 0, 0], log(512, 0)));
  });

  test("a member that was cut off counted as whole, since its name is a number and comes first", async () => {
    await fuzz("cut-document", seed([0, 14], Buffer.from('{"a":1,"5":"xyz","b":2}')));
  });

  test("a number with much space behind it ended what was read of a document", async () => {
    const text = `{"a":1${" ".repeat(100)},"b":${"1".repeat(100)},"c":2}`;
    await fuzz("cut-document", seed([0, 0], Buffer.from(text)));
  });

  test("a heading was wider than the terminal, and broke where an agent's name did", async () => {
    const message = { role: "assistant", agent: "a\nb", modelID: "m".repeat(200), time: { created: 1 } };
    await fuzz("transcript", seed([1, 0], Buffer.from(JSON.stringify(message))));
  });

  test("a number of a page that noise made sent a salvage to the end of the world", async () => {
    const whole = (await smallDatabases(TABLE_SQL)).find(({ wal }) => wal !== null);
    const [main, wal] = [whole?.main ?? Buffer.alloc(0), whole?.wal ?? Buffer.alloc(0)];
    await fuzz("pages", seed([0, main.length >> 8, main.length & 0xff], Buffer.concat([main, wal.fill(0xff, 0, 40)])));
  });
});
