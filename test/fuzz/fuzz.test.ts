import { expect, test } from "bun:test";
import { fuzzManifests } from "./fuzz-manifests.ts";
import { type Defect, fuzzStores } from "./fuzz-stores.ts";

/** These tests try only the first cases of this seed. `npm run test:fuzz` tries 20,000 stores and 2,000 quarantines. */
const SEED = 20_261_124;

test("250 stores with damaged bytes: no crash, no hang, nothing healthy changed, all of it undone", async () => {
  const defects: Defect[] = [];
  const { damaged, repaired } = await fuzzStores(SEED, 0, 250, (defect) => defects.push(defect));
  expect(defects).toEqual([]);
  expect(damaged).toBeGreaterThan(60);
  expect(repaired).toBeGreaterThan(9);
});

test("80 quarantines with damaged manifests and items: refused or restored, and no byte is lost", async () => {
  const defects: Defect[] = [];
  const { refused, restored } = await fuzzManifests(SEED, 0, 80, (defect) => defects.push(defect));
  expect(defects).toEqual([]);
  expect(refused).toBeGreaterThan(20);
  expect(restored).toBeGreaterThan(8);
});
