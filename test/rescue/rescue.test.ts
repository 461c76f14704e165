import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { cp, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DATABASE_COPIES } from "../../plugin/faults/whereabouts.ts";
import { askCli } from "../command-line/cli-service.ts";
import { ensureGitProject } from "../host/git-project.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { fileImage, storeImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { untilFilesAreYounger } from "./file-clock.ts";

afterAll(removeHomes);

type Wire = Record<string, unknown>;

async function rescue(dataDir: string, ...args: string[]) {
  const result = await askCli(["rescue", "--json", "--data-dir", dataDir, ...args]);
  return { code: result.code, stderr: result.stderr, ...JSON.parse(result.stdout) };
}

async function undo(dataDir: string, runID: string) {
  return askCli(["restore", runID, "--yes", "--data-dir", dataDir]);
}

async function isHealthy(dataDir: string): Promise<boolean> {
  const { stdout } = await askCli(["check", "--json", "--db", join(dataDir, "opencode.db")]);
  return JSON.parse(stdout).verdict === "healthy";
}

/** The storage of 1.1.65 beside a database of 1.18.33 that has sessions of its own. */
async function upgraded(): Promise<{ old: RealStore; now: RealStore; storage: string }> {
  const old = await realStore("1.1.65");
  const now = await realStore("1.18.33");
  const storage = join(now.dataDir, "storage");
  await rm(storage, { recursive: true, force: true });
  await cp(join(old.dataDir, "storage"), storage, { recursive: true, preserveTimestamps: true });
  return { old, now, storage };
}

async function edit(path: string, change: (value: Wire) => void): Promise<void> {
  const value = JSON.parse(await readFile(path, "utf8"));
  change(value);
  await writeFile(path, JSON.stringify(value));
}

function rows(store: RealStore, sql: string): Wire[] {
  using database = openDatabase(store);
  return database.query<Wire, []>(sql).all();
}

test("only listing changes nothing and says what is there", async () => {
  const { now, old } = await upgraded();
  const before = await fileImage(now.dataDir);
  const listed = await rescue(now.dataDir, "--dry-run");
  expect(listed.code).toBe(1);
  expect(listed.hidden.map((each: Wire) => each.sessionID).sort()).toEqual([...old.sessionIDs].sort());
  expect(new Set(listed.hidden.map((each: Wire) => each.cause))).toEqual(new Set(["legacy"]));
  expect((await rescue(now.dataDir)).runID).toBeNull();
  expect(await fileImage(now.dataDir)).toEqual(before);
});

test("all that older releases did not write is filled in, and the strict host's check passes", async () => {
  const { now, old, storage } = await upgraded();
  const { id, messages } = old.sessions.conversation;
  for (const { id: message, role, parts } of messages) {
    await edit(join(storage, "message", id, `${message}.json`), (info) => {
      for (const key of role === "user" ? ["agent", "model"] : ["agent", "mode", "parentID"]) delete info[key];
      if (role === "assistant") info.cost = null;
    });
    for (const part of parts) {
      await edit(join(storage, "part", message, `${part.id}.json`), (value) => {
        delete value.reason;
        const state = value.state as Wire | undefined;
        if (state?.status === "completed") for (const key of ["title", "metadata", "time"]) delete state[key];
      });
    }
  }
  const brought = await rescue(now.dataDir, "--yes");
  expect(brought.code).toBe(0);
  expect(brought.sessions.flatMap((each: { leftOut: unknown[] }) => each.leftOut)).toEqual([]);
  expect(await isHealthy(now.dataDir)).toBe(true);
  const infos = rows(now, `select data from message where session_id = '${id}' order by time_created, id`).map(
    ({ data }) => JSON.parse(String(data)),
  );
  const answers = infos.filter(({ role }) => role === "assistant");
  expect(answers.every(({ agent, mode, cost }) => agent === "build" && mode === "build" && cost === 0)).toBe(true);
  const users = messages.filter(({ role }) => role === "user").map((message) => message.id);
  expect(answers[0].parentID).toBe(users[0] ?? "");
  expect(answers.at(-1).parentID).toBe(users.at(-1) ?? "");
  expect(infos[0].model).toEqual({ providerID: "loopback", modelID: "scripted" });
});

