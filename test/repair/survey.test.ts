import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { cp, mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { adviceFor } from "../../plugin/faults/catalogue.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { locate } from "../../plugin/stores/locate.ts";
import type { HostVersion } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";

afterAll(removeHomes);

/** What a check says of a store that a real host wrote, once something was done to it. */
async function found(version: HostVersion, change: (store: RealStore) => Promise<unknown> | unknown) {
  return (await findings(version, change)).map(({ code, severity, kind, evidence }) => [
    code,
    severity,
    kind,
    evidence,
  ]);
}

/** What is said to do about more than one database. */
async function advised(version: HostVersion, change: (store: RealStore) => Promise<unknown> | unknown) {
  return adviceFor(await findings(version, change), true)["several-databases"];
}

async function findings(version: HostVersion, change: (store: RealStore) => Promise<unknown> | unknown) {
  const store = await realStore(version);
  await change(store);
  const where = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!where.ok) throw new Error(where.message);
  const outcome = await check({ files: nodeFileSystem, located: where.located, sessionIDs: [], concurrency: 4 });
  await store.home.remove();
  if (!outcome.ok) throw new Error(String(outcome.unknownSession));
  return outcome.result.findings;
}

function sql({ dataDir }: RealStore, ...statements: readonly string[]): void {
  using database = new Database(join(dataDir, "opencode.db"));
  database.run("pragma foreign_keys = off");
  for (const statement of statements) database.run(statement);
}

function rowsOf({ dataDir }: RealStore, table: string): unknown[] {
  using database = new Database(join(dataDir, "opencode.db"), { readonly: true });
  return database.query(`select * from "${table}" order by created_at`).all();
}

/** No session is left, nor anything of one. */
function emptied(store: RealStore): void {
  for (const table of ["part", "message", "todo", "session", "event", "event_sequence"])
    sql(store, `delete from ${table}`);
}

