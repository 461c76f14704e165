import { afterAll, describe, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { findings, found, rowsOf, sql } from "./surveyed.ts";

afterAll(removeHomes);

describe("the tables and the journal of a database", () => {
  test("a column that is gone, and a migration that is not recorded: opencode 1.18.33 fails on both", async () => {
    expect(await found("1.18.33", (store) => sql(store, "alter table session drop column metadata"))).toEqual([
      ["columns-missing", "blocking", "database", "without session.metadata"],
    ]);
    const forgotten = (store: RealStore) => sql(store, "delete from migration where id like '%session_usage'");
    expect(await found("1.18.33", forgotten)).toEqual([
      ["migration-unrecorded", "blocking", "database", "20260510033149_session_usage"],
    ]);
    // An upgrade of such a database to 1.18.33 stops with `table control_account already exists` (measured).
    const unknown = (store: RealStore) =>
      sql(store, "update __drizzle_migrations set created_at = created_at + 7, name = null where id = 3");
    expect(await found("1.14.41", unknown)).toEqual([
      ["migration-unrecorded", "blocking", "database", "20260213144116_wakeful_the_professor"],
    ]);
    // 1.14.41 answers 500 with `CREATE TABLE project`, because it compares only the names of migrations.
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
    // SQLite treats an unknown quoted name as a text. So the host answers with the column's name as the title.
    expect(await found("1.18.33", without("title"))).toEqual(written);
    expect(await found("1.14.41", without("title"))).toEqual(written);
    // With such a database, `GET /session` answers 400 on 1.15.0, 1.15.3 and 1.15.4.
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
    // 1.15.4 does not write events. 1.18.33 writes them.
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
    // SQLite cannot convert this value to a time, so the advised statement must not compare it with a time.
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
    expect(advice).toEqual(["no column name; the time of no known migration: a value that is not a time", 1]);
    // 1.18.24 compares these times in whole seconds.
    expect(await journal("update __drizzle_migrations set created_at = created_at + 7")).toEqual({
      findings: ["info old-journal report undefined null"],
      after: ["old-journal"],
    });
  });
});
