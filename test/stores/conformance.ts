// This suite uses `node:test`, so it runs in Node and in Bun, and tests the SQLite of both.

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { type Artifact, LARGEST_LOADED_BYTES, locatorText } from "../../plugin/model/artifact.ts";
import type { Operation } from "../../plugin/stores/writer.ts";
import { describeReading } from "./conformance-reading.ts";
import {
  DAMAGED,
  operationOn,
  prepared,
  reading,
  type StoreKind,
  type StoreTest,
  statesOf,
  visited,
  writing,
} from "./conformance-steps.ts";
import { describeWriting } from "./conformance-writing.ts";
import { sampleContent } from "./content.ts";
import { folderImage } from "./json-fixture.ts";

/** What every kind of store must do. */
export function describeStore(kind: StoreKind): void {
  describe(kind.name, () => {
    const withStore: StoreTest = (name, work, content = sampleContent()) =>
      void test(name, async () => {
        const store = await kind.create(content);
        try {
          await work(store);
        } finally {
          store.remove();
        }
      });

    describeReading(kind, withStore);
    describeWriting(withStore);

    test("ids that could lead elsewhere lead nowhere", async () => {
      for (const id of kind.hostileIDs) await judgeHostileID(kind, id);
    });

    withStore("a session id that is a path reads nothing", async (store) => {
      const before = folderImage(dirname(store.dataDir));
      for (const sessionID of ["../../../etc", "/etc", "..", ".", "", "ses_a/../ses_b", "ses_a\0", "a".repeat(5000)]) {
        const { artifacts, counts } = await visited(store, { what: "session", sessionID });
        assert.deepEqual([artifacts, counts.messages], [[], 0], JSON.stringify(sessionID));
        const list = await visited(store, { what: "list", projectID: sessionID });
        assert.deepEqual(list.artifacts, [], JSON.stringify(sessionID));
      }
      assert.deepEqual(folderImage(dirname(store.dataDir)), before);
    });

    if (!kind.withLargeRecords) return;
    withStore("a record too large to hold is judged in pieces and quarantined whole", async (store) => {
      const locator = store.locatorOf("part", "prt_a1_1");
      const size = LARGEST_LOADED_BYTES + 1_000_000;
      store.overwriteWithZeros(locator, size);
      const before = store.image();
      const artifact: Artifact = { kind: "part", sessionID: "ses_a", recordID: "prt_a1_1", locator };
      let seen = "";
      await reading(store, async ({ store: opened }) => {
        const evidence = await opened.examine(artifact);
        assert.deepEqual([evidence?.bytes, evidence?.size], [null, size]);
        assert.deepEqual(evidence?.shape, { shape: "invalid", offset: 0 });
        seen = evidence?.sha256 ?? "";
      });
      const { artifacts, texts } = await visited(store, { what: "everything" });
      const at = artifacts.findIndex((each) => locatorText(each.locator) === locatorText(locator));
      assert.equal(texts[at], null);
      await writing(store, async (writer, run) => {
        const operation: Operation = { ...operationOn(store, "part", "prt_a1_2"), locator, recordID: "prt_a1_1" };
        const items = await prepared(writer, [{ ...operation, seen: { bytes: size, sha256: seen } }], run);
        assert.deepEqual(await statesOf(writer.setAside(items, run.path)), ["done"]);
        assert.deepEqual(await statesOf(writer.putBack(items, run.path)), ["restored"]);
      });
      assert.deepEqual(store.image(), before);
    });
  });
}

/**
 * Tries a session, a message and a part with a hostile id. The store must visit them, and must either repair and
 * restore them or leave them unchanged.
 */
async function judgeHostileID(kind: StoreKind, id: string): Promise<void> {
  const message = { id: `msg${id}`, parts: [{ id: `prt${id}`, text: "hello" }] };
  const store = await kind.create({
    projects: ["prj_one"],
    sessions: [{ id, projectID: "prj_one", messages: [message] }],
  });
  const shown = JSON.stringify(id.length > 60 ? `${id.slice(0, 60)}…` : id);
  try {
    const { counts } = await visited(store, { what: "everything" });
    assert.deepEqual([counts.sessions, counts.messages, counts.parts], [1, 1, 1], shown);
    for (const [record, recordID] of [
      ["session", id],
      ["message", message.id],
      ["part", `prt${id}`],
    ] as const) {
      store.overwrite(store.locatorOf(record, recordID), DAMAGED);
    }
    const before = store.image();
    const around = () => folderImage(dirname(store.dataDir), ["opencode"]);
    const outside = around();
    await writing(store, async (writer, run) => {
      const operations = [
        operationOn(store, "session", id),
        operationOn(store, "message", message.id),
        operationOn(store, "part", `prt${id}`),
      ];
      const { items, skipped } = await writer.prepare(operations, run);
      assert.equal(items.length + skipped.length, 3, shown);
      const outcomes = await writer.setAside(items, run.path);
      assert.ok(
        outcomes.every((outcome) => outcome.state === "done"),
        shown,
      );
      const back = await writer.putBack(items, run.path);
      assert.ok(
        back.every((outcome) => outcome.state === "restored"),
        shown,
      );
      await writer.copyForSafety(id, operations, run.path);
    });
    assert.deepEqual(store.image(), before, shown);
    assert.deepEqual(around(), outside, shown);
  } finally {
    store.remove();
  }
}