test("what cannot be read stays where it is and is named; the rest of the session comes", async () => {
  const { now, old, storage } = await upgraded();
  const { id, messages } = old.sessions.plain;
  const [first, second, third] = messages;
  const part = second?.parts.find(({ type }) => type === "text")?.id ?? "";
  await truncate(join(storage, "part", second?.id ?? "", `${part}.json`), 7);
  await truncate(join(storage, "message", id, `${third?.id}.json`), 0);
  const broken = await fileImage(storage);
  const brought = await rescue(now.dataDir, "--yes", "--session", id);
  const [session] = brought.sessions;
  expect(session.leftOut.map((each: Wire) => each.recordID)).toEqual(
    expect.arrayContaining([part, third?.id ?? "", ...(third?.parts.map((each) => each.id) ?? [])]),
  );
  expect(rows(now, `select id from message where session_id = '${id}' order by id`).map((row) => row.id)).toContain(
    first?.id,
  );
  expect(await isHealthy(now.dataDir)).toBe(true);
  expect(await fileImage(storage)).toEqual(broken);
});

test("nothing that opencode could not load is written: of the session, of its project, of a strange name", async () => {
  const { now, old, storage } = await upgraded();
  const { id } = old.sessions.plain;
  const folder = join(storage, "session", old.projectID);
  await edit(join(folder, `${id}.json`), (info) => {
    Object.assign(info, { directory: "http://localhost/x", revert: { a: 1 }, permission: { x: 1 }, parentID: "none" });
  });
  await cp(join(folder, `${id}.json`), join(folder, "other.json"));
  await edit(join(storage, "project", `${old.projectID}.json`), (project) => {
    Object.assign(project, { worktree: "somewhere", vcs: "svn", sandboxes: ["relative", 1] });
  });
  const { items, sessions } = await rescue(now.dataDir, "--yes");
  expect(sessions).toHaveLength(old.sessionIDs.length);
  expect(items.filter((item: Wire) => item.action === "skipped")).toMatchObject([{ sessionID: "other" }]);
  expect(await isHealthy(now.dataDir)).toBe(true);
});

test("messages without a session file are brought in under a name of its own", async () => {
  const { now, old, storage } = await upgraded();
  const { id, messages } = old.sessions.conversation;
  await rm(join(storage, "session", old.projectID, `${id}.json`));
  const { code } = await rescue(now.dataDir, "--yes");
  expect(code).toBe(0);
  const [row] = rows(now, `select title, directory, time_created as created from session where id = '${id}'`);
  expect(row?.title).toMatch(/^Recovered session 20\d\d-/);
  expect(row?.directory).toBe(old.project);
  expect(rows(now, `select id from message where session_id = '${id}'`)).toHaveLength(messages.length);
  expect(await isHealthy(now.dataDir)).toBe(true);
});

