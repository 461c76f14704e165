import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { cp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DATABASE_COPIES } from "../../plugin/faults/whereabouts.ts";
import { askCli } from "../command-line/cli-service.ts";
import { ensureGitProject } from "../host/git-project.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { fileImage, storeImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { isHealthy, rescue, rows, undo, type Wire } from "./rescue-command.ts";

afterAll(removeHomes);

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

describe("databases that a user renamed to keep them", () => {
  /** A database with the file name of a copy. Its sessions are not in the live database. */
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

  test("what is not a database is left alone, and a database under its own name counts once", async () => {
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
