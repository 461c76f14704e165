import { Database } from "bun:sqlite";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "../host/binary.ts";
import { createHome } from "../host/home.ts";
import { startHost } from "../host/running-host.ts";
import { Random } from "../oracle/random.ts";
import { manySessions } from "./many-sessions.ts";

/** A database after long use of one version. It has deleted sessions and free pages, and its WAL is empty. */
export interface GrownStore {
  readonly version: HostVersion;
  readonly folder: string;
  readonly database: string;
  /**
   * `earlier` is the same database before its last writes. `wal` has these writes. `otherWal` is an older WAL with
   * other salts.
   */
  readonly earlier: string;
  readonly wal: string;
  readonly otherWal: string;
  readonly project: string;
}

const LARGE = [6_000, 70_000, 400_000];

/** Makes a database with many sessions, adds rows to every other table, and lets a real host delete some sessions. */
export async function grownStore(version: HostVersion, folder: string): Promise<GrownStore> {
  const many = await manySessions(version, 6, join(folder, "many"));
  const { project } = many;
  const home = await createHome(version, { project });
  await mkdir(home.dataDir, { recursive: true });
  const live = join(home.dataDir, "opencode.db");
  await copyFile(many.database, live);
  const sessionIDs = fill(live, project);
  const host = await startHost({ home });
  try {
    for (const [index, id] of sessionIDs.entries()) {
      if (index % 5 === 2) await host.request("DELETE", `/session/${id}`);
    }
  } finally {
    await host.stop();
  }
  const of = (name: string) => join(folder, name);
  const store = { version, folder, project, database: of("whole.db"), earlier: of("earlier.db"), wal: of("later.wal") };
  const database = new Database(live);
  database.exec("pragma wal_checkpoint(truncate); pragma wal_autocheckpoint = 0");
  await copyFile(live, store.earlier);
  database.exec("update message set time_updated = time_updated + 1 where rowid % 3 = 0");
  database.exec('update part set data = replace(data, \'"text":"\', \'"text":"later \') where rowid % 5 = 0');
  await copyFile(`${live}-wal`, store.wal);
  database.exec("pragma wal_checkpoint(truncate)");
  await copyFile(live, store.database);
  database.close();
  const otherWal = of("other.wal");
  await copyFile(many.wal, otherWal);
  await rm(many.folder, { recursive: true, force: true });
  await home.remove();
  return { ...store, otherWal };
}

type Row = Record<string, string | number | null>;

/** Adds projects, todos, permissions, workspaces, shares, accounts and long parts. Returns the ids of the sessions. */
function fill(path: string, worktree: string): string[] {
  const database = new Database(path);
  database.exec("pragma foreign_keys = on");
  const random = new Random(11);
  const all = <T = Row>(sql: string) => database.query(sql).all() as T[];
  const columnsOf = (table: string) => all<{ name: string }>(`pragma table_info("${table}")`).map(({ name }) => name);
  const insert = (table: string, row: Row) => {
    const names = columnsOf(table).filter((name) => name in row);
    if (names.length === 0) return;
    const sql = `insert or ignore into "${table}" (${names.map((name) => `"${name}"`)}) values (${names.map(() => "?")})`;
    database.query(sql).run(...names.map((name) => row[name] ?? null));
  };
  const time = Date.now() - 86_400_000;
  const times = { time_created: time, time_updated: time + 5 };
  database.transaction(() => {
    const [own] = all("select * from project where id <> 'global' limit 1");
    const projects = [String(own?.id ?? "global")];
    for (let number = 0; number < 3; number += 1) {
      const id = Array.from({ length: 40 }, () => random.below(16).toString(16)).join("");
      insert("project", { ...own, id, worktree: `${worktree}-${number}`, ...times });
      insert("project_directory", { project_id: id, directory: `${worktree}-${number}`, type: "root", ...times });
      projects.push(id);
    }
    for (const [number, project_id] of projects.entries()) {
      const rules = JSON.stringify([{ permission: "bash", pattern: "ls *", action: "allow" }]);
      insert("permission", {
        id: `per_${number}`,
        project_id,
        data: rules,
        action: "allow",
        resource: "ls *",
        ...times,
      });
      const name = `work ${number}`;
      const id = `wrk_01JZ000000000000000000000${number}`;
      const workspace = {
        id,
        type: "worktree",
        name,
        branch: "main",
        project_id,
        time_used: time,
        directory: worktree,
      };
      insert("workspace", { ...workspace, extra: null });
    }
    const secret = { access_token: "a".repeat(300), refresh_token: "r".repeat(300), token_expiry: time };
    insert("account", { id: "acc_1", email: "me@example.org", url: "https://example.org", ...secret, ...times });
    insert("control_account", { email: "me@example.org", url: "https://example.org", active: 0, ...secret, ...times });
    for (const [index, { id }] of all<{ id: string }>("select id from session order by id").entries()) {
      const project = index % 4 === 1 ? 1 + random.below(3) : 0;
      if (project > 0) {
        const sql = "update session set project_id = ?, directory = ? where id = ?";
        database.query(sql).run(projects[project] ?? "global", `${worktree}-${project - 1}`, id);
      }
      for (let position = 0; position < random.below(7); position += 1) {
        const content = `Task ${position}`.repeat(1 + random.below(20));
        const todo = {
          session_id: id,
          content,
          status: "pending",
          priority: "high",
          position,
          id: `todo_${index}_${position}`,
        };
        insert("todo", { ...todo, ...times });
      }
      if (index % 6 === 0) {
        const url = `https://example.org/s/${index}`;
        insert("session_share", { session_id: id, id: `share${index}`, secret: "s".repeat(36), url, ...times });
      }
    }
    const parts = all<{ id: string; data: string }>(
      'select id, data from part where data glob \'*"type":"text"*\' order by id',
    );
    for (const [index, { id, data }] of parts.entries()) {
      const length = index % 9 === 0 ? random.pick(LARGE) : 0;
      if (length === 0) continue;
      const document = JSON.parse(data) as { text?: string };
      let text = "";
      while (text.length < length) text += `${random.below(1e9).toString(36)} `;
      document.text = text;
      database.query("update part set data = ? where id = ?").run(JSON.stringify(document), id);
    }
  })();
  const ids = all<{ id: string }>("select id from session order by id").map(({ id }) => id);
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
  return ids;
}
