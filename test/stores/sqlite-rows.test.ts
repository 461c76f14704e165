import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { RowLocator } from "../../plugin/model/artifact.ts";
import type { RunFolder } from "../../plugin/model/manifest-item.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";
import { createRunFolder } from "../../plugin/quarantine/vault.ts";
import { type Operation, StoreRefusedError, type StoreWriter } from "../../plugin/stores/writer.ts";
import { sampleContent, sessionContent } from "./content.ts";
import { createSqliteStore, type SqliteStoreUnderTest } from "./sqlite-fixture.ts";
import { openOnly } from "./store-under-test.ts";

const DAMAGED = Buffer.from("{");

let store: SqliteStoreUnderTest;
let writer: StoreWriter;
let run: RunFolder;

async function begin(content = sampleContent()): Promise<void> {
  store = await createSqliteStore("1.18.33", content);
  const opened = await openOnly(nodeFileSystem, store.dataDir);
  opened.store.close();
  writer = await opened.openWriter();
  run = await createRunFolder(nodeFileSystem, store.dataDir, "ses_a", newRunID(Date.now()));
}

beforeEach(() => begin());

afterEach(() => {
  writer.close();
  store.remove();
});

function operation(kind: Operation["kind"], locator: RowLocator): Operation {
  const bytes = store.bytesAt(locator) ?? Buffer.alloc(0);
  const seen = { bytes: bytes.length, sha256: sha256(bytes) };
  const recordID = locator.key.id ?? null;
  return {
    kind,
    sessionID: "ses_a",
    recordID,
    locator,
    code: "truncated",
    evidence: "",
    remedy: "quarantine",
    seen,
    replacement: null,
  };
}

function sql(text: string): void {
  const connection = store.connect();
  connection.exec(text);
  connection.close();
}

const message = (id: string): RowLocator => ({ table: "message", key: { id } });
const part = (id: string): RowLocator => ({ table: "part", key: { id } });

describe("a message with its parts", () => {
  test("is captured part by part, and the damaged part keeps its own fault", async () => {
    store.overwrite(message("msg_a1"), DAMAGED);
    store.overwrite(part("prt_a1_2"), Buffer.alloc(0));
    const onPart = { ...operation("part", part("prt_a1_2")), code: "empty" };
    const { items } = await writer.prepare([onPart, operation("message", message("msg_a1"))], run);
    expect(items.map(({ id, recordID, code, partOf }) => [id, recordID, code, partOf])).toEqual([
      ["0001", "msg_a1", "truncated", undefined],
      ["0002", "prt_a1_1", "truncated", "0001"],
      ["0003", "prt_a1_2", "empty", "0001"],
    ]);
  });

  test("stays where a part has come or changed meanwhile", async () => {
    store.overwrite(message("msg_a1"), DAMAGED);
    store.overwrite(message("msg_b1"), DAMAGED);
    const operations = [operation("message", message("msg_a1")), operation("message", message("msg_b1"))];
    const { items } = await writer.prepare(operations, run);
    sql("insert into part values ('prt_new', 'msg_a1', 'ses_a', 1, 1, '{}')");
    sql("update part set time_updated = 2 where id = 'prt_b1_1'");
    const before = store.image();
    const outcomes = await writer.setAside(items, run.path);
    expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(["skipped"]));
    expect(store.image()).toEqual(before);
  });

  test("comes back before its parts", async () => {
    store.overwrite(message("msg_a1"), DAMAGED);
    const before = store.image();
    const { items } = await writer.prepare([operation("message", message("msg_a1"))], run);
    await writer.setAside(items, run.path);
    const parts = items.filter(({ kind }) => kind === "part");
    const [refused] = await writer.putBack(parts, run.path);
    expect(refused).toMatchObject({
      state: "skipped",
      reason: "the record that it belongs to is missing; restore that one first",
    });
    await writer.putBack(
      items.filter(({ kind }) => kind === "message"),
      run.path,
    );
    await writer.putBack(parts, run.path);
    expect(store.image()).toEqual(before);
  });

  test("does not come back into a session that was deleted", async () => {
    store.overwrite(message("msg_a1"), DAMAGED);
    const { items } = await writer.prepare([operation("message", message("msg_a1"))], run);
    await writer.setAside(items, run.path);
    store.removeRecord({ table: "session", key: { id: "ses_a" } });
    const before = store.image();
    const outcomes = await writer.putBack(items, run.path);
    expect(outcomes.map(({ state }) => state)).toEqual(["skipped", "skipped", "skipped"]);
    expect(store.image()).toEqual(before);
  });
});

