import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { readFileSync, renameSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { startHost } from "../host/running-host.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

function sql(store: RealStore, ...statements: readonly string[]): void {
  using database = openDatabase(store);
  for (const statement of statements) database.run(statement);
}

/** Every row of every table, without the column `without`. */
function rowsOf(store: RealStore, without: string): Record<string, unknown[]> {
  using database = openDatabase(store);
  const tables = database.query<{ name: string }, []>("select name from sqlite_schema where type = 'table'").all();
  const rows = tables.map(({ name }) => {
    const all = database.query<Record<string, unknown>, []>(`select * from "${name}"`).all();
    for (const row of all) delete row[without];
    return [name, all.map((row) => JSON.stringify(Object.entries(row).sort())).sort()] as const;
  });
  return Object.fromEntries(rows);
}

async function run(store: RealStore, ...args: string[]) {
  const { code, stdout, stderr } = await askCli([...args, "--json", "--data-dir", store.dataDir]);
  return { code, stderr, ...JSON.parse(stdout) };
}

test("a database of 1.14.41 that lost a column: salvage carries the rest whole, and is undone byte for byte", async () => {
  const store = await realStore("1.14.41");
  const whole = rowsOf(store, "permission");
  sql(store, "alter table session drop column permission", "pragma wal_checkpoint(truncate)");
  const before = readFileSync(join(store.dataDir, "opencode.db"));
  const found = await run(store, "check");
  expect(found.verdict).toBe("damaged");
  expect(found.findings).toContainEqual(
    expect.objectContaining({
      code: "columns-missing",
      remedy: "report",
      advice: expect.stringContaining("salvage --swap"),
    }),
  );

  const done = await run(store, "salvage", "--swap", "--yes");
  const emptyColumns = ["session.permission"];
  // The values of the column are lost, so the result must not be called complete.
  expect(done).toMatchObject({ code: 1, swapped: true, isSound: true, emptyColumns, verdict: "damaged" });
  expect(rowsOf(store, "permission")).toEqual(whole);
  expect(await run(store, "check")).toMatchObject({ code: 0, verdict: "healthy", findings: [] });

  expect((await run(store, "restore", done.runID, "--yes")).items).toMatchObject([{ action: "restored" }]);
  expect(readFileSync(join(store.dataDir, "opencode.db"))).toEqual(before);
});

test("a database of 1.15.4 that lost a table: salvage makes it again, calls nothing whole, and is undone", async () => {
  const store = await realStore("1.15.4");
  sql(store, "drop table todo", "drop table event_sequence", "pragma wal_checkpoint(truncate)");
  const before = readFileSync(join(store.dataDir, "opencode.db"));
  const advice = expect.stringContaining("salvage --swap");
  const missing = (evidence: string, severity: string) =>
    expect.objectContaining({ code: "columns-missing", severity, evidence, advice });
  expect((await run(store, "check")).findings).toEqual([
    missing("without todo", "blocking"),
    missing("sessions load without event_sequence, but new sessions or prompts fail", "warning"),
  ]);

  const done = await run(store, "salvage", "--swap", "--yes");
  expect(done).toMatchObject({ code: 1, swapped: true, isSound: true, verdict: "damaged" });
  expect([...done.emptyColumns].sort()).toEqual(["event_sequence", "todo"]);
  expect(await run(store, "check")).toMatchObject({ code: 0, verdict: "healthy", findings: [] });

  expect((await run(store, "restore", done.runID, "--yes")).items).toMatchObject([{ action: "restored" }]);
  expect(readFileSync(join(store.dataDir, "opencode.db"))).toEqual(before);
});

/** The values of the given columns, ordered by id. */
function valuesOf(path: string, table: string, columns: string): unknown[][] {
  using database = new Database(path);
  return database.query(`select ${columns} from ${table} order by id`).values();
}

function indexesWith(store: RealStore, table: string, column: string): string[] {
  using database = openDatabase(store);
  const found = database.query<{ name: string }, [string, string]>(
    "select name from sqlite_schema where type = 'index' and tbl_name = ? and sql like ?",
  );
  return found.all(table, `%${column}%`).map(({ name }) => name);
}

/** Columns in which every row must have a value. */
const NEEDED_COLUMNS: readonly (readonly string[])[] = [
  ["message.time_updated"],
  ["part.time_created"],
  ["part.time_created", "part.time_updated", "message.time_created"],
  ["session.title", "session.slug", "session.version"],
  ["session.directory"],
  ["session.time_created", "session.time_updated", "project.time_updated"],
];

test.each(NEEDED_COLUMNS.map((lost) => [lost.join(), lost] as const))(
  "%s lost on 1.14.41: every other value of every row is saved, and the loss is told",
  async (_, lost) => {
    const store = await realStore("1.14.41");
    const source = join(store.dataDir, "opencode.db");
    const kept = Object.entries({
      project: "id, worktree",
      // The answers and the project also contain the folder, so it is not lost.
      session: "id, directory, project_id, share_url",
      message: "id, session_id, data, time_created",
      part: "id, message_id, session_id, data",
    });
    const before = kept.map(([table, columns]) => valuesOf(source, table, columns));
    for (const each of lost) {
      const [table = "", column = ""] = each.split(".");
      for (const index of indexesWith(store, table, column)) sql(store, `drop index "${index}"`);
      sql(store, `alter table ${table} drop column ${column}`);
    }
    sql(store, "pragma wal_checkpoint(truncate)");
    const driver = await loadDriver();
    if (driver === null) throw new Error("This runtime has no SQLite.");
    const target = join(store.home.root, "salvaged.db");
    const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
    expect(report).toMatchObject({ isSound: true, unplacedRecords: 0, failedIndexes: [], foreignKeyViolations: 0 });
    expect([...report.emptyColumns].sort()).toEqual([...lost].sort());
    // A message states the time of its creation itself, so that time is right even if the column is lost.
    expect(kept.map(([table, columns]) => valuesOf(target, table, columns))).toEqual(before);
    for (const each of lost) {
      const [table = "", column = ""] = each.split(".");
      for (const [value] of valuesOf(target, table, column)) expect(value).toBeTruthy();
    }
    renameSync(target, source);
    expect(await run(store, "check")).toMatchObject({ code: 0, verdict: "healthy", findings: [] });
  },
);

test("check names the command that saves all parts of a database of 1.14.41 without part.time_created; undo is exact", async () => {
  const store = await realStore("1.14.41");
  const parts = rowsOf(store, "time_created").part;
  sql(store, "alter table part drop column time_created", "pragma wal_checkpoint(truncate)");
  const before = readFileSync(join(store.dataDir, "opencode.db"));
  const { findings } = await run(store, "check");
  expect(findings).toMatchObject([{ code: "columns-missing", advice: expect.stringContaining("salvage --swap") }]);
  const done = await run(store, "salvage", "--swap", "--yes");
  expect(done).toMatchObject({ code: 1, swapped: true, isSound: true, emptyColumns: ["part.time_created"] });
  expect(rowsOf(store, "time_created").part).toEqual(parts);
  expect(await run(store, "check")).toMatchObject({ code: 0, verdict: "healthy", findings: [] });
  expect((await run(store, "restore", done.runID, "--yes")).items).toMatchObject([{ action: "restored" }]);
  expect(readFileSync(join(store.dataDir, "opencode.db"))).toEqual(before);
});

test.each(["1.2.15", "1.15.4", "1.18.33"] as const)(
  "sessions of %s without their folders are listed again in their folder, and the undo is exact",
  async (version) => {
    const store = await realStore(version);
    // Without an answer in the session, only its project tells the folder.
    const { id } = store.sessions.conversation;
    sql(store, `delete from part where session_id = '${id}'`, `delete from message where session_id = '${id}'`);
    const folders = valuesOf(join(store.dataDir, "opencode.db"), "session", "id, directory");
    for (const index of indexesWith(store, "session", "directory")) sql(store, `drop index "${index}"`);
    sql(store, "alter table session drop column directory", "pragma wal_checkpoint(truncate)");
    const before = readFileSync(join(store.dataDir, "opencode.db"));
    expect(await hostLists(store)).toEqual([500, []]);
    expect((await run(store, "check")).findings).toContainEqual(
      expect.objectContaining({
        code: "columns-missing",
        severity: "blocking",
        evidence: "without session.directory",
        advice: expect.stringContaining("salvage --swap"),
      }),
    );
    const done = await run(store, "salvage", "--swap", "--yes");
    expect(done).toMatchObject({ code: 1, swapped: true, isSound: true, emptyColumns: ["session.directory"] });
    expect(done.sessions.filter(({ hasFolder }: { hasFolder: boolean }) => !hasFolder)).toEqual([]);
    expect(valuesOf(join(store.dataDir, "opencode.db"), "session", "id, directory")).toEqual(folders);
    const [status, listed] = await hostLists(store);
    expect([status, listed.length]).toEqual([200, folders.length]);
    expect((await run(store, "restore", done.runID, "--yes")).stderr).toBe("");
    expect(readFileSync(join(store.dataDir, "opencode.db"))).toEqual(before);
  },
);

test("a session outside of projects that lost its folder is told of, and rescue finds it a folder", async () => {
  const store = await realStore("1.18.33");
  const [id] = withoutMessages(store);
  const folder = await mkdtemp(join(store.home.root, "folder-"));
  sql(
    store,
    "insert or ignore into project (id, worktree, time_created, time_updated, sandboxes) values ('global', '/', 1, 1, '[]')",
    `update session set project_id = 'global' where id = '${id}'`,
    "alter table session drop column directory",
    "pragma wal_checkpoint(truncate)",
  );
  const { sessions } = await run(store, "salvage", "--swap", "--yes");
  const unknown = sessions.filter(({ hasFolder }: { hasFolder: boolean }) => !hasFolder);
  expect(unknown).toMatchObject([{ sessionID: id }]);
  const moved = await askCli([
    "rescue",
    "--relink",
    "--from",
    "/",
    "--to",
    folder,
    "--yes",
    "--data-dir",
    store.dataDir,
  ]);
  expect(moved.stdout).toContain("Changed 1 record.");
  expect(valuesOf(join(store.dataDir, "opencode.db"), "session", "id, directory")).toContainEqual([id, folder]);
});

function withoutMessages(store: RealStore): string[] {
  using database = openDatabase(store);
  const found = database.query("select id from session where id not in (select session_id from message) order by id");
  return (found.values() as [string][]).map(([id]) => id);
}

/** The status and the sessions with which opencode answers the request for its session list. */
async function hostLists(store: RealStore): Promise<[number, unknown[]]> {
  const host = await startHost({ home: store.home });
  try {
    const { status, body } = await host.get("/session");
    return [status, Array.isArray(body) ? body : []];
  } finally {
    await host.stop();
  }
}

/**
 * Columns of 1.14.41 that the tool itself reads, and the severity that follows from how 1.14.41 reacts without them
 * (measured).
 */
test.each([
  ["message", "time_created", "blocking"],
  ["session", "time_updated", "blocking"],
  ["session", "time_created", "warning"],
  ["session", "version", "warning"],
] as const)(
  "check finds that %s.%s is lost, although it reads the column itself (%s)",
  async (table, column, severity) => {
    const store = await realStore("1.14.41");
    for (const index of indexesWith(store, table, column)) sql(store, `drop index "${index}"`);
    sql(store, `alter table ${table} drop column ${column}`);
    const { findings, verdict } = await run(store, "check");
    expect(verdict).toBe(severity === "blocking" ? "damaged" : "healthy");
    const advice = expect.stringContaining("salvage --swap");
    const evidence = expect.stringContaining(`${table}.${column}`);
    expect(findings).toEqual([expect.objectContaining({ code: "columns-missing", severity, evidence, advice })]);
  },
);

test("a session that only the log of 1.18.33 still has gets the value of a lost column from the log", async () => {
  const store = await realStore("1.18.33");
  const { id } = store.sessions.conversation;
  const agent = (path: string) => {
    using database = new Database(path);
    return database.query("select agent from session where id = ?").get(id);
  };
  const source = join(store.dataDir, "opencode.db");
  const whole = agent(source);
  sql(store, "alter table session drop column agent", `delete from session where id = '${id}'`, "vacuum");
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = join(store.home.root, "salvaged.db");
  const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
  expect(report).toMatchObject({ emptyColumns: ["session.agent"], fromEvents: { sessions: 1 } });
  expect(agent(target)).toEqual(whole);
  expect(whole).toEqual({ agent: expect.any(String) });
});
