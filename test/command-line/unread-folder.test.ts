import { afterEach, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { canDropPrivileges, runCli } from "./cli-process.ts";

let end: (() => void) | null = null;

afterEach(() => {
  end?.();
  end = null;
});

test.skipIf(!canDropPrivileges()).each([
  ["todo", "nobody"],
  ["session_diff", "nobody"],
  // A run with sudo wrote the file. The user may still change its folder.
  ["todo", "root"],
])("a damaged part is repaired although the folder %s may not be read; the part is of %s", async (name, owner) => {
  const store = createJsonStore(sampleContent());
  const locator = store.locatorOf("part", sampleContent().sessions[0]?.messages[0]?.parts[0]?.id ?? "");
  const part = join(store.dataDir, "path" in locator ? locator.path : "");
  writeFileSync(part, "");
  const folder = join(store.dataDir, "storage", name);
  mkdirSync(folder, { recursive: true });
  end = () => {
    chmodSync(folder, 0o700);
    store.remove();
  };
  chmodSync(dirname(store.dataDir), 0o755);
  const below = readdirSync(store.dataDir, { recursive: true, encoding: "utf8" });
  for (const each of ["", ...below]) chmodSync(join(store.dataDir, each), 0o777);
  chmodSync(folder, 0o000);
  if (owner === "nobody") chownSync(part, 65534, 65534);
  const args = ["--data-dir", store.dataDir];
  const { stdout } = await runCli(["repair", "--yes", "--json", ...args], { unprivileged: true });
  const { items, verdict } = JSON.parse(stdout);
  expect([items.length, verdict]).toEqual([1, "unread"]);
  expect(existsSync(part)).toBe(false);
  await runCli(["undo", "last", ...args, "--yes"], { unprivileged: true });
  expect(readFileSync(part, "utf8")).toBe("");
});
