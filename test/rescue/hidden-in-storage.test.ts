import { afterAll, describe, expect, test } from "bun:test";
import { cp, mkdir, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { fileImage, storeImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { edit, isHealthy, rescue, rows, undo, upgraded, type Wire } from "./rescue-command.ts";

afterAll(removeHomes);

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

test("without a database there is nothing to bring anything into; into a newer one nothing is written", async () => {
  const old = await realStore("1.1.65");
  const none = await rescue(old.dataDir, "--yes");
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("start the new opencode once");
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
  /**
   * The files of 1.1.65 beside a database that has imported all of them. The statement `sql` then deletes something
   * from the database.
   */
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
    // The messages keep their order, and the question of each answer is in the same session.
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
