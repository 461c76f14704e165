import { expect, test } from "bun:test";
import { join } from "node:path";
import { isRunID, newRunID } from "../../plugin/quarantine/run-id.ts";

const NOW = Date.parse("2026-11-23T02:15:00.123Z");

test("an id tells the time, and has the form that is a folder name", () => {
  // A new id is never older than the last one. So this time must be later than all ids that other tests of this process
  // got.
  const now = Date.now() + 1000;
  const id = newRunID(now);
  const time = new Date(now).toISOString().replace(/[-:.]/g, "");
  expect(id).toMatch(new RegExp(`^${time}-\\d{4}-[0-9a-f]{8}$`));
  expect(isRunID(id)).toBe(true);
});

test("ids of one process sort in the order they were given, also within a millisecond and when the clock is set back", () => {
  const ids = Array.from({ length: 25_000 }, (_, index) => newRunID(NOW + (index < 20_000 ? 0 : -3_600_000)));
  expect(ids.every(isRunID)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});

test("ids of several processes in the same millisecond differ", async () => {
  const module = join(import.meta.dirname, "../../plugin/quarantine/run-id.ts");
  const script = `const { newRunID } = await import(${JSON.stringify(module)});
    console.log(Array.from({ length: 200 }, () => newRunID(${NOW})).join("\\n"));`;
  const outputs = await Promise.all(
    [1, 2, 3].map(() => new Response(Bun.spawn([process.execPath, "-e", script]).stdout).text()),
  );
  const ids = outputs.flatMap((output) => output.trim().split("\n"));
  expect(ids).toHaveLength(600);
  expect(new Set(ids).size).toBe(600);
});

test.each([
  "",
  "..",
  "../20261123T021500123Z-0000-9f86d081",
  "20261123T021500123Z-0000-9f86d081/x",
  "20261123T021500123Z-0000-9f86d081\n",
  "20261123T021500123Z-0000-9F86D081",
  "20261123T021500123Z-00000-9f86d081",
  "latest",
])("%j is not the id of a run", (text) => {
  expect(isRunID(text)).toBe(false);
});
