import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { runCli } from "./cli-process.ts";

let end: (() => void) | null = null;

afterEach(() => {
  end?.();
  end = null;
});

test("a JSON document has the title of a session as it is stored, also with signs that this tool uses itself", async () => {
  const store = createJsonStore(sampleContent());
  end = () => store.remove();
  const id = sampleContent().sessions[0]?.id ?? "";
  const locator = store.locatorOf("session", id);
  const path = join(store.dataDir, "path" in locator ? locator.path : "");
  const title = "one\ufdd0word";
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), title }));
  const { stdout } = await runCli(["sessions", "--json", "--data-dir", store.dataDir]);
  const titles = JSON.parse(stdout).sessions.map((each: { readonly title: string }) => each.title);
  expect(titles).toContain(title);
});
