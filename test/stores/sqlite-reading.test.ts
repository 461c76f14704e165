import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { noCounts } from "../../plugin/stores/store.ts";
import { sampleContent } from "./content.ts";
import { holdDatabase } from "./database-holder.ts";
import { folderImage } from "./json-fixture.ts";
import { createSqliteStore, type SqliteStoreUnderTest } from "./sqlite-fixture.ts";
import { located } from "./store-under-test.ts";

let store: SqliteStoreUnderTest;

beforeEach(async () => {
  store = await createSqliteStore("1.18.33", sampleContent());
});

afterEach(() => store.remove());

/** Opens and reads the whole store. Proves that no file content and no file name changes. */
async function readParts(): Promise<number | string> {
  const before = folderImage(dirname(store.dataDir));
  const [opened] = await openStores(nodeFileSystem, await located(nodeFileSystem, store.dataDir), "outside");
  const counts = noCounts();
  let problem = "absent";
  if (opened?.state === "ok") {
    await opened.store.scan({ what: "everything" }, () => undefined, { concurrency: 1, counts });
    expect(await opened.unchanged()).toBe(true);
    opened.store.close();
  } else problem = opened?.problem.code ?? problem;
  expect(folderImage(dirname(store.dataDir))).toEqual(before);
  return opened?.state === "ok" ? counts.parts : problem;
}

const ADD_PART = "insert into part values ('prt_new', 'msg_a1', 'ses_a', 1, 1, '{}')";

/** Leaves a database whose newest row is only in its WAL, as a killed opencode does. */
function leaveInWal(...suffixes: string[]): void {
  const connection = store.connect();
  connection.exec("pragma wal_autocheckpoint = 0");
  connection.exec(ADD_PART);
  for (const suffix of ["", "-wal", "-shm"]) copyFileSync(store.database + suffix, `${store.database}${suffix}.kept`);
  connection.close();
  for (const suffix of ["", "-wal", "-shm"]) {
    if (suffixes.includes(suffix)) copyFileSync(`${store.database}${suffix}.kept`, store.database + suffix);
    else rmSync(store.database + suffix, { force: true });
    rmSync(`${store.database}${suffix}.kept`);
  }
}

describe("reading changes no byte and leaves no file", () => {
  test("a WAL-mode database without side files", async () => {
    expect(await readParts()).toBe(5);
  });

  test("beside a live writer, whose newest row is in the WAL", async () => {
    const live = await holdDatabase(store.database, ADD_PART, "begin immediate", "delete from part");
    expect(await readParts()).toBe(6);
    await live.stop();
  });

  test("beside a process that shares it with nobody, from a private copy", async () => {
    const other = await holdDatabase(store.database, "pragma locking_mode = exclusive", ADD_PART);
    expect(await readParts()).toBe(6);
    await other.stop();
  });

  test("a WAL that a killed process left, with its shared memory", async () => {
    leaveInWal("", "-wal", "-shm");
    expect(await readParts()).toBe(6);
  });

  test("a WAL whose shared memory is gone", async () => {
    leaveInWal("", "-wal");
    expect(await readParts()).toBe(6);
  });

  test("a WAL of nothing but its header, one that is empty, one of garbage", async () => {
    leaveInWal("", "-wal", "-shm");
    truncateSync(`${store.database}-wal`, 32);
    expect(await readParts()).toBe(5);
    truncateSync(`${store.database}-wal`, 0);
    expect(await readParts()).toBe(5);
    writeFileSync(`${store.database}-wal`, Buffer.alloc(4096, 7));
    expect(await readParts()).toBe(5);
  });

  test("a database in rollback mode", async () => {
    const connection = store.connect();
    connection.all("pragma journal_mode = delete");
    connection.close();
    expect(await readParts()).toBe(5);
  });
});

describe("a database that cannot be used is named, not touched", () => {
  test("zero bytes", async () => {
    truncateSync(store.database, 0);
    expect(await readParts()).toBe("database-empty");
  });

  test("another kind of file", async () => {
    writeFileSync(store.database, "This is not a database, whatever its name says.".repeat(100));
    expect(await readParts()).toBe("not-a-database");
  });

  test("cut short", async () => {
    truncateSync(store.database, Math.floor(statSync(store.database).size / 2 / 4096) * 4096 + 100);
    const read = await readParts().catch((error: unknown) => error);
    if (read instanceof Error) expect(String((read as Error & { code?: string }).code)).toContain("SQLITE_CORRUPT");
    else expect(read).toBe("database-malformed");
  });

  test("without opencode's tables", async () => {
    const connection = store.connect();
    connection.exec("drop table part");
    connection.close();
    expect(await readParts()).toBe("tables-missing");
  });

  test("written by a newer opencode: read; its tables are known, so only what nobody reads may be changed", async () => {
    const connection = store.connect();
    connection.exec("insert into migration values ('20270101000000_from_the_future', 1)");
    connection.close();
    const [opened] = await openStores(nodeFileSystem, await located(nodeFileSystem, store.dataDir), "outside");
    expect(opened?.state === "ok" && opened.origin).toEqual({
      ...{ kind: "newer", sign: "migration 20270101000000", writable: "unreadable" },
    });
    if (opened?.state === "ok") opened.store.close();
  });
});

test("of a long session list the newest rows are looked at first", async () => {
  const connection = store.connect();
  connection.exec("create temp table another as select * from session where id = 'ses_a'");
  for (let at = 0; at < 300; at += 1) {
    connection.run("update another set id = ?", `ses_later${at}`);
    connection.exec("insert into session select * from another");
  }
  const [row] = connection.all("select project_id as project from another");
  connection.close();
  const [opened] = await openStores(nodeFileSystem, await located(nodeFileSystem, store.dataDir), "outside");
  if (opened?.state !== "ok") throw new Error("The store cannot be opened.");
  const seen = new Set<string | null>();
  const counts = noCounts();
  const list = { what: "list", projectID: String(row?.project) } as const;
  opened.store.scanNow(
    list,
    ({ recordID }) => seen.add(recordID),
    counts,
    () => counts.sessions > 0,
  );
  opened.store.close();
  // opencode's list has 100 sessions, so the 100 newest sessions must be seen.
  for (let at = 200; at < 300; at += 1) expect(seen).toContain(`ses_later${at}`);
  expect(seen).not.toContain("ses_later0");
});
