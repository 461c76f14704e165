import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { closedMessage } from "../../plugin/remedies/recover/closed-document.ts";
import { rebuildParents } from "../../plugin/salvage/rebuild-parents.ts";
import { addRecordedProjects } from "../../plugin/salvage/recorded-projects.ts";
import type { Connection } from "../../plugin/stores/sqlite/driver.ts";

const ID = "5c131f64f145364c0969d27338e1f0914f2946b6";
const REBUILT = JSON.stringify(closedMessage('{"role":"assistant"', { created: 1, updated: 1 }));
let folder: string;

afterEach(() => rm(folder, { recursive: true, force: true }));

async function repository(name: string, recorded: string): Promise<string> {
  folder = await realpath(await mkdtemp(join(tmpdir(), "recorded-projects-")));
  const git = join(folder, name, ".git");
  for (const below of ["objects", "refs"]) await mkdir(join(git, below), { recursive: true });
  await writeFile(join(git, "HEAD"), "ref: refs/heads/main\n");
  await writeFile(join(git, "opencode"), recorded);
  return join(folder, name);
}

/**
 * Rebuilds sessions that have messages but no row. `answers` gives the folder and the worktree of each session's
 * answer.
 */
async function rebuiltFrom(answers: Readonly<Record<string, readonly [cwd: string, root: string] | null>>) {
  using database = new Database(":memory:");
  database.run(
    "create table session (id text primary key, project_id, slug, directory, title, version, time_created, time_updated)",
  );
  database.run("create table project (id text primary key, worktree, vcs, time_created, time_updated, sandboxes)");
  database.run("create table message (id text, session_id, time_created, time_updated, data)");
  database.run("create table part (id text, message_id, session_id, time_created, time_updated, data)");
  for (const [id, named] of Object.entries(answers)) {
    const data =
      named === null
        ? REBUILT
        : JSON.stringify({ role: "assistant", parentID: "msg_q", path: { cwd: named[0], root: named[1] } });
    database.run("insert into message values (?, ?, 1, 2, ?)", [`msg_${id}`, `ses_${id}`, data]);
  }
  const connection: Connection = {
    all: (sql, ...values) => database.query(sql).all(...(values as string[])) as never,
    run: (sql, ...values) => database.query(sql).run(...(values as string[])).changes,
    exec: (sql) => void database.run(sql),
    close: () => undefined,
  };
  const added = await addRecordedProjects(nodeFileSystem, connection);
  rebuildParents(connection, () => REBUILT);
  const sessions = database.query("select id, project_id from session order by id").values();
  return { added, sessions, projects: database.query("select id, worktree, vcs from project order by id").values() };
}

test("sessions without a row and a project go to the project that opencode recorded in their repository", async () => {
  const worktree = await repository("app", `${ID}\n`);
  const found = await rebuiltFrom({ a: [join(worktree, "src"), worktree], b: [worktree, worktree] });
  expect(found).toEqual({
    added: 1,
    sessions: [
      ["ses_a", ID],
      ["ses_b", ID],
    ],
    projects: [[ID, worktree, "git"]],
  });
});

test("a session that names no folder goes where the only other folder is", async () => {
  const worktree = await repository("app", ID);
  const { sessions } = await rebuiltFrom({ a: [worktree, worktree], b: null });
  expect(sessions).toEqual([
    ["ses_a", ID],
    ["ses_b", ID],
  ]);
});

test("a worktree that is gone, has no record, holds another repository's folder or is / names no project", async () => {
  const worktree = await repository("app", "../../elsewhere\n");
  const named = { a: [worktree, worktree], b: ["/", "/"], c: [join(folder, "gone"), join(folder, "gone")] } as const;
  const { added, projects } = await rebuiltFrom(named);
  expect(added).toBe(0);
  expect(projects).toEqual([["global", "/", null]]);
  const inside = join(worktree, "src");
  await writeFile(join(worktree, ".git", "opencode"), ID);
  await mkdir(inside);
  expect((await rebuiltFrom({ a: [inside, inside] })).added).toBe(0);
});
