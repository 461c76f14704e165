// This suite uses `node:test`, so it runs in Node and in Bun, and tests the SQLite of both.

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { type Artifact, locatorText } from "../../plugin/model/artifact.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { noCounts } from "../../plugin/stores/store.ts";
import { idsOf, reading, records, type StoreKind, type StoreTest, visited } from "./conformance-steps.ts";
import type { StoreContent } from "./content.ts";
import { folderImage } from "./json-fixture.ts";
import { openOnly } from "./store-under-test.ts";

/** What a store must do when it is read. */
export function describeReading(kind: StoreKind, withStore: StoreTest): void {
  withStore("visits every record once, under its ids, and counts it", async (store) => {
    const { artifacts, counts, texts } = await visited(store, { what: "everything" });
    assert.deepEqual([counts.sessions, counts.messages, counts.parts], [3, 3, 5]);
    const places = artifacts.map(({ locator }) => locatorText(locator));
    assert.equal(new Set(places).size, places.length, "a place is visited twice");
    for (const { record, id, sessionID } of records(store.content)) {
      const locator = store.locatorOf(record, id);
      const at = places.indexOf(locatorText(locator));
      assert.notEqual(at, -1, `${record} ${id} is not visited`);
      const { kind: found, recordID, sessionID: owner } = artifacts[at] as Artifact;
      assert.deepEqual({ found, recordID, owner }, { found: record, recordID: id, owner: sessionID });
      assert.equal(texts[at], store.bytesAt(locator)?.toString("utf8"));
    }
    const total = texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), 0);
    assert.equal(counts.bytes, total);
  });

  withStore("visits of a session its own records only", async (store) => {
    const { artifacts, counts } = await visited(store, { what: "session", sessionID: "ses_b" });
    assert.deepEqual([counts.messages, counts.parts], [1, 1]);
    assert.ok(artifacts.every((artifact) => artifact.sessionID === "ses_b"));
    assert.deepEqual(idsOf(artifacts, "session"), ["ses_b"]);
    assert.deepEqual(idsOf(artifacts, "message"), ["msg_b1"]);
    assert.deepEqual(idsOf(artifacts, "part"), ["prt_b1_1"]);
    assert.deepEqual((await visited(store, { what: "session", sessionID: "ses_unknown" })).counts, noCounts());
  });

  withStore("says of one session what it says of it among all", async (store) => {
    store.removeRecord(store.locatorOf("session", "ses_b"));
    const { store: opened } = await openOnly(nodeFileSystem, store.dataDir);
    const all = await opened.conversations.sessionFacts();
    // A database deletes the messages together with their session. In a store of files, the messages remain.
    const bare = all.filter(({ hasRecord }) => !hasRecord).map(({ id }) => id);
    assert.deepEqual(await opened.sessionsWithoutRecord(null), bare);
    for (const facts of all) {
      assert.deepEqual(await opened.conversations.factsOf(facts.id), facts);
      assert.deepEqual(await opened.sessionsWithoutRecord([facts.id]), facts.hasRecord ? [] : [facts.id]);
    }
    assert.equal(await opened.conversations.factsOf("ses_unknown"), null);
    assert.deepEqual(await opened.sessionsWithoutRecord(["ses_unknown"]), []);
    opened.close();
  });

  withStore("visits of a list the project and its sessions only", async (store) => {
    const { artifacts } = await visited(store, { what: "list", projectID: "prj_one" });
    assert.deepEqual(idsOf(artifacts, "project"), ["prj_one"]);
    assert.deepEqual(idsOf(artifacts, "session"), ["ses_a", "ses_b"]);
    assert.deepEqual([idsOf(artifacts, "message"), idsOf(artifacts, "part")], [[], []]);
    const all = await visited(store, { what: "list", projectID: null });
    assert.deepEqual(idsOf(all.artifacts, "project"), ["prj_one", "prj_two"]);
    assert.deepEqual(idsOf(all.artifacts, "session"), ["ses_a", "ses_b", "ses_c"]);
  });

  withStore("names the sessions of a project, and of all", async (store) => {
    await reading(store, async ({ store: opened }) => {
      const ids = async (projectID: string | null) => (await opened.sessions(projectID)).map(({ id }) => id).sort();
      assert.deepEqual(await ids("prj_one"), ["ses_a", "ses_b"]);
      assert.deepEqual(await ids("prj_two"), ["ses_c"]);
      assert.deepEqual(await ids("prj_none"), []);
      assert.deepEqual(await ids(null), ["ses_a", "ses_b", "ses_c"]);
    });
  });

  const nothing: StoreContent = { projects: [], sessions: [] };
  test("a store without records is read without a word", async () => {
    const store = await kind.create({ ...nothing, projects: ["prj_one"] });
    try {
      const { counts } = await visited(store, { what: "everything" });
      assert.deepEqual([counts.sessions, counts.messages, counts.parts], [0, 0, 0]);
      await reading(store, async ({ store: opened }) => assert.deepEqual(await opened.sessions(null), []));
    } finally {
      store.remove();
    }
  });

  withStore("hands out the exact bytes of a record, damaged or not", async (store) => {
    const whole = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    store.overwrite(store.locatorOf("part", "prt_a1_1"), whole);
    store.overwrite(store.locatorOf("part", "prt_a1_2"), Buffer.alloc(0));
    store.removeRecord(store.locatorOf("part", "prt_a2_1"));
    await reading(store, async ({ store: opened }) => {
      for (const { record, id, sessionID } of records(store.content)) {
        const locator = store.locatorOf(record, id);
        const bytes = store.bytesAt(locator);
        const evidence = await opened.examine({ kind: record, sessionID, recordID: id, locator });
        if (bytes === null) assert.equal(evidence, null, id);
        else {
          assert.deepEqual([Buffer.from(evidence?.bytes ?? "none"), evidence?.size], [bytes, bytes.length], id);
          assert.equal(evidence?.reachable, true, id);
        }
      }
    });
  });

  withStore("writes nothing and leaves nothing when it is read", async (store) => {
    const before = folderImage(dirname(store.dataDir));
    const { artifacts } = await visited(store, { what: "everything" });
    await reading(store, async ({ store: opened }) => {
      await opened.sessions(null);
      for (const artifact of artifacts) await opened.examine(artifact);
    });
    assert.deepEqual(folderImage(dirname(store.dataDir)), before);
  });

  withStore("stops when the signal is aborted, without an error", async (store) => {
    const aborted = AbortSignal.abort();
    const early = await visited(store, { what: "everything" }, aborted);
    assert.ok(early.artifacts.length < records(store.content).length);
    const controller = new AbortController();
    let seen = 0;
    await reading(store, async ({ store: opened }) => {
      const stop = () => {
        seen += 1;
        controller.abort();
      };
      await opened.scan({ what: "everything" }, stop, {
        ...{ concurrency: 1, counts: noCounts(), signal: controller.signal },
      });
    });
    assert.ok(seen < records(store.content).length, `${seen} visits after the signal`);
  });
}
