import { describe, expect, test } from "bun:test";
import { Random } from "../oracle/random.ts";
import { mutate } from "./mutate.ts";
import { TARGETS } from "./targets.ts";

/** With the coverage to guide it, and for longer: `npm run test:fuzz:coverage`. */
const SEED = 20_261_126;
const MUTATIONS = 1500;

/** Nobody waits longer for one record, and no damage may make it so. */
const LONGEST_CASE_MS = 1000;

describe("any bytes", () => {
  for (const target of TARGETS) {
    test(`are no defect of ${target.name}`, async () => {
      const seeds = await target.seeds();
      const random = new Random(SEED);
      let slowest = 0;
      for (let index = -seeds.length; index < MUTATIONS; index += 1) {
        const bytes = index < 0 ? seeds.at(index) : mutate(random.pick(seeds), random);
        const started = performance.now();
        await target.fuzz(bytes ?? Buffer.alloc(0));
        slowest = Math.max(slowest, performance.now() - started);
      }
      expect(seeds.length).toBeGreaterThan(3);
      expect(slowest).toBeLessThan(LONGEST_CASE_MS);
    }, 60_000);
  }
});
