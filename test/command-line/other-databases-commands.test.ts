import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { everyRow } from "../stores/every-row.ts";
import { SESSION_OF_2X } from "../stores/two-x-database.ts";
import { askCli } from "./cli-service.ts";
import { checked, dataDir, folder, made, makeDatabases, removeDatabases, unchanged } from "./other-databases.ts";

beforeAll(makeDatabases);

afterAll(removeDatabases);

test("show of another program's database is refused, as by the other commands", async () => {
  const shown = await unchanged(["show", "ses_any"], await dataDir("go"));
  expect([shown.code, shown.stderr]).toEqual([3, expect.stringContaining("does not belong to opencode")]);
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

  test("one of a newer opencode, one of no program, and a file that is not a database", async () => {
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
  expect([result.code, result.stdout]).toEqual([0, expect.stringContaining("nothing to salvage")]);
});

test("every other command says in one line whose database it is", async () => {
  const path = await dataDir("fresh");
  const commands = [["runs"], ["purge", "--older-than", "1d"], ["rescue"], ["report"], ["show", SESSION_OF_2X]];
  for (const args of commands) {
    const { stderr } = await unchanged(args, path);
    expect([args, stderr]).toEqual([
      args,
      expect.stringContaining("The database belongs to opencode 2.x (table session_v2)."),
    ]);
  }
});

describe("show and report know the sessions of 2.x", () => {
  test("a session that only 2.x has is shown, with its holes", async () => {
    const path = await dataDir("fresh", 'update session_message set data = \'{"text":"Question tw\' where seq = 2');
    const whole = await unchanged(["show", SESSION_OF_2X, "--json"], await dataDir("fresh"));
    expect(whole.code).toBe(0);
    expect(JSON.parse(whole.stdout)).toMatchObject({ copy: "2.x", session: { title: "A session of 2.x" }, holes: [] });
    const cut = await unchanged(["show", SESSION_OF_2X], path);
    expect(cut.code).toBe(1);
    expect(cut.stdout).toMatch(/Question 0[\s\S]*Answer 1[\s\S]*HOLE[\s\S]*Question tw[\s\S]*Answer 7/);
    expect((await unchanged(["show", "ses_nowhere"], path)).code).toBe(2);
  });

  test("report counts them", async () => {
    const { stdout } = await unchanged(["report", "--json"], await dataDir("upgraded"));
    expect(JSON.parse(stdout).report.stores[0]).toMatchObject({ sessions: 9, opencode2: { sessions: 9 } });
  });
});

test("sessions of 2.x are named by title and by the beginning of their id, and its databases are in order for doctor", async () => {
  const path = await dataDir("fresh");
  const { sessions } = JSON.parse((await unchanged(["sessions", "--json"], path)).stdout);
  expect(sessions).toMatchObject([{ sessionID: SESSION_OF_2X, title: "A session of 2.x", state: "healthy" }]);
  expect((await unchanged(["show", "session", "of"], path)).stdout).toContain("Question 0");
  const both = await dataDir("upgraded", "delete from session where rowid = 1");
  expect(JSON.parse((await unchanged(["sessions", "--json"], both)).stdout).sessions).toHaveLength(9);
  for (const each of [path, both]) {
    const { checks } = JSON.parse((await askCli(["doctor", "--json", "--data-dir", each])).stdout);
    expect(checks).toContainEqual({
      what: "store opencode.db",
      ok: true,
      says: expect.stringContaining("opencode 2.x"),
    });
  }
});

describe("repair takes out of the rows of 2.x what no parser reads, and nothing else", () => {
  test.each([
    "create trigger watched after delete on session_message begin delete from session_v2; end",
    "create table message_note (id text, message_id text references session_message(id) on delete cascade)",
  ])("but not where more than that would go with it: %s", async (strange) => {
    const path = await dataDir("fresh", `update session_message set data = '' where seq = 2; ${strange}`);
    const repaired = await unchanged(["repair", "--yes"], path);
    expect(repaired.code).toBe(1);
    expect(repaired.stdout).toContain("`repair` cannot fix this.");
  });

  const dumped = (path: string) => everyRow(join(path, "opencode.db"));
  const damage = `update session_message set data = cast(x'7b22ff' as text), time_updated = time_updated + 1 where rowid = 3;
    update session_v2 set metadata = '{', permission = '' where rowid = 1`;

  test.each(["fresh", "upgraded"] as const)("and undoes it to the byte (%s)", async (which) => {
    const path = await dataDir(which, damage);
    const before = dumped(path);
    const repaired = await askCli(["repair", "--yes", "--json", "--data-dir", path]);
    const { items, runID } = JSON.parse(repaired.stdout);
    expect(items.map(({ action, kind }: Record<string, unknown>) => [action, kind]).sort()).toEqual([
      ["quarantined", "message"],
      ["quarantined", "session"],
      ["quarantined", "session"],
    ]);
    expect(repaired.code).toBe(0);
    using database = new Database(join(path, "opencode.db"), { readonly: true });
    const [[metadata, permission] = []] = database
      .query("select metadata, permission from session_v2 where rowid = 1")
      .values();
    expect([metadata, permission]).toEqual([null, null]);
    expect(database.query("select 1 from session_message where rowid = 3").values()).toEqual([]);
    const others = ["session", "message", "part", "event", "event_sequence", "kv"];
    const now = new Map(dumped(path));
    for (const [table, rows] of before) {
      if (others.includes(table)) expect([table, now.get(table)]).toEqual([table, rows]);
    }
    const undone = await askCli(["restore", runID, "--yes", "--data-dir", path]);
    expect(undone.code).toBe(0);
    expect(dumped(path)).toEqual(before);
  });

  test("a document that is whole inside the value stays, and the rest of the value is kept", async () => {
    const path = await dataDir(
      "fresh",
      `update session_message set data = cast(data as blob) where seq = 1;
       update session_message set data = data || char(0, 0) where seq = 2;
       update session_message set data = char(65279) || data where seq = 3;
       update session_v2 set metadata = '{"a":1}' || char(0)`,
    );
    const before = dumped(path);
    const texts = () => {
      using database = new Database(join(path, "opencode.db"), { readonly: true });
      return database.query("select typeof(data), json_valid(data), data from session_message where seq < 4").values();
    };
    const repaired = JSON.parse((await askCli(["repair", "--yes", "--json", "--data-dir", path])).stdout);
    expect(repaired.items.map(({ action }: Record<string, unknown>) => action)).toEqual(Array(4).fill("normalised"));
    expect(repaired.verdict).toBe("healthy");
    expect(texts().map(([storage, isValid]) => [storage, isValid])).toEqual(Array(4).fill(["text", 1]));
    expect(String(texts()[2]?.[2])).toContain('"Question 2"');
    expect((await askCli(["restore", repaired.runID, "--yes", "--data-dir", path])).code).toBe(0);
    expect(dumped(path)).toEqual(before);
  });

  test("a message that 2.x has imported is made again of the copy that 1.x has, where neither has written it since", async () => {
    const path = await dataDir("upgraded");
    const imported = (times: string) => {
      using database = new Database(join(path, "opencode.db"));
      const [[id, session, text] = []] = database
        .query(
          `select message.id, message.session_id, json_extract(part.data, '$.text') from message
           join part on part.message_id = message.id where json_extract(message.data, '$.role') = 'user'
           and json_extract(part.data, '$.type') = 'text' order by message.id limit 1`,
        )
        .values() as string[][];
      database.query("delete from session_message where session_id = ?").run(session ?? "");
      database
        .query(
          `insert into session_message select id, session_id, 'user', 0, time_created, ${times}, '{"tex' from message
           where id = ?`,
        )
        .run(id ?? "");
      return { id, text };
    };
    const { id, text } = imported("time_updated");
    const before = dumped(path);
    const repaired = JSON.parse((await askCli(["repair", "--yes", "--json", "--data-dir", path])).stdout);
    expect(repaired.items).toEqual([expect.objectContaining({ action: "recovered", recordID: id })]);
    using database = new Database(join(path, "opencode.db"), { readonly: true });
    const [[data] = []] = database.query("select data from session_message where id = ?").values(id ?? "");
    expect(JSON.parse(String(data))).toMatchObject({
      text: expect.stringContaining(String(text)),
      time: { created: expect.any(Number) },
    });
    expect((await askCli(["restore", repaired.runID, "--yes", "--data-dir", path])).code).toBe(0);
    expect(dumped(path)).toEqual(before);
    imported("time_updated + 1");
    const { findings } = await checked(path);
    expect(findings).toContainEqual(expect.objectContaining({ recordID: id, code: "truncated", remedy: "quarantine" }));
  });

  test("a message does not return where another one has its number by now", async () => {
    const path = await dataDir("fresh", "update session_message set data = '' where seq = 3");
    const repaired = await askCli(["repair", "--yes", "--json", "--data-dir", path]);
    using database = new Database(join(path, "opencode.db"));
    database.exec("update session_message set seq = 3 where seq = 4");
    const undone = await askCli(["restore", JSON.parse(repaired.stdout).runID, "--yes", "--data-dir", path]);
    expect(undone.stdout).toContain("another message has the record's place in the session now");
    expect(undone.code).toBe(3);
  });

  test("what 2.x refuses by its shape stays, and the command says where it is", async () => {
    const path = await dataDir("fresh", "update session_message set data = json_remove(data, '$.text') where seq = 2");
    const { stdout, code } = await unchanged(["repair", "--yes"], path);
    expect(code).toBe(1);
    expect(stdout).toContain("text: missing");
    expect(stdout).toContain("The content can be read, so the row is not moved.");
  });
});

test("of a session that 1.x and 2.x both have, both copies are shown", async () => {
  const path = await dataDir("upgraded");
  using database = new Database(join(path, "opencode.db"), { readonly: true });
  const [[session = ""] = []] = database.query("select min(session_id) from session_message").values() as string[][];
  database.close();
  const shown = await unchanged(["show", session, "--json"], path);
  expect(shown.code).toBe(0);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    ...{ copy: "1.x", unread: null, holes: [] },
    opencode2: { copy: "2.x", messages: expect.arrayContaining([expect.anything()]) },
  });
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
