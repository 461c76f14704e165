import { afterAll, expect, test } from "bun:test";
import { HOST_VERSIONS, isJsonHost } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { SEED } from "../process/seed.ts";
import { runOracle } from "./oracle.ts";

/** More seeds: `npm run test:hosts`, and `npm run oracle -- --host V --seed N --count N`. */
const seed = SEED;

afterAll(removeHomes);

for (const version of HOST_VERSIONS) {
  test(`opencode ${version} and check agree on seeded damage (seed ${seed})`, async () => {
    const count = isJsonHost(version) ? 200 : 100;
    const { disagreements, failing } = await runOracle({ version, seed, count });
    expect(disagreements).toEqual([]);
    expect(failing).toBeGreaterThan(0);
  });
}
