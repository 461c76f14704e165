// Written for `node:test`, which Bun runs too: the same suite judges the SQLite of both runtimes.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { type Artifact, LARGEST_LOADED_BYTES, type Locator, locatorText } from "../../plugin/model/artifact.ts";
import type { ManifestItem, RunFolder } from "../../plugin/model/manifest-item.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";
import { createRunFolder } from "../../plugin/quarantine/vault.ts";
import { noCounts, type Scope } from "../../plugin/stores/store.ts";
import type { Operation, StoreWriter } from "../../plugin/stores/writer.ts";
import { type StoreContent, sampleContent } from "./content.ts";
import { folderImage } from "./json-fixture.ts";
import { type OpenStore, openOnly, type RecordName, type StoreUnderTest } from "./store-under-test.ts";

export interface StoreKind {
  readonly name: string;
  create(content: StoreContent): StoreUnderTest | Promise<StoreUnderTest>;
  /** Ids that could lead elsewhere, and that this kind of store can hold. */
  readonly hostileIDs: readonly string[];
  /** Left out where another kind makes the same slow proof. */
  readonly withLargeRecords: boolean;
}

const DAMAGED = Buffer.from('{"type":"text","te');
const FOREIGN = Buffer.from('{"written":"by somebody else"}');

/** What every store must do, whatever it is made of. */
export function describeStore(kind: StoreKind): void {
  describe(kind.name, () => {
    const withStore = (name: string, work: (store: StoreUnderTest) => Promise<void>, content = sampleContent()) =>
      test(name, async () => {
        const store = await kind.create(content);
        try {
          await work(store);
        } finally {
          store.remove();
        }
      });

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
      // A database removes the messages with their session; of files, the messages are left.
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

interface KnownRecord {
  readonly record: RecordName;
  readonly id: string;
  readonly sessionID: string;
}

function records(content: StoreContent): KnownRecord[] {
  return content.sessions.flatMap(({ id: sessionID, messages }) => [
    { record: "session" as const, id: sessionID, sessionID },
    ...messages.flatMap(({ id, parts }) => [
      { record: "message" as const, id, sessionID },
      ...parts.map((part) => ({ record: "part" as const, id: part.id, sessionID })),
    ]),
  ]);
}

async function reading(store: StoreUnderTest, work: (opened: OpenStore) => Promise<void>): Promise<void> {
  const opened = await openOnly(nodeFileSystem, store.dataDir);
  try {
    await work(opened);
  } finally {
    opened.store.close();
  }
}

async function visited(store: StoreUnderTest, scope: Scope, signal?: AbortSignal) {
  const artifacts: Artifact[] = [];
  const texts: (string | null)[] = [];
  const counts = noCounts();
  await reading(store, async (opened) => {
    const visit = (artifact: Artifact, text: string | null) => {
      artifacts.push(artifact);
      texts.push(text);
    };
    await opened.store.scan(scope, visit, { concurrency: 4, counts, ...(signal && { signal }) });
  });
  return { artifacts, texts, counts };
}

function idsOf(artifacts: readonly Artifact[], kind: Artifact["kind"]): (string | null)[] {
  return [
    ...new Set(artifacts.filter((artifact) => artifact.kind === kind).map((artifact) => artifact.recordID)),
  ].sort();
}

async function writing(
  store: StoreUnderTest,
  work: (writer: StoreWriter, run: RunFolder) => Promise<void>,
): Promise<void> {
  const opened = await openOnly(nodeFileSystem, store.dataDir);
  opened.store.close();
  const writer = await opened.openWriter();
  try {
    await work(writer, await createRunFolder(nodeFileSystem, store.dataDir, "ses_a", newRunID(Date.now())));
  } finally {
    writer.close();
    rmSync(quarantinePath(store.dataDir), { recursive: true });
  }
}

/** An operation on a record as it is now, or as it was when it held `judged`. */
function operationOn(store: StoreUnderTest, record: RecordName, id: string, judged?: Buffer): Operation {
  const locator = store.locatorOf(record, id);
  const owner = records(store.content).find((each) => each.id === id)?.sessionID ?? null;
  return operationAt(locator, record, owner, id, judged ?? store.bytesAt(locator) ?? Buffer.alloc(0));
}

function operationAt(
  locator: Locator,
  kind: RecordName,
  sessionID: string | null,
  recordID: string,
  bytes: Buffer,
): Operation {
  const seen = { bytes: bytes.length, sha256: sha256(bytes) };
  return {
    kind,
    sessionID,
    recordID,
    locator,
    code: "truncated",
    evidence: "",
    remedy: "quarantine",
    seen,
    replacement: null,
  };
}

async function prepared(writer: StoreWriter, operations: Operation[], run: RunFolder): Promise<ManifestItem[]> {
  const { items, skipped } = await writer.prepare(operations, run);
  assert.deepEqual(skipped, []);
  return items;
}

async function statesOf(outcomes: ReturnType<StoreWriter["setAside"]>): Promise<string[]> {
  return (await outcomes).map((outcome) => outcome.state);
}

function bytesOf(damaged: readonly [RecordName, string, Buffer][], id: string): Buffer | undefined {
  return damaged.find((each) => each[1] === id)?.[2];
}

/** A session, a message and a part of one hostile id: visited, and either repaired and restored or left alone. */
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
