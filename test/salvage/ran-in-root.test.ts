import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { closedMessage } from "../../plugin/remedies/recover/closed-document.ts";
import { rebuildParents } from "../../plugin/salvage/rebuild-parents.ts";
import type { Connection } from "../../plugin/stores/sqlite/driver.ts";

test("of a session whose record is rebuilt, the folder / is known if a message of opencode names it", () => {
  using database = new Database(":memory:");
  database.run(
    "create table session (id text, project_id, slug, directory, title, version, time_created, time_updated)",
  );
  database.run("create table project (id text primary key, worktree, vcs, time_created, time_updated, sandboxes)");
  database.run("create table message (id text, session_id, time_created, time_updated, data)");
  database.run("create table part (id text, message_id, session_id, time_created, time_updated, data)");
  const add = (id: string, data: string) =>
    database.run("insert into message values (?, ?, 1, 1, ?)", [`msg_${id}`, `ses_${id}`, data]);
  const answer = (cwd: string) => JSON.stringify({ role: "assistant", parentID: "msg_q", path: { cwd, root: "/" } });
  const rebuilt = closedMessage('{"role":"assistant"', { created: 1, updated: 1 });
  add("ran", answer("/"));
  add("unknown", JSON.stringify(rebuilt));
  add("folder", answer("/srv/app"));
  add("other", answer("/srv/other"));
  const connection: Connection = {
    all: (sql, ...values) => database.query(sql).all(...(values as string[])) as never,
    run: (sql, ...values) => database.query(sql).run(...(values as string[])).changes,
    exec: (sql) => void database.run(sql),
    close: () => undefined,
  };
  rebuildParents(connection, () => JSON.stringify(rebuilt));
  expect(database.query("select id, slug, directory from session order by id").values()).toEqual([
    ["ses_folder", "recovered", "/srv/app"],
    ["ses_other", "recovered", "/srv/other"],
    ["ses_ran", "recovered-in-root", "/"],
    ["ses_unknown", "recovered", "/"],
  ]);
});
