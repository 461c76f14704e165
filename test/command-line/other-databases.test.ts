import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realStore } from "../host/stored-fixture.ts";
import { everyRow } from "../stores/every-row.ts";
import { createGoDatabase, createTwoX, SESSION_OF_2X, upgradeToTwoX } from "../stores/two-x-database.ts";
import type { CliResult } from "./cli-process.ts";
import { askCli } from "./cli-service.ts";

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
  const result = await askCli([...args, "--data-dir", path]);
  expect(await contentOf(path)).toEqual(before);
  return result;
}

async function checked(path: string) {
  const result = await unchanged(["check", "--json"], path);
  const { stores, findings, advice, verdict } = JSON.parse(result.stdout);
  const codes = findings.map(({ code }: { code: string }) => code);
  return { status: result.code, stores, findings, codes, advice: Object.values(advice).join("\n"), verdict };
}

interface RowFinding {
  readonly code: string;
  readonly severity: string;
  readonly kind: string;
  readonly remedy: string;
  readonly stops: readonly string[];
  readonly locator: {
    readonly table: string;
    readonly key: Readonly<Record<string, string>>;
    readonly column?: string;
  };
}

test("sessions that only the old storage has are not called loaded", async () => {
  const at = await dataDir("real", "delete from part; delete from message; delete from session; delete from event");
  const old = await realStore("1.1.65");
  await cp(join(old.dataDir, "storage"), join(at, "storage"), { recursive: true });
  await old.home.remove();
  const { code, stdout } = await askCli(["check", "--data-dir", at]);
  expect(code).toBe(0);
  expect(stdout).toContain("1 warning: opencode does not show what is named here.");
  expect(stdout).toContain("opencode does not show the sessions that are only in");
  expect(stdout).not.toContain(HEALTHY);
});

