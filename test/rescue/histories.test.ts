import { afterAll, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { tryHistory } from "./disagreements.ts";
import { World } from "./world.ts";

afterAll(removeHomes);

/** To try more seeds, run `bun test/rescue/histories-run.ts --seed N --count N`. */
const SEEDS = [4, 107, 131];

test("random histories on opencode 1.18.33: what its lists hold is not called hidden, what they lack is", async () => {
  const world = await World.start();
  try {
    for (const seed of SEEDS) {
      const { disagreements, steps } = await tryHistory(world, seed, 12);
      expect({ seed, steps, disagreements }).toEqual({ seed, steps, disagreements: [] });
    }
  } finally {
    await world.stop();
  }
});