test("undo takes away exactly what came; a session that was continued since stays whole", async () => {
  const { now, old } = await upgraded();
  const before = await storeImage(now.dataDir);
  const one = await rescue(now.dataDir, "--yes");
  expect((await undo(now.dataDir, one.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
  const two = await rescue(now.dataDir, "--yes");
  const { id } = old.sessions.plain;
  {
    using database = openDatabase(now);
    const data = '{"role":"user","time":{"created":1},"agent":"build","model":{"providerID":"a","modelID":"b"}}';
    database.run(
      "insert into message (id, session_id, time_created, time_updated, data) values ('msg_new', ?, 1, 1, ?)",
      [id, data],
    );
  }
  const messages = rows(now, `select id from message where session_id = '${id}'`);
  const undone = await undo(now.dataDir, two.runID);
  expect(undone.code).toBe(1);
  expect(undone.stdout).toContain("the session was continued after it was added");
  expect(rows(now, `select id from message where session_id = '${id}'`)).toEqual(messages);
  expect(rows(now, "select id from session where version = '1.1.65'")).toEqual([{ id }]);
});

test("a run that a crash interrupted counts as what it did: all of a session, or nothing", async () => {
  const { now, old } = await upgraded();
  const { runID, manifests } = await rescue(now.dataDir, "--yes");
  const asPlanned = (manifest: Wire) => {
    manifest.state = "planned";
    for (const item of manifest.items as Wire[]) item.state = "planned";
  };
  for (const manifest of manifests) await edit(manifest, asPlanned);
  {
    using database = openDatabase(now);
    database.run("pragma foreign_keys = on");
    database.run("delete from session where id = ?", [old.sessions.plain.id]);
  }
  expect((await rescue(now.dataDir, "--yes")).sessions).toMatchObject([{ sessionID: old.sessions.plain.id }]);
  for (const manifest of manifests) {
    const settled = JSON.parse(await readFile(manifest, "utf8"));
    expect(settled.state).toBe(settled.sessionID === old.sessions.plain.id ? "rolled-back" : "done");
  }
  expect((await undo(now.dataDir, runID)).code).toBe(0);
  expect(rows(now, "select id from session where version = '1.1.65'")).toEqual([{ id: old.sessions.plain.id }]);
});

test("sessions of another database come with every value and time, and go again", async () => {
  const now = await realStore("1.18.33");
  const other = await realStore("1.14.41");
  await rm(join(other.dataDir, "opencode.db-shm"), { force: true });
  for (const suffix of ["", "-wal"]) {
    await cp(join(other.dataDir, `opencode.db${suffix}`), join(now.dataDir, `opencode-prod.db${suffix}`)).catch(
      () => {},
    );
  }
  const before = await storeImage(now.dataDir);
  const brought = await rescue(now.dataDir, "--yes");
  expect(brought.sessions).toHaveLength(other.sessionIDs.length);
  for (const [table, columns] of [
    [
      "session",
      "id, parent_id, slug, directory, path, title, version, revert, agent, model, time_created, time_updated",
    ],
    ["message", "id, session_id, time_created, time_updated"],
    ["part", "id, message_id, session_id, time_created, time_updated"],
    ["todo", "session_id, content, status, priority, position, time_created, time_updated"],
  ] as const) {
    const key = table === "session" ? "id" : "session_id";
    const own = `(${other.sessionIDs.map((id) => `'${id}'`).join(", ")})`;
    const sql = `select ${columns} from ${table} where ${key} in ${own} order by 1, 2, 3`;
    expect(rows(now, sql)).toEqual(rows(other, sql));
  }
  expect(await isHealthy(now.dataDir)).toBe(true);
  expect((await undo(now.dataDir, brought.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
});

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
  // A terminal UI in the new folder lists them, the web app does not.
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
  // As opencode holds it: the worktree of a project is none of its other folders.
  expect(rows(now, "select worktree, sandboxes from project")).toEqual([{ worktree: there, sandboxes: "[]" }]);
  expect((await undo(now.dataDir, one.runID)).code).toBe(0);
  expect(await storeImage(now.dataDir)).toEqual(before);
  // opencode lists another folder at its next start there: undo restores the worktree all the same.
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
  // The repository began again after the sessions: without such a trace it might be another folder.
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

test("without a database there is nothing to bring anything into; into a newer one nothing is written", async () => {
  const old = await realStore("1.1.65");
  const none = await rescue(old.dataDir, "--yes");
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("Start opencode 1.2 or newer once");
  const { now } = await upgraded();
  {
    using database = openDatabase(now);
    database.run("insert into migration (id, time_completed) values ('29990101000000_later', 1)");
  }
  const before = await storeImage(now.dataDir);
  const refused = await rescue(now.dataDir, "--yes");
  expect(refused.code).toBe(3);
  expect(await storeImage(now.dataDir)).toEqual(before);
  const folder = join(now.home.root, "exported");
  await mkdir(folder);
  expect((await rescue(now.dataDir, "--export", folder)).sessions).toHaveLength(old.sessionIDs.length);
  expect((await readdir(folder)).sort()).toEqual(old.sessionIDs.map((id) => `${id}.json`).sort());
  expect((await rescue(now.dataDir, "--export", folder)).code).toBe(3);
  expect(await storeImage(now.dataDir)).toEqual(before);
  expect((await readdir(now.dataDir)).includes("opencode.db")).toBe(true);
});

describe("messages that an import dropped", () => {
  /** The files of 1.1.65 beside a database into which all of it was brought, and then lost what `sql` says. */
  async function imported(sql: string): Promise<{ now: RealStore; old: RealStore; id: string }> {
    const { now, old } = await upgraded();
    expect((await rescue(now.dataDir, "--yes")).code).toBe(0);
    const { id } = old.sessions.plain;
    {
      using database = openDatabase(now);
      database.run("pragma foreign_keys = on");
      database.run(sql, [id]);
    }
    await rm(join(now.dataDir, "quarantine"), { recursive: true });
    return { now, old, id };
  }

  function held(store: RealStore, id: string): Wire[] {
    const sql = (table: string) => `select id, session_id, data from ${table} where session_id = '${id}' order by id`;
    return [...rows(store, sql("message")), ...rows(store, sql("part"))];
  }

  test("all of a session: counted, come back, again nothing, undo is exact", async () => {
    const { now, old, id } = await imported("delete from message where session_id = ?");
    const { messages } = old.sessions.plain;
    const before = await storeImage(now.dataDir);
    const listed = await rescue(now.dataDir, "--dry-run");
    expect(listed.hidden).toEqual([]);
    expect(listed.incomplete).toMatchObject([{ sessionID: id, messages: 0, more: messages.length, isContained: true }]);
    const done = await rescue(now.dataDir, "--yes");
    expect([done.code, done.incomplete]).toEqual([0, []]);
    expect(rows(now, `select id from message where session_id = '${id}'`)).toHaveLength(messages.length);
    const parts = messages.reduce((sum, message) => sum + message.parts.length, 0);
    expect(rows(now, `select id from part where session_id = '${id}'`)).toHaveLength(parts);
    expect(await isHealthy(now.dataDir)).toBe(true);
    expect((await rescue(now.dataDir, "--yes")).runID).toBeNull();
    expect((await undo(now.dataDir, done.runID)).code).toBe(0);
    expect(await storeImage(now.dataDir)).toEqual(before);
  });

  test("some of a session may have been undone: said, left alone, and added when the session is named", async () => {
    const newest = "(select id from message where session_id = ? order by time_created desc limit 3)";
    const { now, old, id } = await imported(`delete from message where id in ${newest}`);
    const left = held(now, id);
    const { stdout } = await askCli(["rescue", "--data-dir", now.dataDir]);
    expect(stdout).toContain("3 more in the old JSON storage");
    expect(stdout).not.toContain("Nothing is hidden");
    expect((await rescue(now.dataDir, "--yes")).runID).toBeNull();
    expect(held(now, id)).toEqual(left);
    const done = await rescue(now.dataDir, "--session", id, "--yes");
    expect([done.code, done.incomplete]).toEqual([0, []]);
    expect(rows(now, `select id from message where session_id = '${id}'`)).toHaveLength(
      old.sessions.plain.messages.length,
    );
    expect((await undo(now.dataDir, done.runID)).code).toBe(0);
    expect(held(now, id)).toEqual(left);
  });

  test("a session that went on in both stays as it is; the other state comes as its own session, once, and goes again", async () => {
    const newest = "(select id from message where session_id = ? order by time_created desc limit 1)";
    const { now, old, id } = await imported(`delete from message where id in ${newest}`);
    {
      using database = openDatabase(now);
      database.run(
        "insert into message select 'msg_here', session_id, time_created, time_updated, data from message where session_id = ? limit 1",
        [id],
      );
    }
    const left = held(now, id);
    const before = await storeImage(now.dataDir);
    expect((await rescue(now.dataDir, "--yes")).runID).toBeNull();
    const done = await rescue(now.dataDir, "--session", id, "--yes");
    expect(done.sessions).toMatchObject([{ stateOf: id, messages: old.sessions.plain.messages.length }]);
    const [{ sessionID: own }] = done.sessions;
    expect(held(now, id)).toEqual(left);
    const [first] = rows(now, `select title, project_id, directory, path from session where id = '${own}'`);
    const [second] = rows(now, `select title, project_id, directory, path from session where id = '${id}'`);
    expect(first).toEqual({ ...second, title: `${second?.title} (from storage/)` });
    // In their order, each answer beside its question.
    const messages = rows(now, `select id, data from message where session_id = '${own}' order by time_created, id`);
    const ids = messages.map((message) => message.id);
    for (const { data } of messages) {
      const { role, parentID } = JSON.parse(String(data));
      if (role === "assistant") expect(ids).toContain(parentID);
    }
    const parts = old.sessions.plain.messages.map((message) => message.parts.length);
    expect(ids.map((each) => rows(now, `select id from part where message_id = '${each}'`).length)).toEqual(parts);
    expect(await isHealthy(now.dataDir)).toBe(true);
    const again = await rescue(now.dataDir, "--session", id, "--yes");
    expect([again.runID, again.incomplete]).toEqual([null, []]);
    expect((await undo(now.dataDir, done.runID)).code).toBe(0);
    expect(await storeImage(now.dataDir)).toEqual(before);
  });
});

describe("databases that a user renamed to keep them", () => {
  /** A database of sessions that the live one does not have, under the name of a copy. */
  async function withCopy(name: string): Promise<{ now: RealStore; other: RealStore }> {
    const now = await realStore("1.18.33");
    const other = await realStore("1.14.41");
    {
      using database = openDatabase(other);
      database.run("pragma wal_checkpoint(truncate)");
    }
    await cp(join(other.dataDir, "opencode.db"), join(now.dataDir, name));
    return { now, other };
  }

  async function adviceOnCopies(dataDir: string): Promise<string> {
    const { stdout } = await askCli(["check", "--json", "--data-dir", dataDir]);
    const found = JSON.parse(stdout).findings.find(({ code }: Wire) => code === "database-copies");
    return found?.advice ?? DATABASE_COPIES.advice;
  }

  test.each([
    "opencode.db.old",
    "opencode.db.bak",
    "opencode.db.bak-2026-03-01",
    "opencode 2.db",
    "opencode.sync-conflict-20260301-101010-ABCDEFG.db",
    "opencode (Jane's conflicted copy 2026-03-01).db",
  ])("%s: its sessions are found, come, and go again", async (name) => {
    const { now, other } = await withCopy(name);
    const before = await storeImage(now.dataDir);
    const listed = await rescue(now.dataDir, "--dry-run");
    expect(listed.hidden.map((each: Wire) => each.sessionID).sort()).toEqual([...other.sessionIDs].sort());
    expect(listed.hidden.every((each: Wire) => each.database === name)).toBe(true);
    const { stdout } = await askCli(["check", "--json", "--data-dir", now.dataDir]);
    expect(JSON.parse(stdout).findings.map((each: Wire) => each.code)).toContain("database-copies");
    const brought = await rescue(now.dataDir, "--yes");
    expect(brought.sessions).toHaveLength(other.sessionIDs.length);
    expect(await isHealthy(now.dataDir)).toBe(true);
    expect((await rescue(now.dataDir, "--yes")).runID).toBeNull();
    expect((await undo(now.dataDir, brought.runID)).code).toBe(0);
    expect(await adviceOnCopies(now.dataDir)).toContain("rescue");
    expect(await storeImage(now.dataDir)).toEqual(before);
  });

  test("that cannot be read is named: nobody says that nothing is hidden", async () => {
    const now = await realStore("1.18.33");
    const copy = join(now.dataDir, "opencode.db.bak");
    await writeFile(copy, `SQLite format 3\0${"x".repeat(500)}`);
    const { code, stdout } = await askCli(["rescue", "--data-dir", now.dataDir]);
    expect([code, stdout.includes("Nothing is hidden"), stdout.includes(copy)]).toEqual([0, false, true]);
    expect((await rescue(now.dataDir)).unread).toEqual([copy]);
    expect(await adviceOnCopies(now.dataDir)).not.toContain("Nothing");
  });

  test("of an older copy of the database nothing comes unasked: it may have been deleted since", async () => {
    const now = await realStore("1.18.33");
    const { id } = now.sessions.plain;
    {
      using database = openDatabase(now);
      database.run("pragma wal_checkpoint(truncate)");
      await cp(join(now.dataDir, "opencode.db"), join(now.dataDir, "opencode.db.bak"));
      database.run("pragma foreign_keys = on");
      database.run("delete from session where id = ?", [id]);
    }
    const listed = await rescue(now.dataDir, "--yes");
    expect([listed.code, listed.runID]).toEqual([0, null]);
    expect(listed.hidden).toMatchObject([{ cause: "put-aside", sessionID: id, database: "opencode.db.bak" }]);
    const brought = await rescue(now.dataDir, "--yes", "--session", id);
    expect(brought.sessions).toMatchObject([{ sessionID: id, messages: now.sessions.plain.messages.length }]);
  });

  test("a database that OPENCODE_DB named is read without it, and those of opencode's own names are read with it", async () => {
    const now = await realStore("1.18.33");
    const { plain, conversation } = now.sessions;
    {
      using database = openDatabase(now);
      database.run("vacuum into ?", [join(now.dataDir, "work.db")]);
      database.run("pragma foreign_keys = on");
      database.run("delete from session where id = ?", [plain.id]);
    }
    {
      using work = new Database(join(now.dataDir, "work.db"));
      work.run("pragma foreign_keys = on");
      work.run("delete from session where id = ?", [conversation.id]);
    }
    const found = ({ hidden }: { hidden: Wire[] }) => hidden.map(({ sessionID, database }) => [sessionID, database]);
    expect(found(await rescue(now.dataDir))).toEqual([[plain.id, "work.db"]]);
    const env = { XDG_DATA_HOME: dirname(now.dataDir), OPENCODE_DB: "work.db" };
    const { stdout } = await askCli(["rescue", "--json"], { env });
    expect(found(JSON.parse(stdout))).toContainEqual([conversation.id, "opencode.db"]);
  });

  test("what is no database is left alone, and a database under its own name counts once", async () => {
    const now = await realStore("1.18.33");
    await writeFile(join(now.dataDir, "opencode.db.bak"), "no database");
    await writeFile(join(now.dataDir, "opencode.db.old"), "");
    const listed = await rescue(now.dataDir, "--dry-run");
    expect([listed.code, listed.hidden]).toEqual([0, []]);
    const { stdout } = await askCli(["check", "--json", "--data-dir", now.dataDir]);
    expect(stdout).not.toContain("database-copies");
  });
});

describe("another data directory", () => {
  test.each([
    ["1.14.41", ""],
    ["1.1.65", ""],
    ["1.14.41", ".."],
  ] as const)("sessions of %s come from it (%s), and go again", async (version, above) => {
    const now = await realStore("1.18.33");
    const other = await realStore(version);
    const left = await fileImage(other.dataDir);
    const before = await storeImage(now.dataDir);
    expect((await rescue(now.dataDir, "--dry-run")).hidden).toEqual([]);
    const from = ["--from-data", join(other.dataDir, above)];
    const brought = await rescue(now.dataDir, ...from, "--yes");
    expect([brought.code, brought.sessions.length]).toEqual([0, other.sessionIDs.length]);
    expect(await isHealthy(now.dataDir)).toBe(true);
    expect(await fileImage(other.dataDir)).toEqual(left);
    expect((await rescue(now.dataDir, ...from, "--yes")).runID).toBeNull();
    expect((await undo(now.dataDir, brought.runID)).code).toBe(0);
    expect(await storeImage(now.dataDir)).toEqual(before);
  });

  test("of Windows, beside WSL: its folders are those that WSL shows", async () => {
    const now = await realStore("1.18.33");
    const other = await realStore("1.14.41");
    {
      using database = openDatabase(other);
      database.run("update session set directory = 'C:\\Users\\me\\app'");
      database.run("update project set worktree = 'C:\\Users\\me\\app', sandboxes = '[]' where id = ?", [
        other.projectID,
      ]);
    }
    const { sessions } = await rescue(now.dataDir, "--from-data", other.dataDir, "--yes");
    expect(sessions).toHaveLength(other.sessionIDs.length);
    const brought = "select distinct directory from session where version = '1.14.41'";
    expect(rows(now, brought)).toEqual([{ directory: "/mnt/c/Users/me/app" }]);
    expect(await isHealthy(now.dataDir)).toBe(true);
    const folder = join(now.home.root, "app");
    await ensureGitProject(folder);
    const move = ["--relink", "--from", "/mnt/c/Users/me/app", "--to", folder, "--yes"];
    expect((await rescue(now.dataDir, ...move)).code).toBe(0);
    expect(rows(now, brought)).toEqual([{ directory: folder }]);
  });

  test("that is not there, has nothing, or is this one: one sentence", async () => {
    const now = await realStore("1.18.33");
    for (const [folder, words] of [
      [join(now.home.root, "nowhere"), "does not exist"],
      [join(now.home.root, "bin"), "There is no data of opencode"],
      [now.dataDir, "is the data directory itself"],
    ] as const) {
      const refused = await askCli(["rescue", "--from-data", folder, "--data-dir", now.dataDir]);
      expect([refused.code, refused.stdout]).toEqual([2, ""]);
      expect(refused.stderr).toContain(words);
    }
  });
});
