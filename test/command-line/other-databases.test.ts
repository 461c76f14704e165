import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realStore } from "../host/stored-fixture.ts";
import { createGoDatabase, createTwoX, SESSION_OF_2X, upgradeToTwoX } from "../stores/two-x-database.ts";
import { type CliResult, runCli } from "./cli-process.ts";

const HEALTHY = "opencode can load everything here";

let folder: string;
/** Data directories: a fresh database of 2.x, one that 2.x upgraded, one of the Go program, and a whole one of 1.18.33. */
let made: Readonly<Record<"fresh" | "upgraded" | "go" | "real", string>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "other-databases-"));
  const empty = () => mkdtemp(join(folder, "made-"));
  made = { fresh: await empty(), upgraded: await empty(), go: await empty(), real: await empty() };
  createTwoX(join(made.fresh, "opencode.db"));
  createGoDatabase(join(made.go, "opencode.db"));
  const store = await realStore("1.18.33");
  const live = new Database(join(store.dataDir, "opencode.db"));
  live.exec("pragma wal_checkpoint(truncate)");
  live.close();
  for (const to of [made.upgraded, made.real]) {
    await cp(join(store.dataDir, "opencode.db"), join(to, "opencode.db"));
  }
  await store.home.remove();
  upgradeToTwoX(join(made.upgraded, "opencode.db"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function dataDir(which: keyof typeof made, statements = ""): Promise<string> {
  const to = await mkdtemp(join(folder, "data-"));
  await cp(made[which], to, { recursive: true });
  if (statements !== "") {
    using database = new Database(join(to, "opencode.db"));
    database.exec(`pragma foreign_keys = off; ${statements}; pragma wal_checkpoint(truncate)`);
  }
  return to;
}

/** Every row of the database, whatever its pages are. */
function rowsOf(path: string): Record<string, unknown[][]> {
  using database = new Database(join(path, "opencode.db"), { readonly: true });
  const tables = database.query("select name from sqlite_master where type = 'table'").values() as string[][];
  return Object.fromEntries(tables.map(([name = ""]) => [name, database.query(`select * from "${name}"`).values()]));
}

async function contentOf(path: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of await readdir(path, { recursive: true })) {
    content[name] = await readFile(join(path, name)).then(
      (bytes) => bytes.toString("base64"),
      () => "a folder",
    );
  }
  return content;
}

/** Runs a command that must change nothing. */
async function unchanged(args: readonly string[], path: string): Promise<CliResult> {
  const before = await contentOf(path);
  const result = await runCli([...args, "--data-dir", path]);
  expect(await contentOf(path)).toEqual(before);
  return result;
}

async function checked(path: string) {
  const result = await unchanged(["check", "--json"], path);
  const { stores, findings, advice, verdict } = JSON.parse(result.stdout);
  const codes = findings.map(({ code }: { code: string }) => code);
  return { status: result.code, stores, findings, codes, advice: Object.values(advice).join("\n"), verdict };
}

describe("check says what it read, and what it did not", () => {
  test("a healthy fresh database of 2.x: nothing is missing, and nothing was read", async () => {
    const path = await dataDir("fresh");
    const found = await checked(path);
    expect(found).toMatchObject({ status: 1, codes: ["opencode-2"], verdict: "unread" });
    expect(found.stores).toEqual([expect.objectContaining({ state: "unread", origin: "2.x" })]);
    expect(found.advice).not.toContain("backup");
    const { stdout } = await unchanged(["check"], path);
    expect(stdout).not.toContain(HEALTHY);
    expect(stdout).toContain("does not read the records of 2.x yet");
  });

  test("an upgraded one: the records of 1.x are checked, those of 2.x are named as unread", async () => {
    const found = await checked(await dataDir("upgraded"));
    expect(found).toMatchObject({ status: 1, codes: ["opencode-2"], verdict: "unread" });
    expect(found.findings[0].evidence).toContain("not read: session_v2, session_message");
    expect(found.stores).toEqual([expect.objectContaining({ state: "ok", origin: "1.x and 2.x" })]);
  });

  test.each(["fresh", "upgraded"] as const)("damage in session_message is never called healthy (%s)", async (which) => {
    const path = await dataDir(which, "update session_message set data = ''");
    expect(await checked(path)).toMatchObject({ status: 1, verdict: "unread" });
    for (const args of [["check"], ["repair"], ["repair", "--yes"]]) {
      const { stdout, stderr } = await unchanged(args, path);
      expect(stdout + stderr).not.toContain(HEALTHY);
    }
  });

  test("messages of the preview of 2.x in the tables of 1.18 are not read either", async () => {
    const path = await dataDir(
      "real",
      `update session_message set data = data; delete from message where session_id = (select min(id) from session);
       insert into session_message select 'msg_preview', min(id), 'user', 0, 1, 1, '' from session`,
    );
    const found = await checked(path);
    expect(found.codes).toContain("opencode-2-messages");
    expect(found.verdict).not.toBe("healthy");
    expect(found.status).toBe(1);
  });

  test("records of 1.x in an upgraded database are repaired and completed there, and undone", async () => {
    const cut = "update part set data = substr(data, 1, 10) where rowid = 3";
    const old = "update message set data = json_remove(data, '$.agent') where rowid = 1";
    const path = await dataDir("upgraded", `${cut}; ${old}`);
    const before = rowsOf(path);
    expect(await checked(path)).toMatchObject({ status: 1, verdict: "damaged" });
    expect((await unchanged(["check"], path)).stdout).toContain("repair` would");
    const repaired = JSON.parse((await runCli(["repair", "--yes", "--json", "--data-dir", path])).stdout);
    expect(repaired.items.map(({ action }: { action: string }) => action)).not.toContain("skipped");
    expect(repaired.remaining.filter(({ severity }: { severity: string }) => severity === "blocking")).toEqual([]);
    await runCli(["restore", repaired.runID, "--yes", "--data-dir", path]);
    expect(rowsOf(path)).toEqual(before);
  });

  test("in one with a trigger, or tables that lose rows with a message, nothing of that is done", async () => {
    const cut = "update part set data = substr(data, 1, 10) where rowid = 3";
    for (const strange of [
      "create trigger watched after update on part begin select 1; end",
      "create table message_note (id text, message_id text references message(id) on delete cascade)",
      "alter table part add column hash text not null default '' check (length(hash) < 9); alter table message rename column time_updated to time_changed",
    ]) {
      const path = await dataDir("upgraded", `${cut}; ${strange}`);
      const repaired = await unchanged(["repair", "--yes"], path);
      expect([strange, repaired.code]).toEqual([strange, 3]);
      expect(repaired.stderr).toContain("Nothing is written to it.");
    }
  });

  test("of a newer 1.x whose tables are known, what nothing reads is repaired; shapes stay as they are", async () => {
    const newer = "insert into migration values ('20270101000000_from_the_future', 1)";
    const more = "alter table part add column note text; create table session_tag (id text primary key, tag text)";
    const shape = "update message set data = json_remove(data, '$.agent') where rowid = 1";
    const path = await dataDir("real", `${newer}; ${more}; ${shape}; update part set data = '{' where rowid = 3`);
    const before = rowsOf(path);
    const repaired = JSON.parse((await runCli(["repair", "--yes", "--json", "--data-dir", path])).stdout);
    expect(repaired.items.map(({ kind, action }: Record<string, string>) => [kind, action])).toEqual([
      ["part", expect.stringMatching(/^(recovered|quarantined)$/)],
    ]);
    const forced = await runCli(["repair", "--only", "legacy-fields", "--yes", "--data-dir", path]);
    expect(forced.stdout).not.toContain("completed");
    await runCli(["restore", repaired.runID, "--yes", "--data-dir", path]);
    expect(rowsOf(path)).toEqual(before);
  });

  test("of a newer 1.x unknown shapes are notes; what cannot be parsed stays an error", async () => {
    const newer = "insert into migration values ('20270101000000_from_the_future', 1)";
    const shape = `update message set data = json_remove(data, '$.agent') where rowid = 1`;
    const noted = await checked(await dataDir("real", `${newer}; ${shape}`));
    expect(noted).toMatchObject({ status: 0, verdict: "healthy" });
    expect(noted.findings).toContainEqual(expect.objectContaining({ code: "legacy-fields", severity: "info" }));
    const cut = await checked(await dataDir("real", `${newer}; update part set data = '{' where rowid = 3`));
    expect(cut).toMatchObject({ status: 1, verdict: "damaged" });
  });

  test("a database of another program is named as one", async () => {
    const found = await checked(await dataDir("go"));
    expect(found).toMatchObject({ status: 1, codes: ["other-program"], verdict: "unusable" });
    expect(found.advice).not.toContain("backup");
  });
});

describe("salvage refuses before it writes anything", () => {
  const refused = async (path: string) => {
    for (const more of [[], ["--yes"], ["--swap", "--yes"]]) {
      const result = await unchanged(["salvage", ...more], path);
      expect([result.code, more]).toEqual([3, more]);
      expect(result.stderr.length).toBeGreaterThan(0);
    }
  };

  test.each(["fresh", "upgraded", "go"] as const)("a whole database: %s", async (which) => {
    await refused(await dataDir(which));
  });

  test("one of a newer opencode, one of no program, and a file that is no database", async () => {
    await refused(await dataDir("real", "insert into migration values ('20270101000000_from_the_future', 1)"));
    const blank = await dataDir(
      "go",
      "drop table sessions; drop table messages; drop table files; drop table goose_db_version",
    );
    await refused(blank);
    const text = await mkdtemp(join(folder, "data-"));
    await writeFile(join(text, "opencode.db"), "This is not a database, whatever its name says.".repeat(200));
    await refused(text);
  });

  test.each([
    ["fresh", "session_message"],
    ["fresh", "session_v2"],
    ["upgraded", "session_message"],
    ["upgraded", "session_v2"],
    ["upgraded", "migration"],
  ] as const)("a damaged one of 2.x (%s, the root page of %s), and check does not advise it", async (which, table) => {
    const path = await dataDir(which);
    const database = join(path, "opencode.db");
    const bytes = await readFile(database);
    const reading = new Database(database, { readonly: true });
    const [[root = 0] = []] = reading
      .query("select rootpage from sqlite_master where name = ?")
      .values(table) as number[][];
    reading.close();
    for (const side of ["-wal", "-shm"]) await rm(database + side, { force: true });
    await writeFile(database, bytes.fill(0, (root - 1) * 4096, root * 4096));
    const found = await checked(path);
    expect(found.codes).toContain("malformed-not-salvageable");
    expect(found.advice).not.toContain("salvage --swap");
    await refused(path);
  });

  test("one of 2.x without its header", async () => {
    const path = await dataDir("fresh");
    const database = join(path, "opencode.db");
    for (const side of ["-wal", "-shm"]) await rm(database + side, { force: true });
    await writeFile(database, (await readFile(database)).fill(7, 0, 100));
    expect((await checked(path)).advice).not.toContain("salvage --swap");
    await refused(path);
  });
});

test("a sound database of 1.18 is not exchanged", async () => {
  const result = await unchanged(["salvage", "--swap", "--yes"], await dataDir("real"));
  expect([result.code, result.stderr]).toEqual([0, expect.stringContaining("nothing to salvage")]);
});

test("every other command says in one line whose database it is", async () => {
  const path = await dataDir("fresh");
  const commands = [["runs"], ["purge", "--older-than", "1d"], ["rescue"], ["report"], ["show", SESSION_OF_2X]];
  for (const args of commands) {
    const { stderr } = await unchanged(args, path);
    expect([args, stderr]).toEqual([
      args,
      expect.stringContaining("The database is of opencode 2.x (table session_v2)."),
    ]);
  }
  expect((await unchanged(["show", SESSION_OF_2X], path)).code).toBe(3);
});

test("a session of 1.x that 2.x has imported is shown, and not said to be all of it", async () => {
  const path = await dataDir("upgraded");
  using database = new Database(join(path, "opencode.db"), { readonly: true });
  const [[session = ""] = []] = database.query("select min(id) from session").values() as string[][];
  database.close();
  const shown = await unchanged(["show", session, "--json"], path);
  expect(shown.code).toBe(1);
  expect(JSON.parse(shown.stdout)).toMatchObject({ unread: expect.stringContaining("opencode 2.x"), holes: [] });
  expect((await unchanged(["show", session], await dataDir("real"))).code).toBe(0);
});

test("rescue offers nothing that it refuses", async () => {
  const path = await dataDir("real", "insert into migration values ('20270101000000_from_the_future', 1)");
  using other = new Database(join(path, "opencode-dev.db"), { create: true });
  other.close();
  await cp(join(made.real, "opencode.db"), join(path, "opencode-dev.db"));
  using database = new Database(join(path, "opencode.db"));
  database.exec("pragma foreign_keys = off; delete from session where id = (select min(id) from session)");
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
  const listed = await unchanged(["rescue"], path);
  expect(listed.stdout).toContain("Nothing is written to it.");
  const brought = await unchanged(["rescue", "--import", "--yes"], path);
  expect([brought.code, brought.stdout]).toEqual([3, expect.not.stringContaining("Add --yes")]);
});
