import { expect, test } from "bun:test";
import { check } from "../../plugin/api.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { located } from "../stores/store-under-test.ts";

test.each([
  ["files", () => createJsonStore(sampleContent())],
  ["rows", () => createSqliteStore("1.18.33", sampleContent())],
] as const)("a check of %s that was stopped says nothing, not that all is healthy", async (_name, create) => {
  const store = await create();
  try {
    const where = await located(nodeFileSystem, store.dataDir);
    const input = { files: nodeFileSystem, located: where, sessionIDs: [], concurrency: 2 };
    expect((await check(input)).ok).toBe(true);
    expect(await check({ ...input, signal: AbortSignal.abort() })).toEqual({ ok: false, unknownSession: null });
  } finally {
    store.remove();
  }
});
