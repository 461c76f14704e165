import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";

/**
 * Finds a regular expression that asks whether a text begins with a slash. The lint rule
 * (`lint/one-port-to-the-system.grit`) cannot find it.
 */
const ASKS_FOR_SLASH = /\/\^\\\/[^+*?]*\/[a-z]*\.test\(|match\(\/\^\\\/[^+*?]*\//;

test("no rule asks a pattern whether a path is absolute", async () => {
  expect(["/^\\//.test(path)", "path.match(/^\\//)"].map((each) => ASKS_FOR_SLASH.test(each))).toEqual([true, true]);
  const root = join(import.meta.dirname, "..", "..");
  const found: string[] = [];
  for await (const path of new Glob("plugin/**/*.ts").scan(root)) {
    if (ASKS_FOR_SLASH.test(await readFile(join(root, path), "utf8"))) found.push(path);
  }
  expect(found).toEqual([]);
});
