import { afterEach, beforeEach, expect, test } from "bun:test";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { problemOf } from "../../plugin/stores/open.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { openReadView } from "../../plugin/stores/sqlite/read-view.ts";
import { sampleContent } from "./content.ts";
import { holdDatabase } from "./database-holder.ts";
import { createSqliteStore, type SqliteStoreUnderTest } from "./sqlite-fixture.ts";

let store: SqliteStoreUnderTest;

beforeEach(async () => {
  store = await createSqliteStore("1.18.33", sampleContent());
});

afterEach(() => store.remove());

/** Runs a check in which `stat` fails with this error for one side file. */
async function checkFailingWith(error: Error) {
  const files = new Proxy(nodeFileSystem, {
    get(target, name, receiver) {
      if (name !== "stat") return Reflect.get(target, name, receiver);
      return async (path: string) => {
        if (path.endsWith("-journal")) throw error;
        return target.stat(path);
      };
    },
  });
  const found = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!found.ok) throw new Error(found.message);
  return check({ files, located: found.located, sessionIDs: [], concurrency: 4 });
}

test("a defect of this tool is never told as a database that cannot be opened", async () => {
  const defect = new TypeError("undefined is not an object");
  expect(await checkFailingWith(defect).catch((error: unknown) => error)).toBe(defect);
  const missing = Object.assign(new Error("Cannot find module"), { code: "ERR_MODULE_NOT_FOUND" });
  expect(await checkFailingWith(missing).catch((error: unknown) => error)).toBe(missing);
});

test("what the system or SQLite reports is told with its code", async () => {
  const outcome = await checkFailingWith(Object.assign(new Error("input/output error"), { code: "EIO" }));
  expect(outcome.ok && outcome.result.findings.map(({ code, evidence }) => [code, evidence])).toEqual([
    ["database-unavailable", "EIO"],
  ]);
  const reported = (code: string) => problemOf(Object.assign(new Error("x"), { code })).evidence;
  expect(["SQLITE_NOMEM", "SQLITE_ERROR", "ERR_SQLITE_ERROR", "SQLITE_PROTOCOL"].map(reported)).toEqual([
    "SQLITE_NOMEM",
    "SQLITE_ERROR",
    "ERR_SQLITE_ERROR",
    "SQLITE_PROTOCOL",
  ]);
  // Node gives the error code only as a number.
  const inNode = (errcode: number) =>
    problemOf(Object.assign(new Error("x"), { code: "ERR_SQLITE_ERROR", errcode })).evidence;
  expect([5, 8, 13, 14, 266].map(inNode)).toEqual([
    "SQLITE_BUSY",
    "SQLITE_READONLY",
    "SQLITE_FULL",
    "SQLITE_CANTOPEN",
    "SQLITE_IOERR",
  ]);
});

test("reading beside a live opencode waits for a lock as long as writing does", async () => {
  const live = await holdDatabase(store.database, "delete from todo");
  try {
    const driver = await loadDriver();
    if (driver === null) throw new Error("This runtime has no SQLite.");
    const view = await openReadView(nodeFileSystem, driver, store.database);
    expect(view.source?.mode).toBe("shared");
    expect(view.connection.all("pragma busy_timeout")).toEqual([{ timeout: 2000 }]);
    view.connection.close();
    view.release();
  } finally {
    await live.stop();
  }
});