describe("what a user added to the database", () => {
  /**
   * Runs the statements and then opens the writer again, because a writer examines the database only when it is opened.
   */
  async function begunWith(statements: string): Promise<void> {
    store.overwrite(part("prt_a1_2"), Buffer.alloc(0));
    sql(statements);
    writer.close();
    const opened = await openOnly(nodeFileSystem, store.dataDir);
    opened.store.close();
    writer = await opened.openWriter();
  }

  function noted(): string[] {
    const connection = store.connect();
    try {
      return connection.all("select text from note order by text").map(({ text }) => String(text));
    } finally {
      connection.close();
    }
  }

  const NOTES = "create table note (text text, part_id text); insert into note values ('kept', 'prt_a1_2')";

  test.each([
    ["a trigger", `${NOTES}; create trigger t after delete on part begin delete from note; end`],
    [
      "a table that loses rows with a part",
      `create table note (text text, part_id text references part(id) on delete cascade);
       insert into note values ('kept', 'prt_a1_2')`,
    ],
    [
      "a trigger that writes to a record of opencode",
      `${NOTES}; create trigger t after delete on part begin update session set title = 'another'; end`,
    ],
  ])("loses nothing by a repair: %s", async (_, statements) => {
    await begunWith(statements);
    const before = store.image();
    const { items } = await writer.prepare([operation("part", part("prt_a1_2"))], run);
    const refused = await writer.setAside(items, run.path).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StoreRefusedError);
    expect(String(refused)).toContain("This change was not made.");
    expect(store.image()).toEqual(before);
    expect(noted()).toEqual(["kept"]);
  });

  test("is no obstacle where a change to a record does nothing to it", async () => {
    await begunWith(`${NOTES}; create trigger t after delete on session begin delete from note; end`);
    const before = store.image();
    const { items } = await writer.prepare([operation("part", part("prt_a1_2"))], run);
    expect((await writer.setAside(items, run.path)).map(({ state }) => state)).toEqual(["done"]);
    expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["restored"]);
    expect(store.image()).toEqual(before);
    expect(noted()).toEqual(["kept"]);
  });
});

describe("one value of a row", () => {
  test("leaves alone, and its record stays; what may not be NULL becomes what opencode writes there", async () => {
    const permission: RowLocator = { table: "session", key: { id: "ses_a" }, column: "permission" };
    const diffs: RowLocator = { ...permission, column: "summary_diffs" };
    const sandboxes: RowLocator = { table: "project", key: { id: "prj_one" }, column: "sandboxes" };
    for (const locator of [permission, diffs, sandboxes]) store.overwrite(locator, DAMAGED);
    const before = store.image();
    const operations = [operation("session", permission), operation("session", diffs), operation("project", sandboxes)];
    const { items } = await writer.prepare(operations, run);
    await writer.setAside(items, run.path);
    expect([permission, diffs, sandboxes].map((each) => store.bytesAt(each)?.toString() ?? null)).toEqual([
      null,
      null,
      "[]",
    ]);
    const ofDiffs = items.filter(({ locator }) => "column" in locator && locator.column === "summary_diffs");
    await writer.putBack(ofDiffs, run.path);
    expect(store.bytesAt(diffs)).toEqual(DAMAGED);
    sql("update session set title = 'changed meanwhile' where id = 'ses_a'");
    await writer.putBack(items, run.path);
    sql("update session set title = 'A session' where id = 'ses_a'");
    expect(store.image()).toEqual(before);
  });

  test("is not restored over a newer one", async () => {
    const permission: RowLocator = { table: "session", key: { id: "ses_a" }, column: "permission" };
    store.overwrite(permission, DAMAGED);
    const { items } = await writer.prepare([operation("session", permission)], run);
    await writer.setAside(items, run.path);
    store.overwrite(permission, Buffer.from("[]"));
    const [outcome] = await writer.putBack(items, run.path);
    expect(outcome?.state).toBe("skipped");
    expect(store.bytesAt(permission)?.toString()).toBe("[]");
  });
});

