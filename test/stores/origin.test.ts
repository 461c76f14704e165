import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Origin } from "../../plugin/model/origin.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { withMessagesOf2x } from "../../plugin/stores/sqlite/origin.ts";
import { recognisePages } from "../../plugin/stores/sqlite/pages/recognise-pages.ts";
import { realStore } from "../host/stored-fixture.ts";
import { createGoDatabase, createTwoX, upgradeToTwoX } from "./two-x-database.ts";

const PAGE = 4096;

let folder: string;
let real: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "origin-"));
  real = await restingCopy("1.18.33");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A copy of a real host's database. All its data is in one file. */
async function restingCopy(version: "1.2.27" | "1.14.41" | "1.17.18" | "1.18.33"): Promise<string> {
  const store = await realStore(version);
  const path = join(folder, `${version}.db`);
  const live = new Database(join(store.dataDir, "opencode.db"));
  live.exec("pragma wal_checkpoint(truncate)");
  live.close();
  await copyFile(join(store.dataDir, "opencode.db"), path);
  await store.home.remove();
  return path;
}

async function scratch(from: string | null, change: (path: string) => void): Promise<string> {
  const path = join(await mkdtemp(join(folder, "data-")), "opencode.db");
  if (from !== null) await copyFile(from, path);
  change(path);
  return path;
}

function sql(path: string, statements: string): void {
  using database = new Database(path);
  database.exec(`pragma journal_mode = wal; ${statements}; pragma wal_checkpoint(truncate)`);
}

async function kindOf(path: string): Promise<Origin["kind"] | null> {
  const located = { dataDir: join(path, ".."), json: "none" as const, databases: [path] };
  const [store] = await openStores(nodeFileSystem, located, "outside");
  if (store?.state !== "ok") return store?.origin?.kind ?? null;
  const origin = store.origin === null ? null : withMessagesOf2x(store.origin, store.sessionsOf2x());
  store.store.close();
  return origin?.kind ?? null;
}

const nothing = () => undefined;

describe("a whole database, by SQLite and by its pages alone", () => {
  const both = async (path: string) => [await kindOf(path), recognisePages(path)?.kind];

  test.each(["1.2.27", "1.14.41", "1.17.18", "1.18.33"] as const)("of a real %s", async (version) => {
    expect(await both(await restingCopy(version))).toEqual(["1.x", "1.x"]);
  });

  test("of 2.x, fresh and upgraded", async () => {
    expect(await kindOf(await scratch(null, (path) => createTwoX(path)))).toBe("2.x");
    expect(await both(await scratch(real, upgradeToTwoX))).toEqual(["1.x and 2.x", "1.x and 2.x"]);
  });

  test("of 2.x before it has any session, and after its tables were emptied", async () => {
    const fresh = await scratch(null, (path) => createTwoX(path, 0));
    sql(fresh, "delete from session_v2; delete from project");
    expect(await kindOf(fresh)).toBe("2.x");
    const upgraded = await scratch(real, upgradeToTwoX);
    sql(upgraded, "pragma foreign_keys = off; delete from part; delete from message; delete from session");
    expect(await kindOf(upgraded)).toBe("1.x and 2.x");
  });

  test("of 2.x with tables gone: its migrations tell", async () => {
    const drop = "drop table session_v2; drop table instruction_blob; drop table instruction_entry";
    const more = "drop table instruction_state; drop table session_pending; drop table session_inbox";
    const path = await scratch(real, upgradeToTwoX);
    sql(path, `pragma foreign_keys = off; ${drop}; ${more}`);
    expect(await both(path)).toEqual(["1.x and 2.x", "1.x and 2.x"]);
  });

  test("of a newer opencode, with and without the tables of today", async () => {
    const path = await scratch(real, nothing);
    sql(path, "insert into migration values ('20270101000000_from_the_future', 1)");
    expect(await both(path)).toEqual(["newer", "newer"]);
    sql(path, "drop table part");
    expect(await kindOf(path)).toBe("newer");
  });

  test("of other programs", async () => {
    expect(await both(await scratch(null, createGoDatabase))).toEqual(["other program", "other program"]);
    const mail = await scratch(null, (path) =>
      sql(path, "create table message (id integer primary key, body text); create table session (token text)"),
    );
    expect(await both(mail)).toEqual(["other program", "other program"]);
    expect(await kindOf(await scratch(null, (path) => sql(path, "create table x (a); drop table x")))).toBe("blank");
  });

  test("what a user adds to a database of 1.x changes nothing", async () => {
    const path = await scratch(real, nothing);
    const own = "create table kv (key text, value text); create table worktree (path text); create table sessions (a)";
    sql(
      path,
      `${own}; create table session_v2 (note text); create view session_inbox as select 1; pragma user_version = 7`,
    );
    expect(await both(path)).toEqual(["1.x", "1.x"]);
  });

  test("a 1.x database without one of its tables is one of 1.x", async () => {
    const path = await scratch(real, nothing);
    sql(path, "drop table part");
    expect(await kindOf(path)).toBe("1.x");
  });

  test("switches that 1.17.9 writes into session_message are none of 2.x; messages are, where 1.x has none", async () => {
    const path = await scratch(real, nothing);
    const row = (id: string, session: string, type: string, seq: number) =>
      `insert into session_message values ('${id}', '${session}', '${type}', ${seq}, 1, 1, '{}')`;
    using database = new Database(path);
    const [session = ""] = (database.query("select session_id from message limit 1").values() as string[][]).flat();
    database.exec(`${row("msg_a", session, "agent-switched", 0)}; ${row("msg_b", session, "user", 1)}`);
    expect(await kindOf(path)).toBe("1.x");
    database.exec(`insert into session select 'ses_preview', project_id, workspace_id, parent_id, slug, directory, path,
      title, version, share_url, summary_additions, summary_deletions, summary_files, summary_diffs, metadata, cost,
      tokens_input, tokens_output, tokens_reasoning, tokens_cache_read, tokens_cache_write, "revert", permission, agent,
      model, time_created, time_updated, time_compacting, time_archived from session limit 1`);
    database.exec(row("msg_c", "ses_preview", "user", 0));
    database.exec("pragma wal_checkpoint(truncate)");
    expect(await kindOf(path)).toBe("1.x with messages of 2.x");
    expect(recognisePages(path)?.kind).toBe("1.x with messages of 2.x");
  });
});

