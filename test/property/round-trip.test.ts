import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Locator } from "../../plugin/model/artifact.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { storedRuns } from "../../plugin/quarantine/vault.ts";
import { blockingIn, repairFindings, restoreEverything, restoreRun } from "../repair/tool.ts";
import { type StoreContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore, type SqliteStoreUnderTest } from "../stores/sqlite-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";
import { RUNS } from "./runs.ts";
import "./seeded.ts";

const content: fc.Arbitrary<StoreContent> = fc
  .array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.boolean()), { minLength: 1, maxLength: 3 })
  .map((sessions) => ({
    projects: ["prj_one", "prj_two"],
    sessions: sessions.map(([messages, parts, second], index) =>
      sessionContent("abc".charAt(index), second ? "prj_two" : "prj_one", messages, parts),
    ),
  }));

/** A change that damages the bytes of a record. A host may still be able to read some of the changed records. */
type Damage = (original: Buffer) => Buffer;

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.constant<Damage>(() => Buffer.alloc(0)),
  fc.constant<Damage>((original) => Buffer.alloc(original.length)),
  fc.constant<Damage>((original) => Buffer.concat([original, Buffer.alloc(700)])),
  fc.constant<Damage>((original) => Buffer.concat([original, original])),
  fc.constantFrom("null", "[]", "{}", " ", "\ufeff{}", '"x"', "\u2028").map(
    (text): Damage =>
      () =>
        Buffer.from(text),
  ),
  fc.nat().map(
    (at): Damage =>
      (original) =>
        original.subarray(0, at % (original.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 })).map(
    ([at, bytes]): Damage =>
      (original) => {
        const result = Buffer.from(original);
        result.set(
          bytes.subarray(0, Math.max(0, original.length - (at % (original.length + 1)))),
          at % (original.length + 1),
        );
        return result;
      },
  ),
  fc.uint8Array({ maxLength: 200 }).map(
    (bytes): Damage =>
      () =>
        Buffer.from(bytes),
  ),
);

/** Which records are damaged, and how. The number selects one of all records. */
const damages = fc.array(fc.tuple(fc.nat(), damage), { minLength: 1, maxLength: 6 });

function documents(store: StoreUnderTest, extra: readonly Locator[]): Locator[] {
  return [
    ...store.content.sessions.flatMap((session) => [
      store.locatorOf("session", session.id),
      ...session.messages.flatMap((message) => [
        store.locatorOf("message", message.id),
        ...message.parts.map((part) => store.locatorOf("part", part.id)),
      ]),
    ]),
    ...extra,
  ];
}

interface Case {
  /** Places that may be damaged in addition to the records of the content. */
  readonly extra: readonly Locator[];
  readonly harm: readonly (readonly [number, Damage])[];
  /** How many records the caller has already damaged in another way. */
  readonly harmed: number;
  /** The indexes of the items that are restored first. */
  readonly first: readonly number[];
}

/** Damages a store and repairs it. Then restores the items that `first` names, and after them everything. */
async function roundTrip(store: StoreUnderTest, { extra, harm, harmed, first }: Case): Promise<void> {
  try {
    const places = documents(store, extra);
    for (const [number, change] of harm) {
      const locator = places[number % places.length] as Locator;
      store.overwrite(locator, change(store.bytesAt(locator) ?? Buffer.from("{}")));
    }
    const damaged = store.image();
    const findings = await blockingIn(store.dataDir);
    expect(store.image()).toEqual(damaged);
    expect(findings.length).toBeLessThanOrEqual(harm.length + harmed);
    const { runID, stopped, items } = await repairFindings(nodeFileSystem, store.dataDir, findings);
    expect(stopped).toBeNull();
    const left = await blockingIn(store.dataDir);
    expect(left.filter(({ remedy }) => remedy === "quarantine")).toEqual([]);
    expect((await repairFindings(nodeFileSystem, store.dataDir, left)).manifests).toEqual([]);
    judgeUntouched(store, damaged, items.filter(({ action }) => action !== "skipped").length);
    if (runID !== null) {
      const ids = [...new Set(items.map(({ id }) => id))].filter((_, index) => first.includes(index));
      if (ids.length > 0) await restoreRun(nodeFileSystem, store.dataDir, runID, { itemIDs: ids });
      // `restoreRun` refuses to restore an item while its message is in quarantine. This call restores both.
      await restoreEverything(nodeFileSystem, store.dataDir);
    }
    expect(store.image()).toEqual(damaged);
    for (const run of await storedRuns(nodeFileSystem, store.dataDir)) {
      expect(run.ok && run.manifest.state).toBe("restored");
    }
  } finally {
    store.remove();
  }
}

/** Expects that at most `most` records differ, and that no record is new. */
function judgeUntouched(store: StoreUnderTest, before: Readonly<Record<string, string>>, most: number): void {
  const now = store.image();
  expect(Object.keys(now).filter((place) => !(place in before))).toEqual([]);
  const different = Object.keys(before).filter((place) => now[place] !== before[place]);
  expect(different.length).toBeLessThanOrEqual(most);
}

const order = fc.array(fc.nat({ max: 8 }), { maxLength: 4 });

test("JSON files: damaged at random, repaired, restored: the same tree", async () => {
  const strays = fc.subarray([
    "storage/message/ses_a/note.txt",
    "storage/part/msg_a1/prt_a1_1.json.bak",
    "storage/todo/ses_a.json",
    "storage/session_diff/ses_a.json",
    "storage/message/ses_a/msg_sub/x.json",
    "storage/part/msg_a1/é .tmp",
  ]);
  await fc.assert(
    fc.asyncProperty(content, damages, strays, order, (made, harm, paths, first) =>
      roundTrip(createJsonStore(made), { extra: paths.map((path) => ({ path })), harm, harmed: 0, first }),
    ),
    { numRuns: RUNS },
  );
});

test("SQLite: damaged at random, repaired, restored: the same rows", async () => {
  const schema = fc.constantFrom("1.2.27" as const, "1.18.33" as const);
  const blobs = fc.array(fc.nat(), { maxLength: 2 });
  const extra: Locator[] = [
    ...["sandboxes", "commands"].map((column) => ({ table: "project", key: { id: "prj_one" }, column })),
    ...["summary_diffs", "revert"].map((column) => ({ table: "session", key: { id: "ses_a" }, column })),
  ];
  await fc.assert(
    fc.asyncProperty(content, damages, schema, blobs, order, async (made, harm, version, asBlob, first) => {
      const store = await createSqliteStore(version, made);
      storeAsBlobs(store, asBlob);
      await roundTrip(store, { extra, harm, harmed: asBlob.length, first });
    }),
    { numRuns: RUNS },
  );
});

/** Stores some parts and messages as BLOBs instead of texts. Their bytes stay the same. */
function storeAsBlobs(store: SqliteStoreUnderTest, numbers: readonly number[]): void {
  const connection = store.connect();
  for (const number of numbers) {
    const table = number % 2 === 0 ? "part" : "message";
    connection.run(`update ${table} set data = cast(data as blob) where rowid = ?`, (number % 5) + 1);
  }
  connection.close();
}
