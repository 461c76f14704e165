import { afterAll, expect, test } from "bun:test";
import { HOST_VERSIONS, isJsonHost } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { SEED } from "../process/seed.ts";
import { runOracle } from "./oracle.ts";
import { runPreviewOracle } from "./preview.ts";

/** `npm run test:hosts` and `npm run oracle -- --host V --seed N --count N` try other seeds. */
const seed = SEED;

afterAll(removeHomes);

test(`the preview of opencode 2.x and check agree on seeded damage (seed ${seed})`, async () => {
  const { disagreements, failing } = await runPreviewOracle({ seed, count: 25 });
  expect(disagreements).toEqual([]);
  expect(failing).toBeGreaterThan(0);
}, 120_000);

for (const version of HOST_VERSIONS) {
  test(`opencode ${version} and check agree on seeded damage (seed ${seed})`, async () => {
    const count = isJsonHost(version) ? 50 : 40;
    const { disagreements, failing } = await runOracle({ version, seed, count });
    expect(disagreements).toEqual([]);
    expect(failing).toBeGreaterThan(0);
  });
}