describe("a damaged database", () => {
  const upgraded = () => scratch(real, upgradeToTwoX);

  test("of both lines is recognised whatever page is lost", async () => {
    const path = await upgraded();
    const whole = await readFile(path);
    const taken: number[] = [];
    for (let page = 0; page < whole.length / PAGE; page += 1) {
      await writeFile(path, Buffer.from(whole).fill(0, page * PAGE, (page + 1) * PAGE));
      if ((await kindOf(path)) !== "1.x and 2.x") taken.push(page + 1);
    }
    expect(taken).toEqual([]);
  });

  test("of 1.x is taken for no other one, whatever page is lost", async () => {
    const path = await scratch(real, nothing);
    const whole = await readFile(path);
    const taken: number[] = [];
    for (let page = 0; page < whole.length / PAGE; page += 3) {
      await writeFile(path, Buffer.from(whole).fill(0, page * PAGE, (page + 1) * PAGE));
      if ((await kindOf(path)) !== "1.x" || recognisePages(path)?.isByRowsAlone) taken.push(page + 1);
    }
    expect(taken).toEqual([]);
  });

  test("of both lines without its header, and as its WAL alone", async () => {
    const path = await upgraded();
    await writeFile(path, (await readFile(path)).fill(7, 0, 100));
    expect(await kindOf(path)).toBe("1.x and 2.x");
    const lone = await scratch(real, nothing);
    const database = new Database(lone);
    database.exec("pragma journal_mode = delete; pragma journal_mode = wal; pragma wal_autocheckpoint = 0");
    database.exec("create table session_v2 (id text primary key, project_id text, directory text); vacuum");
    const wal = await readFile(`${lone}-wal`);
    database.close();
    await rm(lone);
    await writeFile(`${lone}-wal`, wal);
    expect(await kindOf(lone)).toBe("1.x and 2.x");
  });

  test("of which only rows are left does not say that 2.x was not there", async () => {
    const path = await upgraded();
    const bytes = await readFile(path);
    const rows = Math.ceil(bytes.indexOf("azure_cli_external_credential") / PAGE) * PAGE;
    expect(rows).toBeGreaterThan(0);
    await writeFile(path, bytes.fill(0, 0, Math.max(rows, 62 * PAGE)));
    expect(recognisePages(path)).toEqual({ kind: "1.x", sign: expect.any(String), isByRowsAlone: true });
  });
});
