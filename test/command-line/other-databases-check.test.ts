import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { realStore } from "../host/stored-fixture.ts";
import { SESSION_OF_2X } from "../stores/two-x-database.ts";
import { askCli } from "./cli-service.ts";
import {
  checked,
  dataDir,
  HEALTHY,
  makeDatabases,
  type RowFinding,
  removeDatabases,
  rowsOf,
  unchanged,
} from "./other-databases.ts";

beforeAll(makeDatabases);

afterAll(removeDatabases);

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
    // 2.x made its own form of the table of workspaces. The check reports that, but must not advise to go back to 1.x.
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
    // `repair` moves none of these records. A check of one session reports only the rows of that session.
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
