import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { blockingIn, checkAndRepair, repairFindings, settledFiles } from "./tool.ts";

const PART = "storage/part/msg_a1/prt_a1_1.json";

test("what was written while it was read is no damage, however old the file was before", async () => {
  const store = createJsonStore(sampleContent());
  try {
    const path = join(store.dataDir, PART);
    const healthy = readFileSync(path);
    store.overwrite({ path: PART }, Buffer.from("{"));
    let reads = 0;
    const files = {
      ...settledFiles,
      async read(asked: string, largest?: number) {
        if (asked !== path || reads++ > 0) return settledFiles.read(asked, largest);
        // During this read, opencode replaces the document with a longer one. The reader gets only the first bytes of
        // the new document.
        writeFileSync(path, healthy);
        return healthy.subarray(0, 20);
      },
    };
    expect(await blockingIn(store.dataDir, files)).toEqual([]);
    expect(reads).toBeGreaterThan(1);
  } finally {
    store.remove();
  }
});

test.if(process.platform === "linux")(
  "a file that is open for writing stays, however long its writer takes",
  async () => {
    const store = createJsonStore(sampleContent());
    try {
      const path = join(store.dataDir, PART);
      const healthy = readFileSync(path);
      store.overwrite({ path: PART }, Buffer.alloc(0));
      const findings = await blockingIn(store.dataDir);
      expect(findings.map(({ recordID }) => recordID)).toEqual(["prt_a1_1"]);
      const file = openSync(path, "r+");
      const { items } = await repairFindings(settledFiles, store.dataDir, findings);
      expect(items).toMatchObject([{ action: "skipped", reason: "another process is writing the file" }]);
      writeSync(file, healthy);
      closeSync(file);
      expect(readFileSync(path)).toEqual(healthy);
      expect(statSync(path).nlink).toBe(1);
      const { runID } = await checkAndRepair(store.dataDir);
      expect(runID).toBeNull();
    } finally {
      store.remove();
    }
  },
);
