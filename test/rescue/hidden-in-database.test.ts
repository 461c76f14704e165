import { afterAll, expect, test } from "bun:test";
import { cp, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { ensureGitProject } from "../host/git-project.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { storeImage } from "../host/store-image.ts";
import { realStore } from "../host/stored-fixture.ts";
import { untilFilesAreYounger } from "./file-clock.ts";
import { rescue, rows, undo, type Wire } from "./rescue-command.ts";

afterAll(removeHomes);

test("a moved project is found again where opencode met it last, or where the user says", async () => {
  const now = await realStore("1.18.33");
  const [gone, there] = [join(now.home.root, "gone"), join(now.home.root, "there")];
  await ensureGitProject(gone);
  await mkdir(join(gone, "below"));
  await writeFile(join(gone, ".git", "opencode"), now.projectID);
  {
    using database = openDatabase(now);
    database.run("update project set worktree = ?, sandboxes = ?", [gone, JSON.stringify([there])]);
    database.run("delete from project_directory");
    const time = Date.now();
    database.run("update session set directory = ?, path = '', time_created = ?, time_updated = ?", [gone, time, time]);
    database.run("update session set directory = ?, path = 'below' where id = ?", [
      join(gone, "below"),
      now.sessions.plain.id,
    ]);
  }
  await rename(gone, there);
  const before = await storeImage(now.dataDir);
  const listed = await rescue(now.dataDir, "--relink", "--dry-run");
  // A terminal UI in the new folder lists the sessions; the web app does not.
  expect(listed.hidden).toEqual([]);
  expect(listed.partlyShown.every((each: Wire) => each.cause === "moved")).toBe(true);
  expect(listed.changes).toHaveLength(now.sessionIDs.length + 2);
  expect(await storeImage(now.dataDir)).toEqual(before);
  const one = await rescue(now.dataDir, "--relink", "--yes");
  expect([one.code, one.hidden, one.partlyShown]).toEqual([0, [], []]);
  expect(rows(now, "select distinct directory, path from session order by 1")).toEqual([
    { directory: there, path: "" },
    { directory: join(there, "below"), path: "below" },
  ]);
  // opencode does not repeat the worktree of a project among the project's other folders.
  expect(rows(now, "select worktree, sandboxes from project")).toEqual([{ worktree: there, sandboxes: "[]" }]);
  expect((await undo(now.dataDir, one.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
  // At its next start there, opencode may write other folders to `sandboxes`. An undo must restore the worktree all the
  // same.
  const again = await rescue(now.dataDir, "--relink", "--yes");
  {
    using database = openDatabase(now);
    database.run("update project set sandboxes = ?", [JSON.stringify([join(there, "side")])]);
  }
  await undo(now.dataDir, again.runID);
  expect(rows(now, "select worktree from project")).toEqual([{ worktree: gone }]);
  {
    using database = openDatabase(now);
    database.run("update project set sandboxes = ?", [JSON.stringify([there])]);
  }
  expect(await storeImage(now.dataDir)).toEqual(before);
  const elsewhere = join(now.home.root, "elsewhere");
  await mkdir(join(elsewhere, "below"), { recursive: true });
  const two = await rescue(now.dataDir, "--relink", "--from", gone, "--to", elsewhere, "--yes");
  expect([two.code, two.hidden, two.partlyShown]).toEqual([0, [], []]);
  expect((await undo(now.dataDir, two.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
});

test("--relink that may decide nothing says so and prints the command; a path that is typed in another way is understood", async () => {
  const now = await realStore("1.18.33");
  const folder = join(now.home.root, "plain");
  await mkdir(folder);
  await symlink(now.home.root, join(now.home.root, "through"));
  {
    using database = openDatabase(now);
    database.run(
      "insert or ignore into project select 'global', '/', null, null, null, null, null, 1, 1, null, '[]', null",
    );
    database.run("update session set project_id = 'global', directory = ?", [join(now.home.root, "gone")]);
  }
  const before = await storeImage(now.dataDir);
  for (const yes of [[], ["--yes"]]) {
    const { code, stdout } = await askCli(["rescue", "--relink", ...yes, "--data-dir", now.dataDir]);
    expect(code).toBe(1);
    expect(stdout).toContain(`rescue --relink --from ${join(now.home.root, "gone")} --to FOLDER`);
    expect(stdout).toContain("Nothing was changed. Only you know where these sessions belong");
  }
  expect(await storeImage(now.dataDir)).toEqual(before);
  for (const from of [`${now.home.root}//plain/../gone/`, join(now.home.root, "through", "gone")]) {
    const done = await rescue(now.dataDir, "--relink", "--from", from, "--to", folder, "--yes");
    expect([done.code, done.hidden]).toEqual([0, []]);
    expect(rows(now, "select distinct directory from session")).toEqual([{ directory: folder }]);
    expect((await undo(now.dataDir, done.runID)).code).toBe(0);
    expect(await storeImage(now.dataDir)).toEqual(before);
  }
});

test("a session that a salvage put in / goes to the folder that the user names; one that was used in / stays", async () => {
  const now = await realStore("1.18.33");
  const { plain, conversation } = now.sessions;
  {
    using database = openDatabase(now);
    database.run(
      "insert or ignore into project select 'global', '/', null, null, null, null, null, 1, 1, null, '[]', null",
    );
    const move = "update session set project_id = 'global', directory = '/', path = null";
    database.run(`${move}, slug = 'recovered', title = 'Recovered session' where id = ?`, [plain.id]);
    database.run(`${move} where id = ?`, [conversation.id]);
  }
  const before = await storeImage(now.dataDir);
  const listed = await rescue(now.dataDir, "--relink", "--yes");
  expect(listed.partlyShown.map((each: Wire) => [each.sessionID, each.shownFrom, each.reason])).toEqual([
    [plain.id, "/", "A salvage did not find the session's folder, so it put the session in the root folder `/`."],
  ]);
  expect(await storeImage(now.dataDir)).toEqual(before);
  const done = await rescue(now.dataDir, "--relink", "--from", "/", "--to", now.project, "--yes");
  expect([done.code, done.hidden, done.partlyShown]).toEqual([0, [], []]);
  expect(rows(now, "select id from session where directory = '/'")).toEqual([{ id: conversation.id }]);
  expect(rows(now, `select directory, project_id from session where id = '${plain.id}'`)).toEqual([
    { directory: now.project, project_id: now.projectID },
  ]);
  expect(rows(now, "select worktree from project where id = 'global'")).toEqual([{ worktree: "/" }]);
  expect((await undo(now.dataDir, done.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
});

test("sessions of a project whose id changed go to the one that opencode uses now", async () => {
  const now = await realStore("1.18.33");
  const folder = join(now.home.root, "app");
  await ensureGitProject(folder);
  const time = Date.now();
  untilFilesAreYounger(now.home.root);
  // The new `.git` is younger than the sessions. Without this evidence, the path might belong to a different folder
  // now.
  await rename(join(folder, ".git"), join(now.home.root, "old.git"));
  await cp(join(now.home.root, "old.git"), join(folder, ".git"), { recursive: true });
  await writeFile(join(folder, ".git", "opencode"), "newid");
  {
    using database = openDatabase(now);
    database.run("update session set directory = ?, time_created = ?, time_updated = ?", [folder, time, time]);
    database.run("update project set time_updated = 1, worktree = ?", [folder]);
    database.run("delete from project_directory");
    database.run(
      "insert into project select 'newid', worktree, vcs, name, icon_url, icon_url_override, icon_color, time_created, 9e12, time_initialized, sandboxes, commands from project",
    );
  }
  const before = await storeImage(now.dataDir);
  const done = await rescue(now.dataDir, "--relink", "--yes");
  expect([done.code, done.hidden]).toEqual([0, []]);
  expect(rows(now, "select distinct project_id as id from session")).toEqual([{ id: "newid" }]);
  expect((await undo(now.dataDir, done.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
});

test("a session whose parent is gone is found, is left alone, and is listed of its own when it is named", async () => {
  const now = await realStore("1.18.33");
  const [child] = rows(now, "select id, parent_id as parent from session where parent_id is not null");
  const [id, parent] = [String(child?.id), String(child?.parent)];
  const remove = (sql: string) => {
    using database = openDatabase(now);
    database.run("pragma foreign_keys = off");
    database.run(sql, [parent]);
  };
  remove("delete from session where id = ?");
  remove("delete from event where aggregate_id = ?");
  const bare = await rescue(now.dataDir, "--relink", "--yes");
  expect([bare.code, bare.runID]).toEqual([1, null]);
  const causes = (listed: { hidden: Wire[] }) => listed.hidden.map((each) => [each.cause, each.sessionID]).sort();
  expect(causes(bare)).toEqual([
    ["parent-missing", id],
    ["record-missing", parent],
  ]);
  const { stdout } = await askCli(["rescue", "--data-dir", now.dataDir]);
  expect(stdout).toContain(`opencode-session-repair repair ${parent} --only lost-record --only lost-session-record`);
  remove("delete from message where session_id = ?");
  remove("delete from part where session_id = ?");
  const before = await storeImage(now.dataDir);
  expect(causes(await rescue(now.dataDir, "--relink", "--yes"))).toEqual([["parent-missing", id]]);
  expect(await storeImage(now.dataDir)).toEqual(before);
  const done = await rescue(now.dataDir, "--relink", "--session", id, "--yes");
  expect([done.code, done.hidden]).toEqual([0, []]);
  expect(rows(now, `select parent_id as parent from session where id = '${id}'`)).toEqual([{ parent: null }]);
  expect((await undo(now.dataDir, done.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
});

test("the command that is named for a session without its record brings it back as opencode logged it", async () => {
  const now = await realStore("1.18.33");
  const [before] = rows(now, "select id, title from session where id in (select parent_id from session)");
  {
    using database = openDatabase(now);
    database.run("pragma foreign_keys = off");
    database.run("delete from session where id = ?", [String(before?.id)]);
  }
  const named = (text: string) => /opencode-session-repair (repair .*)/.exec(text)?.[1]?.split(" ") ?? [];
  const { stdout } = await askCli(["rescue", "--data-dir", now.dataDir]);
  const checked = await askCli(["check", "--data-dir", now.dataDir]);
  expect(named(checked.stdout)).toEqual(["repair", "--only", "lost-record", "--data-dir", now.dataDir]);
  await askCli([...named(stdout), "--yes"]);
  expect(rows(now, `select id, title from session where id = '${before?.id}'`)).toEqual(
    before === undefined ? [] : [before],
  );
  expect((await rescue(now.dataDir, "--yes")).hidden).toEqual([]);
});

test("archived sessions are listed, left alone, and come back when asked for", async () => {
  const now = await realStore("1.18.33");
  {
    using database = openDatabase(now);
    database.run("update session set time_archived = 1795517046020 where id = ?", [now.sessions.plain.id]);
  }
  const before = await storeImage(now.dataDir);
  const listed = await rescue(now.dataDir, "--yes");
  expect([listed.code, listed.hidden.length, listed.runID]).toEqual([0, 1, null]);
  const done = await rescue(now.dataDir, "--unarchive", "--yes");
  expect(rows(now, "select id from session where time_archived is not null")).toEqual([]);
  expect((await undo(now.dataDir, done.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
});
