import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as api from "../../plugin/api.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DOCUMENT = readFileSync(join(ROOT, "docs", "api.md"), "utf8");
const store = createJsonStore(sampleContent());
afterAll(() => store.remove());

test("the example of docs/api.md names the damaged record, prints the rest of its session, and changes nothing", () => {
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.alloc(0));
  const before = store.image();
  const [, code = ""] = /<!-- example:.*-->\n```ts\n(.*?)\n```/s.exec(DOCUMENT) ?? [];
  const program = join(dirname(store.dataDir), "look.mjs");
  writeFileSync(program, code.replace("opencode-session-repair/api", join(ROOT, "plugin", "api.ts")));

  const { stdout, status } = spawnSync(process.execPath, [program, store.dataDir], { encoding: "utf8" });

  expect(stdout.trim().split("\n")).toEqual([
    "damaged",
    "blocking empty prt_a1_1 quarantine",
    "user hole",
    "user Part 2 of a1: grüß die Welt 🌍",
    "user Part 1 of a2: grüß die Welt 🌍",
    "user Part 2 of a2: grüß die Welt 🌍",
  ]);
  expect(status).toBe(0);
  expect(store.image()).toEqual(before);
});

test("docs/api.md names everything that the library exports, types included", () => {
  const source = readFileSync(join(ROOT, "plugin", "api.ts"), "utf8");
  const lists = [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list = ""]) => list.split(","));
  const names = lists.flat().map((name) => name.replace(/^\s*(type )?/, "").trim());
  expect(names).toEqual(expect.arrayContaining([...Object.keys(api), "RestoreInput"]));
  expect(names.filter((name) => !new RegExp(`\`${name}\\b`).test(DOCUMENT))).toEqual([]);
});
