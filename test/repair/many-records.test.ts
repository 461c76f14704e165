import { expect, test } from "bun:test";
import { toolFor } from "../host/tool.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

test("hundreds of records set aside at once share files, empty ones among them, and come back", async () => {
  const content = { ...sampleContent(), sessions: [sessionContent("many", "prj_one", 300, 2)] };
  const store = await createSqliteStore("1.18.33", content);
  try {
    const connection = store.connect();
    connection.run("update part set data = ''");
    connection.close();
    const before = store.image();
    const tool = await toolFor(store.dataDir);
    const { items, runID, stopped } = await tool.repair();
    expect({ stopped, actions: [...new Set(items.map(({ action }) => action))], count: items.length }).toEqual({
      stopped: null,
      actions: ["quarantined"],
      count: 600,
    });
    const restored = await tool.restore(runID ?? "");
    expect(restored.items.filter(({ action }) => action !== "restored")).toEqual([]);
    expect(store.image()).toEqual(before);
  } finally {
    store.remove();
  }
});
