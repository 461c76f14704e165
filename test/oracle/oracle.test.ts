import { afterAll, expect, test } from "bun:test";
import { HOST_VERSIONS, isJsonHost } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { runOracle } from "./oracle.ts";
import { runPreviewOracle } from "./preview.ts";

/** Every day another seed; `npm run oracle -- --host V --seed N --count N` brings one back. */
const seed = Number(new Date().toISOString().slice(0, 10).replaceAll("-", ""));

afterAll(removeHomes);

test(`the preview of opencode 2.x and check agree on seeded damage (seed ${seed})`, async () => {
  const { disagreements, failing } = await runPreviewOracle({ seed, count: 80 });
  expect(disagreements).toEqual([]);
  expect(failing).toBeGreaterThan(0);
}, 120_000);

for (const version of HOST_VERSIONS) {
  test(`opencode ${version} and check agree on seeded damage (seed ${seed})`, async () => {
    const count = isJsonHost(version) ? 200 : 100;
    const { disagreements, failing } = await runOracle({ version, seed, count });
    expect(disagreements).toEqual([]);
    expect(failing).toBeGreaterThan(0);
  }, 120_000);
}