describe("a store as a whole", () => {
  test("has nothing to be said of it as a host left it", async () => {
    expect(await found("1.18.33", () => undefined)).toEqual([]);
  });

  test("sessions without a project", async () => {
    expect(await found("1.18.33", (store) => sql(store, "delete from project"))).toEqual([
      ["project-missing", "warning", "project", "9 sessions"],
    ]);
  });

  test("two projects of one folder", async () => {
    const twin = (store: RealStore) =>
      sql(
        store,
        "create temp table twin as select * from project where id <> 'global'",
        "update twin set id = 'other'",
        "insert into project select * from twin",
        `update session set project_id = 'other' where id = '${store.sessions.plain.id}'`,
      );
    const findings = await found("1.18.33", twin);
    expect(findings.map(([code, severity]) => [code, severity])).toEqual([["duplicate-project", "info"]]);
  });

  test("folders that are gone", async () => {
    const moved = (store: RealStore) => sql(store, "update session set directory = '/nowhere/at/all'");
    expect(await found("1.18.33", moved)).toEqual([["folder-missing", "info", "project", "9 sessions in 1 folder"]]);
  });

  test("messages whose session is gone", async () => {
    const empty = (store: RealStore) => sql(store, "delete from session", "delete from message where rowid % 2 = 0");
    const findings = await found("1.18.33", empty);
    const others = findings.filter(([code]) => code !== "lost-record");
    expect(others.map(([code, severity]) => [code, severity])).toEqual([["orphans", "info"]]);
  });

  test("message ids from both sides of the wrap", async () => {
    const wrap = ({ sessions, ...store }: RealStore) => {
      const [first, second] = sessions.plain.messages.map((message) => message.id);
      const rename = (from: string | undefined, to: string, time: string) => [
        `update part set message_id = '${to}' where message_id = '${from}'`,
        `update event set data = replace(data, '${from}', '${to}')`,
        `update message set id = '${to}', time_created = ${Date.parse(time)} where id = '${from}'`,
      ];
      sql(
        { sessions, ...store },
        ...rename(first, "msg_fd708d21e001JXYNUE1Jba3VEw", "2026-08-06T10:00:00Z"),
        ...rename(second, "msg_0006f768700114fd6bDaDwzOWs", "2026-08-14T12:00:00Z"),
      );
    };
    expect(await found("1.18.33", wrap)).toEqual([["message-id-wrap", "info", "session", "ids start over"]]);
  });

  test("a column that is gone, and a migration that is not recorded: opencode 1.18.33 fails on both", async () => {
    expect(await found("1.18.33", (store) => sql(store, "alter table session drop column metadata"))).toEqual([
      ["columns-missing", "blocking", "database", "without session.metadata"],
    ]);
    const forgotten = (store: RealStore) => sql(store, "delete from migration where id like '%session_usage'");
    expect(await found("1.18.33", forgotten)).toEqual([
      ["migration-unrecorded", "blocking", "database", "20260510033149_session_usage"],
    ]);
    // An upgrade to 1.18.33 stops with `table control_account already exists` (measured).
    const unknown = (store: RealStore) =>
      sql(store, "update __drizzle_migrations set created_at = created_at + 7, name = null where id = 3");
    expect(await found("1.14.41", unknown)).toEqual([
      ["migration-unrecorded", "blocking", "database", "20260213144116_wakeful_the_professor"],
    ]);
    // 1.14.41 answers 500 `CREATE TABLE project`: it asks for names alone.
    const unnamed = (store: RealStore) => sql(store, "update __drizzle_migrations set name = null");
    const [first, ...others] = await found("1.14.41", unnamed);
    expect([first?.slice(0, 2), others]).toEqual([["migration-unrecorded", "blocking"], []]);
  });

  for (const version of ["1.2.20", "1.2.27", "1.14.41", "1.15.4", "1.15.13"] as const) {
    test(`a journal of ${version} that lost its newest row, every row, or itself`, async () => {
      for (const loss of [
        "delete from __drizzle_migrations where created_at = (select max(created_at) from __drizzle_migrations)",
        "delete from __drizzle_migrations",
        "drop table __drizzle_migrations",
      ]) {
        const codes = (await found(version, (store) => sql(store, loss))).map(([code, severity]) => [code, severity]);
        expect(codes).toContainEqual(["migration-unrecorded", "blocking"]);
      }
    });
  }

  test("columns that the host reads, by line, and columns that it only writes", async () => {
    const without = (column: string) => (store: RealStore) =>
      sql(store, `alter table session rename column ${column} to other`);
    const named = (column: string, severity: string) => [
      ["columns-missing", severity, "database", `without session.${column}`],
    ];
    const evidence = "sessions load without session.title, but new sessions or prompts fail";
    const written = [["columns-missing", "warning", "database", evidence]];
    expect(await found("1.14.41", without("model"))).toEqual(named("model", "blocking"));
    expect(await found("1.15.13", without("metadata"))).toEqual(named("metadata", "blocking"));
    // The answer has the column's name as the title: SQLite takes a quoted name that it does not know for a text.
    expect(await found("1.18.33", without("title"))).toEqual(written);
    expect(await found("1.14.41", without("title"))).toEqual(written);
    // GET /session answers 400 on 1.15.0, 1.15.3 and 1.15.4.
    expect(await found("1.15.4", without("cost"))).toEqual(named("cost", "blocking"));
  });

  test("a table that the host needs for a prompt", async () => {
    const lost = (table: string, evidence: string) => [
      ["columns-missing", "warning", "database", `sessions load without ${table}, but ${evidence}`],
    ];
    const dropped = (table: string) => (store: RealStore) => sql(store, `drop table ${table}`);
    expect(await found("1.18.33", dropped("event"))).toEqual(lost("event", "new sessions or prompts fail"));
    expect(await found("1.15.4", dropped("event_sequence"))).toEqual(
      lost("event_sequence", "new sessions or prompts fail"),
    );
    // 1.15.4 writes no event; 1.18.33 does.
    expect(await found("1.15.4", dropped("event"))).toEqual(
      lost("event.id", "a newer opencode assumes that these columns exist, and fails"),
    );
  });

  test("a table that only some versions of its line need is named with these versions", async () => {
    const dropped = (store: RealStore) => sql(store, "drop table session_message");
    const evidence = "without session_message, sessions load; in opencode 1.17.11, new sessions or prompts fail";
    for (const version of ["1.17.11", "1.17.18"] as const) {
      const [finding, ...others] = await findings(version, dropped);
      expect([finding?.code, finding?.severity, finding?.evidence]).toEqual(["columns-missing", "warning", evidence]);
      expect(finding?.advice).toContain("salvage --swap");
      expect(others).toEqual([]);
    }
  });

  test("a workspace table of another build", async () => {
    const other = (store: RealStore) => sql(store, "alter table workspace rename column project_id to provider");
    const evidence =
      "sessions load without workspace.project_id, but everything fails once the id of a project changes";
    expect(await found("1.18.33", other)).toEqual([["columns-missing", "warning", "database", evidence]]);
  });

  test("an older opencode that tried the database", async () => {
    const tried = (store: RealStore) =>
      sql(store, "create table __drizzle_migrations (id integer primary key, hash text not null, created_at numeric)");
    const [finding, ...others] = await found("1.18.33", tried);
    expect([finding?.slice(0, 2), others]).toEqual([["older-opencode", "warning"], []]);
  });

  test("a counter of events that was emptied or set back", async () => {
    const lost = await found("1.18.33", (store) => sql(store, "delete from event_sequence"));
    expect(lost).toEqual([["event-sequence-behind", "warning", "database", "9 sessions"]]);
    const setBack = (store: RealStore) => sql(store, "update event_sequence set seq = seq - 1");
    expect(await found("1.17.18", setBack)).toEqual([["event-sequence-behind", "warning", "database", "9 sessions"]]);
  });

  test("a second database", async () => {
    const second = ({ dataDir }: RealStore) =>
      Promise.all(
        ["", "-wal"].map((suffix) =>
          cp(join(dataDir, `opencode.db${suffix}`), join(dataDir, `opencode-beta.db${suffix}`)),
        ),
      );
    const whole = [["several-databases", "info", "database", "9 sessions here"]];
    expect(await found("1.18.33", second)).toEqual(whole);
    expect(await advised("1.18.33", second)).toStartWith("Nothing needs to be done");
    const without = async (store: RealStore) => {
      await second(store);
      sql(store, `delete from session where id = '${store.sessions.plain.id}'`);
    };
    expect(await advised("1.18.33", without)).toContain("`opencode-session-repair rescue --import` brings in");
  });

  test("all sessions in a second database, or in storage, beside a database without any", async () => {
    const emptied = (store: RealStore) => {
      sql(store, "delete from session");
      sql(store, "delete from event_sequence");
    };
    const second = async (store: RealStore) => {
      sql(store, "pragma wal_checkpoint(truncate)");
      await cp(join(store.dataDir, "opencode.db"), join(store.dataDir, "opencode-local.db"));
      emptied(store);
    };
    expect(await found("1.18.33", second)).toContainEqual(["several-databases", "info", "database", "9 sessions here"]);
    const old = await realStore("1.1.65");
    const left = async (store: RealStore) => {
      emptied(store);
      await cp(join(old.dataDir, "storage"), join(store.dataDir, "storage"), { recursive: true });
    };
    expect(await found("1.18.33", left)).toContainEqual(["not-imported", "warning", "database", "9 sessions"]);
    await old.home.remove();
  });

  test("sessions that no import took", async () => {
    const old = await realStore("1.1.65");
    const left = ({ dataDir }: RealStore) =>
      cp(join(old.dataDir, "storage"), join(dataDir, "storage"), { recursive: true });
    expect(await found("1.2.27", left)).toEqual([["not-imported", "warning", "database", "9 sessions"]]);
    await old.home.remove();
  });

  test("sessions that no import took, of which the database has none", async () => {
    const old = await realStore("1.1.65");
    const left = async (store: RealStore) => {
      emptied(store);
      await cp(join(old.dataDir, "storage"), join(store.dataDir, "storage"), { recursive: true });
    };
    expect(await found("1.18.33", left)).toContainEqual(["not-imported", "warning", "database", "9 sessions"]);
    await old.home.remove();
  });

  test("sessions in another database alone", async () => {
    const second = async (store: RealStore) => {
      for (const suffix of ["", "-wal"]) {
        await cp(join(store.dataDir, `opencode.db${suffix}`), join(store.dataDir, `opencode-local.db${suffix}`));
      }
      emptied(store);
    };
    expect(await found("1.18.33", second)).toEqual([["several-databases", "info", "database", "9 sessions here"]]);
  });

  test("a journal as 1.2.1 to 1.2.20 keep it, until 1.18.24 or newer has upgraded the database", async () => {
    expect(await found("1.2.20", async () => undefined)).toEqual([
      ["old-journal", "info", "database", "no column name"],
    ]);
    const upgraded = (store: RealStore) => {
      sql(store, "create table migration (id text primary key, time_completed integer not null)");
      sql(store, "insert into migration values ('20260127222353_familiar_lady_ursula', 1)");
    };
    const codes = (await found("1.2.20", upgraded)).map(([code]) => code);
    expect(codes).not.toContain("old-journal");
  });

  test("an old journal that newer versions do not take: the moment of no migration, one migration without its moment", async () => {
    const journal = async (statement: string) => {
      const findings: string[] = [];
      const store = await realStore("1.2.20");
      try {
        sql(store, statement);
        const before = rowsOf(store, "__drizzle_migrations");
        const tool = await toolFor(store.dataDir);
        for (const { code, severity, remedy, hosts, advice } of (await tool.check()).findings) {
          findings.push(`${severity} ${code} ${remedy} ${hosts} ${/in \('20260304045320'\)/.exec(advice ?? "")}`);
        }
        const { runID } = await tool.repair(["migration-unrecorded"]);
        const after = (await tool.check()).findings.map(({ code }) => code);
        if (runID !== null) await tool.restore(runID);
        expect(rowsOf(store, "__drizzle_migrations")).toEqual(before);
        return { findings, after };
      } finally {
        await store.home.remove();
      }
    };
    expect(await journal("insert into __drizzle_migrations (hash, created_at) values ('', 1772600000123)")).toEqual({
      findings: ["warning old-journal report 1.2.27 and newer in ('20260304045320')"],
      after: ["old-journal"],
    });
    expect(await journal("delete from __drizzle_migrations where created_at = 1770993676000")).toEqual({
      findings: [
        "warning migration-unrecorded recover 1.2.27 and newer null",
        "info old-journal report undefined null",
      ],
      after: ["old-journal"],
    });
    // SQLite makes no time of it, so the statement must not compare it with a time.
    const advice = await (async () => {
      const store = await realStore("1.2.20");
      try {
        sql(store, "insert into __drizzle_migrations (hash, created_at) values ('', 1e18)");
        const rows = rowsOf(store, "__drizzle_migrations").length;
        const found = (await (await toolFor(store.dataDir)).check()).findings;
        const statement = /`(delete from [^`]*)`/.exec(found.map((each) => each.advice ?? "").join())?.[1] ?? "";
        sql(store, statement);
        const said = found.find(({ code }) => code === "old-journal")?.evidence;
        return [said, rows - rowsOf(store, "__drizzle_migrations").length];
      } finally {
        await store.home.remove();
      }
    })();
    expect(advice).toEqual(["no column name; the time of no known migration: a value that is no time", 1]);
    // 1.18.24 compares seconds.
    expect(await journal("update __drizzle_migrations set created_at = created_at + 7")).toEqual({
      findings: ["info old-journal report undefined null"],
      after: ["old-journal"],
    });
  });

  test("files beside the sessions", async () => {
    const findings = await found("1.18.33", async ({ dataDir }) => {
      await writeFile(join(dataDir, "auth.json"), "{");
      const repository = join(dataDir, "snapshot", "p", "r");
      await mkdir(join(repository, "objects"), { recursive: true });
      await writeFile(join(repository, "index"), Buffer.alloc(32));
      await writeFile(join(repository, "index.lock"), "");
      const yesterday = Date.now() / 1000 - 24 * 3600;
      await utimes(join(repository, "index.lock"), yesterday, yesterday);
    });
    expect(findings).toEqual([
      ["auth-unreadable", "warning", "side_file", "not JSON"],
      ["snapshot-lock", "warning", "side_file", "24 hours old"],
      ["snapshot-index", "warning", "side_file", "no DIRC"],
    ]);
  });
});
