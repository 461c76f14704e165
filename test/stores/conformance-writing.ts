// This suite uses `node:test`, so it runs in Node and in Bun, and tests the SQLite of both.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { ManifestItem } from "../../plugin/model/manifest-item.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import {
  bytesOf,
  DAMAGED,
  FOREIGN,
  idsOf,
  operationOn,
  prepared,
  type StoreTest,
  statesOf,
  visited,
  writing,
} from "./conformance-steps.ts";
import type { RecordName } from "./store-under-test.ts";

/** What a store must do when records are quarantined, completed and restored. */
export function describeWriting(withStore: StoreTest): void {
  withStore("quarantines records and restores them, byte for byte", async (store) => {
    const damaged: [RecordName, string, Buffer][] = [
      ["part", "prt_a1_1", DAMAGED],
      ["part", "prt_b1_1", Buffer.alloc(0)],
      ["message", "msg_a2", Buffer.from([0, 0xff, 0xfe, 0, 0x80])],
      ["session", "ses_c", Buffer.from("{")],
    ];
    for (const [record, id, bytes] of damaged) store.overwrite(store.locatorOf(record, id), bytes);
    const before = store.image();
    await writing(store, async (writer, run) => {
      const operations = damaged.map(([record, id]) => operationOn(store, record, id));
      const items = await prepared(writer, operations, run);
      assert.deepEqual(store.image(), before, "preparing changes nothing live");
      for (const item of items) assert.equal(await writer.observe(item, run.path), "live");
      assert.deepEqual(
        await statesOf(writer.setAside(items, run.path)),
        items.map(() => "done"),
      );
      for (const [record, id] of damaged) {
        assert.notDeepEqual(store.bytesAt(store.locatorOf(record, id)), bytesOf(damaged, id), `${id} is still there`);
      }
      for (const item of items) assert.equal(await writer.observe(item, run.path), "set-aside");
      assert.deepEqual(
        await statesOf(writer.putBack(items, run.path)),
        items.map(() => "restored"),
      );
      assert.deepEqual(store.image(), before);
      for (const item of items) assert.equal(await writer.observe(item, run.path), "live");
      assert.deepEqual(
        await statesOf(writer.putBack(items, run.path)),
        items.map(() => "restored"),
        "twice is once",
      );
      assert.deepEqual(store.image(), before);
    });
  });

  withStore("leaves what is healthy as it is", async (store) => {
    const healthy = { ...store.image() };
    store.overwrite(store.locatorOf("part", "prt_a1_1"), DAMAGED);
    await writing(store, async (writer, run) => {
      const items = await prepared(writer, [operationOn(store, "part", "prt_a1_1")], run);
      await writer.setAside(items, run.path);
    });
    const after = store.image();
    const missing = Object.keys(healthy).filter((place) => !(place in after));
    assert.equal(missing.length, 1);
    for (const [place, value] of Object.entries(after)) assert.equal(value, healthy[place], place);
  });

  withStore("refuses to prepare what has changed since it was judged", async (store) => {
    const operation = operationOn(store, "part", "prt_a1_1", DAMAGED);
    const absent = operationOn(store, "part", "prt_a1_2");
    store.removeRecord(absent.locator);
    await writing(store, async (writer, run) => {
      const { items, skipped } = await writer.prepare([operation, absent], run);
      assert.deepEqual([items, skipped.length], [[], 2]);
    });
  });

  withStore("refuses to quarantined what has changed since it was captured", async (store) => {
    for (const id of ["prt_a1_1", "prt_a1_2", "prt_a2_1"]) store.overwrite(store.locatorOf("part", id), DAMAGED);
    const operations = ["prt_a1_1", "prt_a1_2", "prt_a2_1"].map((id) => operationOn(store, "part", id));
    await writing(store, async (writer, run) => {
      const items = await prepared(writer, operations, run);
      store.overwrite(store.locatorOf("part", "prt_a1_1"), FOREIGN);
      store.removeRecord(store.locatorOf("part", "prt_a1_2"));
      const before = store.image();
      assert.deepEqual(await statesOf(writer.setAside(items, run.path)), ["skipped", "skipped", "done"]);
      assert.deepEqual(store.bytesAt(store.locatorOf("part", "prt_a1_1")), FOREIGN);
      await writer.putBack(items.slice(2), run.path);
      assert.deepEqual(store.image(), before);
    });
  });

  withStore("refuses to restored where something else has taken the place", async (store) => {
    for (const id of ["prt_a1_1", "prt_a1_2"]) store.overwrite(store.locatorOf("part", id), DAMAGED);
    const operations = ["prt_a1_1", "prt_a1_2"].map((id) => operationOn(store, "part", id));
    const before = store.image();
    await writing(store, async (writer, run) => {
      const items = await prepared(writer, operations, run);
      await writer.setAside(items, run.path);
      store.overwrite(store.locatorOf("part", "prt_a1_1"), FOREIGN);
      assert.deepEqual(await statesOf(writer.putBack(items, run.path)), ["skipped", "restored"]);
      assert.deepEqual(store.bytesAt(store.locatorOf("part", "prt_a1_1")), FOREIGN);
      const [first] = items;
      assert.equal(await writer.observe(first as ManifestItem, run.path), "set-aside");
      store.removeRecord(store.locatorOf("part", "prt_a1_1"));
      assert.deepEqual(await statesOf(writer.putBack(items, run.path)), ["restored", "restored"]);
      assert.deepEqual(store.image(), before);
    });
  });

  withStore("refuses to restore what was changed or lost in quarantine", async (store) => {
    for (const id of ["prt_a1_1", "prt_a1_2"]) store.overwrite(store.locatorOf("part", id), DAMAGED);
    const operations = ["prt_a1_1", "prt_a1_2"].map((id) => operationOn(store, "part", id));
    await writing(store, async (writer, run) => {
      const items = await prepared(writer, operations, run);
      await writer.setAside(items, run.path);
      const before = store.image();
      const [first, second] = items.map((item) => `${run.path}/${item.original?.file}`) as [string, string];
      rmSync(first);
      rmSync(second);
      await nodeFileSystem.writeNew(second, FOREIGN, 0o600);
      assert.deepEqual(await statesOf(writer.putBack(items, run.path)), ["skipped", "skipped"]);
      assert.deepEqual(store.image(), before);
      for (const item of items) assert.equal(await writer.observe(item, run.path), "nowhere");
    });
  });

  withStore("completes a document, and undoes that byte for byte", async (store) => {
    const locator = store.locatorOf("part", "prt_a1_1");
    const document = { type: "text", text: "é\ud800", nested: { kept: 1 } };
    store.overwrite(locator, Buffer.from(` ${JSON.stringify(document)}`));
    const before = store.image();
    const fields = [
      { path: ["nested", "added"], to: "new" },
      { path: ["text"], from: "é\ud800", to: "other" },
      { path: ["nested", "kept"], from: 1 },
    ];
    await writing(store, async (writer, run) => {
      const operation = {
        ...operationOn(store, "part", "prt_a1_1"),
        replacement: { source: "a rule", content: { fields } },
      };
      const items = await prepared(writer, [operation], run);
      assert.deepEqual(store.image(), before, "preparing changes nothing live");
      assert.deepEqual(await statesOf(writer.setAside(items, run.path)), ["done"]);
      assert.deepEqual(JSON.parse(store.bytesAt(locator)?.toString() ?? ""), {
        type: "text",
        text: "other",
        nested: { added: "new" },
      });
      for (const item of items) assert.equal(await writer.observe(item, run.path), "set-aside");
      store.overwrite(locator, FOREIGN);
      assert.deepEqual(await statesOf(writer.putBack(items, run.path)), ["skipped"]);
      assert.deepEqual(store.bytesAt(locator), FOREIGN, "somebody else's bytes stay");
    });
  });

  withStore("undoes what was completed; twice is as good as once", async (store) => {
    const before = store.image();
    const fields = [{ path: ["metadata"], to: {} }];
    const operation = {
      ...operationOn(store, "part", "prt_a1_1"),
      replacement: { source: "a rule", content: { fields } },
    };
    await writing(store, async (writer, run) => {
      const items = await prepared(writer, [operation], run);
      await writer.setAside(items, run.path);
      assert.notDeepEqual(store.image(), before);
      for (let time = 0; time < 2; time += 1) {
        assert.deepEqual(await statesOf(writer.putBack(items, run.path)), ["restored"]);
        assert.deepEqual(store.image(), before);
      }
      assert.equal(await writer.observe(items[0] as ManifestItem, run.path), "live");
    });
    await writing(store, async (writer, run) => {
      const unfit = {
        source: "a rule",
        content: { fields: [{ path: ["text"], from: "not what is there", to: "x" }] },
      };
      const { items, skipped } = await writer.prepare([{ ...operation, replacement: unfit }], run);
      assert.deepEqual([items, skipped.length], [[], 1]);
      assert.deepEqual(store.image(), before);
    });
  });

  withStore("takes a message that nobody can read off the read path with its parts", async (store) => {
    store.overwrite(store.locatorOf("message", "msg_a1"), DAMAGED);
    const before = store.image();
    await writing(store, async (writer, run) => {
      const items = await prepared(writer, [operationOn(store, "message", "msg_a1")], run);
      await writer.setAside(items, run.path);
      const { artifacts } = await visited(store, { what: "session", sessionID: "ses_a" });
      assert.deepEqual(idsOf(artifacts, "message"), ["msg_a2"]);
      assert.deepEqual(idsOf(artifacts, "part"), ["prt_a2_1", "prt_a2_2"]);
      await writer.putBack(items, run.path);
      assert.deepEqual(store.image(), before);
    });
  });

  withStore("does the same in whatever order it is asked", async (store) => {
    const ids: [RecordName, string][] = [
      ["part", "prt_a1_2"],
      ["message", "msg_a1"],
      ["session", "ses_a"],
      ["part", "prt_a1_1"],
      ["message", "msg_b1"],
      ["part", "prt_a2_1"],
    ];
    for (const [record, id] of ids) store.overwrite(store.locatorOf(record, id), DAMAGED);
    const before = store.image();
    const results = new Set<string>();
    for (const order of [ids, [...ids].reverse(), [...ids].sort((a, b) => (a[1] < b[1] ? -1 : 1))]) {
      await writing(store, async (writer, run) => {
        const items = await prepared(
          writer,
          order.map(([record, id]) => operationOn(store, record, id)),
          run,
        );
        const outcomes = await writer.setAside(items, run.path);
        assert.ok(outcomes.every((outcome) => outcome.state === "done"));
        results.add(JSON.stringify(store.image()));
        await writer.putBack([...items].reverse(), run.path);
        assert.deepEqual(store.image(), before);
      });
    }
    assert.equal(results.size, 1);
  });
}
