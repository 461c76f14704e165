import { afterAll, describe, expect, test } from "bun:test";
import { cp, mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeHomes } from "../host/home.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { advised, emptied, found, sql } from "./surveyed.ts";

afterAll(removeHomes);

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