test("numbers, BLOBs, NULs and bytes that are not UTF-8 come back exactly", async () => {
  sql(`update part set time_created = 9223372036854775807, time_updated = -9223372036854775808 where id = 'prt_a1_1';
    update part set time_created = 0.1, time_updated = 1e300, session_id = cast(x'ff00fe' as text) where id = 'prt_a1_2';
    update part set time_created = 'a text', time_updated = x'00ff', data = cast(x'7b00ff' as text) where id = 'prt_a2_1';
    update part set data = x'7b7d', time_created = 1e999, time_updated = 123456789012345.678 where id = 'prt_a2_2';
    update part set data = x'', session_id = '' where id = 'prt_b1_1'`);
  const before = store.image();
  const ids = ["prt_a1_1", "prt_a1_2", "prt_a2_1", "prt_a2_2", "prt_b1_1"];
  const { items } = await writer.prepare(
    ids.map((id) => operation("part", part(id))),
    run,
  );
  expect(items).toHaveLength(5);
  expect((await writer.setAside(items, run.path)).map(({ state }) => state)).toEqual(ids.map(() => "done"));
  expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(ids.map(() => "restored"));
  expect(store.image()).toEqual(before);
});

test("a rowid that another row has taken is left to it", async () => {
  sql("update part set rowid = 1000 where id = 'prt_a1_1'");
  store.overwrite(part("prt_a1_1"), DAMAGED);
  const { items } = await writer.prepare([operation("part", part("prt_a1_1"))], run);
  await writer.setAside(items, run.path);
  sql(
    "insert into part (rowid, id, message_id, session_id, time_created, time_updated, data) values (1000, 'prt_new', 'msg_a1', 'ses_a', 1, 1, '{}')",
  );
  expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["restored"]);
  expect(store.bytesAt(part("prt_a1_1"))).toEqual(DAMAGED);
  expect(store.bytesAt(part("prt_new"))?.toString()).toBe("{}");
});

test("more records than one transaction takes", async () => {
  writer.close();
  store.remove();
  await begin({ projects: ["prj_one"], sessions: [sessionContent("a", "prj_one", 60, 3)] });
  sql("update message set data = '{'");
  const before = store.image();
  const ids = store.content.sessions[0]?.messages.map(({ id }) => id) ?? [];
  const { items } = await writer.prepare(
    ids.map((id) => operation("message", message(id))),
    run,
  );
  expect(items).toHaveLength(240);
  const outcomes = await writer.setAside(items, run.path);
  expect(outcomes.every(({ state }) => state === "done")).toBe(true);
  await writer.putBack(items, run.path);
  expect(store.image()).toEqual(before);
});

test("a database that somebody else is writing to is refused, nothing changed", async () => {
  store.overwrite(part("prt_a1_1"), DAMAGED);
  const { items } = await writer.prepare([operation("part", part("prt_a1_1"))], run);
  const other = store.connect();
  other.exec("begin immediate");
  const refused = await writer.setAside(items, run.path).catch((error: unknown) => error);
  other.exec("rollback");
  other.close();
  expect(refused).toBeInstanceOf(StoreRefusedError);
  expect((refused as StoreRefusedError).kind).toBe("busy");
  expect(store.bytesAt(part("prt_a1_1"))).toEqual(DAMAGED);
});

test("columns that this tool does not write are never written", async () => {
  const foreign: RowLocator[] = [
    { table: "session", key: { id: "ses_a" }, column: "title" },
    { table: "credential", key: { id: "x" }, column: "value" },
    { table: 'part"; drop table part; --', key: { id: "x" } },
    { table: "session", key: { id: "ses_a" } },
  ];
  const before = store.image();
  const operations = foreign.map((locator) => ({ ...operation("part", part("prt_a1_1")), locator }));
  const { items, skipped } = await writer.prepare(operations, run);
  expect([items.length, skipped.length]).toEqual([0, 4]);
  expect(store.image()).toEqual(before);
});

test("a run whose files are gone is not written over anything", async () => {
  store.overwrite(part("prt_a1_1"), DAMAGED);
  const { items } = await writer.prepare([operation("part", part("prt_a1_1"))], run);
  await writer.setAside(items, run.path);
  rmSync(run.path, { recursive: true });
  const before = store.image();
  expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["skipped"]);
  expect(store.image()).toEqual(before);
});
