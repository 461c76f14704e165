import { afterAll, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { runRecovery } from "./recovery-experiment.ts";

afterAll(removeHomes);

/** `npm run test:recover -- --host V --seed N --count N` is the whole of it. */
const SEED = 7607;

for (const version of ["1.17.18", "1.18.33"] as const) {
  test(`opencode ${version} answers as before the damage once its record is recovered`, async () => {
    const { others } = await runRecovery({ version, seed: SEED, count: 40 });
    expect(others).toEqual([]);
  }, 120_000);
}
