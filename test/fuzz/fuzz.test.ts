import { expect, test } from "bun:test";
import { fuzzManifests } from "./fuzz-manifests.ts";
import { type Defect, fuzzStores } from "./fuzz-stores.ts";

/** Whole runs: `npm run test:fuzz`. */
const SEED = 20_261_124;

test("800 stores with damaged bytes: no crash, no hang, nothing healthy changed, all of it undone", async () => {
  const defects: Defect[] = [];
  const { damaged, repaired } = await fuzzStores(SEED, 0, 800, (defect) => defects.push(defect));
  expect(defects).toEqual([]);
  expect(damaged).toBeGreaterThan(200);
  expect(repaired).toBeGreaterThan(30);
});

test("200 quarantines with damaged manifests and items: refused or restored, and no byte is lost", async () => {
  const defects: Defect[] = [];
  const { refused, restored } = await fuzzManifests(SEED, 0, 200, (defect) => defects.push(defect));
  expect(defects).toEqual([]);
  expect(refused).toBeGreaterThan(50);
  expect(restored).toBeGreaterThan(20);
});