describe("check says what it read, and what it did not", () => {
  test("a healthy fresh database of 2.x is healthy, and what was not read of it is named", async () => {
    const found = await checked(await dataDir("fresh"));
    expect(found).toMatchObject({ status: 0, codes: ["opencode-2"], verdict: "healthy" });
    expect(found.findings[0].evidence).toContain(
      "read, by the rules of 2.0.26: session_v2, session_message, project, kv, session_inbox, instruction_state, instruction_entry, instruction_blob; not read: session_pending, event, event_sequence, ",
    );
    expect(found.stores).toEqual([
      expect.objectContaining({ state: "ok", origin: "2.x", opencode2: { sessions: 1, messages: 8 } }),
    ]);
    expect(found.advice).not.toContain("backup");
  });

  test("of an upgraded one both halves are checked", async () => {
    const found = await checked(await dataDir("upgraded"));
    expect(found).toMatchObject({ status: 0, codes: ["opencode-2", "columns-missing"], verdict: "healthy" });
    // 2.x made the table of workspaces in its own shape: that is said, and no going back is advised.
    expect(found.findings[1]).toMatchObject({ severity: "info", remedy: "report" });
    expect(found.advice).not.toContain("Go back");
    expect(found.findings[0].evidence).toContain(
      "message, part, todo, event, session_v2, session_message, kv, session_inbox, ",
    );
    expect(found.stores).toEqual([
      expect.objectContaining({
        state: "ok",
        origin: "1.x and 2.x",
        opencode2: { sessions: 9, messages: expect.any(Number) },
      }),
    ]);
  });

  test.each(["fresh", "upgraded"] as const)(
    "an empty message of 2.x is an error that names its row (%s)",
    async (which) => {
      const path = await dataDir(which, "update session_message set data = '' where rowid = 2");
      const found = await checked(path);
      expect(found).toMatchObject({ status: 1, verdict: "damaged" });
      expect(found.findings).toContainEqual(
        expect.objectContaining({
          code: "empty",
          severity: "blocking",
          locator: expect.objectContaining({ table: "session_message" }),
          stops: ["messages", "prompts"],
          hosts: ["2.0.26"],
        }),
      );
      expect((await unchanged(["check"], path)).stdout).not.toContain(HEALTHY);
    },
  );

  test("projects, settings, waiting prompts and instructions of 2.x: what no parser reads is an error that says what it stops", async () => {
    const broken = `update project set sandboxes = '{'; insert into kv values ('migration.v1-v2', '', 1, 1);
      insert into kv values ('/home/somebody/secret', 'x', 1, 1), ('plugin.a', '5', 1, 1);
      insert into session_inbox values ('msg_w', '${SESSION_OF_2X}', 'user', '{"te', 'queue', 1, 1);
      insert into session_inbox values ('msg_lone', 'ses_gone', 'user', '{"te', 'queue', 1, 1);
      insert into instruction_state values ('${SESSION_OF_2X}', 0, 0, x'7b7d', '{}');
      insert into instruction_entry values ('${SESSION_OF_2X}', 'note', '{', 0, 1, 1);
      insert into instruction_blob values ('abc', '[')`;
    const path = await dataDir("fresh", broken);
    const found = await checked(path);
    expect(found).toMatchObject({ status: 1, verdict: "damaged" });
    const said = found.findings.slice(1).map(({ code, severity, kind, locator, stops, remedy }: RowFinding) => {
      const place = [locator.table, Object.values(locator.key), locator.column].join(" ");
      return [place, kind, code, severity, String(stops), remedy];
    });
    expect(said).toEqual([
      ["project global sandboxes", "project", "truncated", "blocking", "project list", "report"],
      ["kv migration.v1-v2 value", "setting", "empty", "blocking", "import", "report"],
      ["kv 2 value", "setting", "malformed", "blocking", "settings", "report"],
      ["session_inbox msg_w payload", "prompt", "truncated", "blocking", "prompts", "report"],
      ["session_inbox msg_lone payload", "prompt", "truncated", "warning", "", "report"],
      [
        `instruction_state ${SESSION_OF_2X} initial_values`,
        "instruction",
        "binary-value",
        "blocking",
        "prompts",
        "report",
      ],
      [`instruction_entry ${SESSION_OF_2X},note value`, "instruction", "truncated", "blocking", "prompts", "report"],
      ["instruction_blob abc value", "instruction", "truncated", "blocking", "prompts", "report"],
    ]);
    const words = (await unchanged(["check"], path)).stdout;
    expect(words).not.toContain(HEALTHY);
    expect(words + JSON.stringify(found)).not.toContain("somebody");
    // Nothing of these is moved, and a session that was asked for alone has its own rows.
    expect((await unchanged(["repair", "--yes"], path)).code).toBe(1);
    const one = JSON.parse((await unchanged(["check", "--json", "--session", SESSION_OF_2X], path)).stdout);
    expect(one.findings.map(({ kind }: { kind: string }) => kind)).toEqual([
      "database",
      "prompt",
      "instruction",
      "instruction",
    ]);
  });

  test("what 2.x only refuses by its shape in these tables is a warning, and a table of another shape is said not to be read", async () => {
    const shapes = await checked(await dataDir("fresh", `update project set worktree = 'work', sandboxes = '{}'`));
    expect(shapes).toMatchObject({ status: 0, verdict: "healthy" });
    expect(shapes.findings.slice(1)).toEqual([
      expect.objectContaining({ code: "opencode-2-refused", severity: "warning", stops: ["project list"] }),
      expect.objectContaining({ code: "opencode-2-refused", severity: "warning", hosts: ["2.0.26"] }),
    ]);
    const path = await dataDir("fresh", "alter table project rename column sandboxes to trees");
    expect((await checked(path)).findings[0].evidence).toMatch(/not read: .*, project$/);
    expect((await unchanged(["runs"], path)).stderr).toContain(
      "its projects, event log, accounts and workspaces are not",
    );
  });

  test("one session of 2.x that cannot be listed stops the whole list, and a message before the compaction no prompt", async () => {
    const compaction = { status: "completed", reason: "auto", summary: "s", recent: "r", time: { created: 1 } };
    const path = await dataDir(
      "fresh",
      `update session_v2 set model = '{"providerID":"a","modelID":"b"}';
       update session_message set type = 'compaction', data = '${JSON.stringify(compaction)}' where seq = 4;
       update session_message set data = json_remove(data, '$.text') where seq = 2`,
    );
    const { findings } = await checked(path);
    const said = findings.map(({ code, stops, evidence }: Record<string, unknown>) => [code, stops, evidence]);
    expect(said).toContainEqual([
      "opencode-2-refused",
      ["session list", "session"],
      expect.stringContaining("model.id: missing"),
    ]);
    expect(said).toContainEqual(["opencode-2-refused", ["messages"], expect.stringContaining("text: missing")]);
  });

  test("a newer 2.x: unknown shapes are notes; what no parser reads stays an error", async () => {
    const newer = "insert into migration values ('20270101000000_from_the_future', 1)";
    const shape = "update session_message set type = 'hologram' where seq = 2";
    const noted = await checked(await dataDir("fresh", `${newer}; ${shape}`));
    expect(noted).toMatchObject({ status: 0, verdict: "healthy" });
    expect(noted.findings).toContainEqual(expect.objectContaining({ code: "opencode-2-refused", severity: "info" }));
    const cut = await checked(await dataDir("fresh", `${newer}; update session_message set data = '{' where seq = 2`));
    expect(cut).toMatchObject({ status: 1, verdict: "damaged" });
    const later = await dataDir("fresh", `update session_v2 set version = '2.0.32'; ${shape}`);
    expect((await checked(later)).findings).toContainEqual(
      expect.objectContaining({ code: "opencode-2-refused", severity: "warning" }),
    );
  });

  test("tables of 2.x in another shape than is known are not read, and not called healthy", async () => {
    const path = await dataDir("fresh", "alter table session_message rename column data to body");
    expect(await checked(path)).toMatchObject({ status: 1, codes: ["opencode-2"], verdict: "unread" });
  });

  test("an empty message of the preview of 2.x in the tables of 1.18 is an error", async () => {
    const path = await dataDir(
      "real",
      `update session_message set data = data; delete from message where session_id = (select min(id) from session);
       insert into session_message select 'msg_preview', min(id), 'user', 0, 1, 1, '' from session`,
    );
    const found = await checked(path);
    expect(found.codes).toEqual(expect.arrayContaining(["opencode-2-messages", "empty"]));
    expect(found).toMatchObject({ status: 1, verdict: "damaged" });
  });

  test("records of 1.x in an upgraded database are repaired and completed there, and undone", async () => {
    const cut = "update part set data = substr(data, 1, 10) where rowid = 3";
    const old = "update message set data = json_remove(data, '$.agent') where rowid = 1";
    const path = await dataDir("upgraded", `${cut}; ${old}`);
    const before = rowsOf(path);
    expect(await checked(path)).toMatchObject({ status: 1, verdict: "damaged" });
    expect((await unchanged(["check"], path)).stdout).toContain("repair` would");
    const repaired = JSON.parse((await askCli(["repair", "--yes", "--json", "--data-dir", path])).stdout);
    expect(repaired.items.map(({ action }: { action: string }) => action)).not.toContain("skipped");
    expect(repaired.remaining.filter(({ severity }: { severity: string }) => severity === "blocking")).toEqual([]);
    await askCli(["restore", repaired.runID, "--yes", "--data-dir", path]);
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
    const repaired = JSON.parse((await askCli(["repair", "--yes", "--json", "--data-dir", path])).stdout);
    expect(repaired.items.map(({ kind, action }: Record<string, string>) => [kind, action])).toEqual([
      ["part", expect.stringMatching(/^(recovered|quarantined)$/)],
    ]);
    const forced = await askCli(["repair", "--only", "legacy-fields", "--yes", "--data-dir", path]);
    expect(forced.stdout).not.toContain("completed");
    await askCli(["restore", repaired.runID, "--yes", "--data-dir", path]);
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
