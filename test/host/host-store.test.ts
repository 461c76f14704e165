import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { storesOfHost } from "../../plugin/opencode/host-store.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { located } from "../stores/store-under-test.ts";

test.each(["prj_one", null])("the host's store is told by files that there are, of project %p", async (projectID) => {
  const store = createJsonStore(sampleContent());
  try {
    const asked: string[] = [];
    const files: FileSystem = {
      ...nodeFileSystem,
      stat(path) {
        asked.push(path);
        return nodeFileSystem.stat(path);
      },
    };
    const found = await storesOfHost(files, await located(nodeFileSystem, store.dataDir), projectID);
    expect(found).toMatchObject({ databases: [], json: "records" });
    expect(asked.filter((path) => !existsSync(path)).map((path) => relative(store.dataDir, path))).toEqual([]);
    expect(asked.length).toBeGreaterThan(0);
  } finally {
    store.remove();
  }
});
