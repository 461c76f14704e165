import { afterAll, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { storeImage } from "../host/store-image.ts";
import { realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { addDamagedParts } from "../terminal/damage-part.ts";

afterAll(removeHomes);

test("2,000 damaged parts of three sessions, empty ones among them, are quarantined and restored byte for byte", async () => {
  const store = await realStore("1.18.33");
  const { plain, conversation, compacted } = store.sessions;
  addDamagedParts(store, [plain, conversation, compacted], 2000);
  const before = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);
  const repaired = await tool.repair();
  expect({ stopped: repaired.stopped, items: repaired.items.length }).toEqual({ stopped: null, items: 2000 });
  const restored = await tool.restore(repaired.runID ?? "");
  expect({ stopped: restored.stopped, items: restored.items.length }).toEqual({ stopped: null, items: 2000 });
  expect(await storeImage(store.dataDir, [])).toEqual(before);
});
