import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rescueWriter } from "../../plugin/command-line/rescue-command.ts";
import { isUncertain } from "../../plugin/command-line/rescue-export.ts";
import { withoutWideLines } from "../../plugin/command-line/terminal.ts";
import { shownText } from "../../plugin/opencode/terminal-ui/hidden-dialog.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { namedBy, rescueChoices } from "../../plugin/rescue/choices.ts";
import { writeSessions } from "../../plugin/rescue/export-hidden.ts";
import { findHidden } from "../../plugin/rescue/hidden.ts";
import type { FoundIn, KnownStore } from "../../plugin/rescue/known-stores.ts";
import { detachChanges, unarchiveChanges } from "../../plugin/rescue/relink.ts";
import { notFound, unknownSessions } from "../../plugin/rescue/request.ts";
import type { SessionFacts } from "../../plugin/stores/conversation.ts";
import { listText, unreadLines } from "../../plugin/words/answers/rescue.ts";
import type { CommandWriter } from "../../plugin/words/answers/screen.ts";
import { released } from "../../plugin/words/text-layout.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const HERE = "/tmp";
const GONE = "/tmp/gone-since-then";

/** A session of the project `global` that was used just now. Its folder exists. */
function session(id: string, changes: Partial<SessionFacts> = {}): SessionFacts {
  return {
    ...{ id, title: id, directory: HERE, projectID: "global", path: HERE.slice(1), parentID: null, version: null },
    ...{ createdMs: Date.now(), updatedMs: Date.now(), archivedMs: null, hasRecord: true },
    ...changes,
  };
}

/** A database with these sessions, each with one message. If `fails` is true, only the list of sessions can be read. */
function store(
  index: number,
  sessions: readonly SessionFacts[],
  { name = "opencode.db", origin = "beside" as FoundIn, line = "1.17.11", fails = false, dataDir = "/data" } = {},
): KnownStore {
  const message = (id: string) => ({
    messageID: `msg_${index}${id}`,
    document: { storage: "text", bytes: Buffer.from("{}") },
    parts: [],
  });
  const failing = () => Promise.reject(Object.assign(new Error("malformed"), { code: "SQLITE_CORRUPT" }));
  const conversations = {
    messageIDs: fails ? failing : (id: string) => Promise.resolve([message(id).messageID]),
    async *messages(id: string) {
      if (fails) await failing();
      yield message(id);
    },
  };
  const contract = line === "1.17.11" ? "strict" : "syntax";
  const description = { generation: "sqlite", dataDir, database: `${dataDir}/${name}`, contract, lines: [line] };
  return { index, origin, sessions, projects: [], opened: { description, store: { conversations } } } as never;
}

async function listOf(
  target: KnownStore,
  others: readonly KnownStore[] = [],
  write: CommandWriter = (...args) => args.join(" "),
  named: readonly string[] = [],
) {
  const found = await findHidden(nodeFileSystem, target, others);
  const limits = { beyond: 0, rule: "100 newest", beyondWeb: 0, webAddress: null } as const;
  const stores = { target, others } as Parameters<typeof notFound>[1];
  const stated = { unread: [], unreadStores: found.unread, notFound: notFound(named, stores), changes: [] };
  const list = { target: "opencode.db", ...found, limits, ...stated };
  return { ...found, said: listText({ ...list, refusal: null }, write, named) };
}

test("a session that counts as started from itself, in a circle or alone, is in no list; its other children are opened from it", async () => {
  const target = store(0, [
    session("a", { parentID: "b" }),
    session("b", { parentID: "a" }),
    session("alone", { parentID: "alone" }),
    session("child", { parentID: "a" }),
  ]);
  const { hidden, said } = await listOf(target);
  expect(hidden.map(({ cause, sessionID }) => [cause, sessionID])).toEqual([
    ["parent-missing", "a"],
    ["parent-missing", "b"],
    ["parent-missing", "alone"],
  ]);
  expect(said).toContain("rescue --relink --session alone");
  expect(detachChanges(hidden, target, ["a"], () => false)).toMatchObject([{ id: "a", column: "parent_id", to: null }]);
});

test("a session whose parent is only in another store stays its child: the command brings the parent in", async () => {
  const target = store(0, [session("child", { parentID: "parent" })]);
  const copy = store(1, [session("parent")], { name: "opencode.db.bak", origin: "put-aside" });
  const { hidden, said } = await listOf(target, [copy]);
  expect(said).toContain("is only in opencode.db.bak.\n    rescue --session parent");
  expect(said).not.toContain("--relink");
  expect(detachChanges(hidden, target, ["child", "parent"], ({ sessionID }) => sessionID === "parent")).toEqual([]);
  expect(detachChanges(hidden, target, ["child"], () => false)).toHaveLength(1);
});

test("choosing a session whose parent is only in another store takes the parent with it, unasked only if the parent is", async () => {
  const target = store(0, [session("child", { parentID: "parent" }), session("shared")]);
  const choicesOf = async (other: KnownStore) => {
    const found = await listOf(target, [other]);
    return rescueChoices({ ...found, target: "opencode.db", incomplete: [] });
  };
  const copied = await choicesOf(store(1, [session("parent"), session("shared")], { origin: "put-aside" }));
  expect(copied.map(({ sessionID, isSuggested }) => [sessionID, isSuggested]).sort()).toEqual([
    ["child", false],
    ["parent", false],
  ]);
  const child = copied.filter(({ sessionID }) => sessionID === "child");
  expect([namedBy(child), child[0]?.why]).toEqual([["child", "parent"], "started from parent, which comes with it"]);
  expect(namedBy(copied).sort()).toEqual(["child", "parent"]);
  const beside = await choicesOf(store(1, [session("parent")], { name: "opencode-dev.db" }));
  expect(beside.map(({ isSuggested }) => isSuggested)).toEqual([true, true]);
});

test("an export writes every session that can be read, and names the others", async () => {
  const failing = store(1, [session("ses_broken", { hasRecord: false })], { fails: true });
  const [target, whole] = [store(0, []), store(2, [session("ses_whole")])];
  for (const { opened } of [failing, whole]) {
    opened.store.conversations.sessionColumns = () =>
      Promise.resolve({ row: {}, todos: [], share: null, project: null } as never);
  }
  const hidden = [failing, whole].map(({ index, sessions }) => ({
    ...{ sessionID: sessions[0]?.id, store: index, projectID: "global", directory: HERE },
  }));
  const written: string[] = [];
  const files = { ...nodeFileSystem, writeNew: async (path: string) => void written.push(path) };
  const stores = { target, others: [failing, whole], unread: [], opened: [], close: () => {} };
  const { sessions, skipped, isComplete } = await writeSessions({ files }, stores, hidden as never, "/export");
  expect(written).toEqual(["/export/ses_whole.json"]);
  expect(sessions.map(({ sessionID }) => sessionID)).toEqual(["ses_whole"]);
  expect(skipped).toMatchObject([{ sessionID: "ses_broken", reason: expect.stringContaining("cannot be read") }]);
  expect(isComplete).toBe(true);
});

test("a parent with messages here and its record in a copy: its record is repaired here, and nothing is brought in over them", async () => {
  const copy = store(1, [session("parent"), session("alone")], { name: "opencode.db.bak", origin: "put-aside" });
  const bare = [session("parent", { hasRecord: false }), session("alone", { hasRecord: false })];
  const { hidden, said } = await listOf(store(0, [session("child", { parentID: "parent" }), ...bare]), [copy]);
  expect(hidden.map(({ cause, sessionID, withoutRecord }) => [cause, sessionID, withoutRecord])).toEqual([
    ["parent-missing", "child", "parent"],
    ["record-missing", "parent", "parent"],
    ["record-missing", "alone", "alone"],
  ]);
  expect(said).toContain("repair parent --only lost-record --only lost-session-record");
  expect(said).not.toContain("rescue --session");
});

test("what only another data directory has: its folder is named, and each command looks there again", async () => {
  const target = store(0, [session("child", { parentID: "parent" }), session("shared")]);
  const other = store(1, [session("parent"), session("shared")], { origin: "other-data", dataDir: "/elsewhere" });
  const write = rescueWriter({ dataDir: "/data" }, { into: "opencode-dev.db", fromData: "/elsewhere" });
  const { said } = await listOf(target, [other], write);
  const same = "--into opencode-dev.db --from-data /elsewhere --data-dir /data";
  expect(said).toContain(
    `is only in opencode.db in /elsewhere.\n    opencode-session-repair rescue --session parent ${same}`,
  );
  expect(said).toContain("1 more in opencode.db in /elsewhere");
  expect(said).toContain(`rescue --session shared ${same}`);
  expect(write("restore", "last")).not.toContain("/elsewhere");
});

test("a reason has ordinary spaces in the paths of a JSON document, and each path stays whole on a screen", async () => {
  const [name, dataDir] = ["opencode of the user.db", "/srv/a folder of the user/with a long name/my old data"];
  const target = store(0, [session("child", { parentID: "parent" }), session("shared")]);
  const other = store(1, [session("parent"), session("shared")], { origin: "other-data", name, dataDir });
  const { hidden, said } = await listOf(target, [other]);
  const reasons = hidden.flatMap(({ reason }) => reason ?? []);
  expect(reasons).toEqual([`The session that started this session is only in ${name} in ${dataDir}.`]);
  for (const width of [40, 80, 120]) {
    const lines = released(withoutWideLines(said, width)).split("\n");
    // Each text is in three lines: the hidden parent, the reason of the child, and the session with more messages in
    // the other store.
    for (const whole of [name, dataDir]) expect(lines.filter((line) => line.includes(whole))).toHaveLength(3);
  }
});

test("of named sessions alone nobody says that every session is shown; an id that no store has is unknown", async () => {
  const target = store(0, [session("shown")]);
  const { said } = await listOf(target, [], undefined, ["shown"]);
  expect(said).toStartWith("Of the sessions that --session names, none is hidden from the opencode of opencode.db.\n");
  expect(said).not.toContain("every session");
  const other = await listOf(target, [], undefined, ["shown", "ses_bogus"]);
  expect(other.said).toContain("ses_bogus: not among the sessions of opencode 1.x that could be read.");
  expect(other.said).not.toContain("none is hidden");
  const set = store(0, [session("archived", { archivedMs: 1 })]);
  const archived = await listOf(set, [], undefined, ["archived"]);
  expect(archived.hidden.map(({ cause }) => cause)).toEqual(["archived"]);
  expect(archived.said).not.toContain("none is hidden");
  expect((await listOf(target)).said).toContain("lists every session here");
  const others = [store(1, [session("copied")])];
  const opened = [target, ...others].map((each) => Object.assign(each.opened, { state: "ok", origin: null }));
  for (const store of opened) store.sessionsOf2x = () => 0;
  const stores = { target, others, unread: [], opened, close: () => {} };
  expect(unknownSessions(["shown", "copied"], stores)).toEqual([]);
  expect(unknownSessions(["shown", "ses_bogus"], stores)).toEqual(["ses_bogus"]);
  const unread = [{ origin: "beside", path: "/data/opencode-dev.db", isFolder: false }] as const;
  expect(unknownSessions(["ses_bogus"], { ...stores, unread })).toEqual([]);
});

test("an archived session of a missing folder is listed once, and leaves the archive only when that is asked", async () => {
  const target = store(0, [
    session("both", { directory: GONE, archivedMs: 5 }),
    session("archived", { archivedMs: 5 }),
  ]);
  const { hidden, partlyShown, incomplete, said } = await listOf(target);
  expect(hidden.map(({ cause, sessionID }) => [cause, sessionID])).toEqual([
    ["moved", "both"],
    ["archived", "archived"],
  ]);
  expect(said.match(/both/g)).toHaveLength(2);
  expect(said).toContain("--unarchive also takes this session out of the archive.");
  expect(unarchiveChanges(hidden, target).map(({ id }) => id)).toEqual(["both", "archived"]);
  const choices = rescueChoices({ target: "opencode.db", hidden, partlyShown, incomplete });
  expect(choices.map(({ sessionID, isSuggested, why }) => [sessionID, isSuggested, why])).toEqual([
    ["both", false, "its folder is gone, archived; you say where it is now"],
    ["archived", false, "archived"],
  ]);
});

test("a store beside that fails while it is read is named; what was found elsewhere is said", async () => {
  const target = store(0, [session("whole"), session("misplaced", { directory: GONE })]);
  const others = [
    store(1, [session("whole"), session("bare", { hasRecord: false })], { name: "opencode-dev.db", fails: true }),
    store(2, [session("elsewhere")], { name: "opencode-beta.db" }),
  ];
  const { hidden, unread, said } = await listOf(target, others);
  expect(hidden.map(({ sessionID }) => sessionID)).toEqual(["elsewhere", "misplaced"]);
  expect(unread).toEqual([{ origin: "beside", path: "/data/opencode-dev.db", isFolder: false }]);
  expect(said).toContain("1 store could not be read");
  const broken = store(3, [session("whole")], { fails: true });
  const bug = { ...broken, opened: { ...broken.opened, store: { conversations: null } } } as never;
  expect(findHidden(nodeFileSystem, target, [bug])).rejects.toThrow(TypeError);
});

test("a session of a store that fails without its record hides none of those after it that have one", async () => {
  const failing = store(1, [session("bare", { hasRecord: false }), session("whole"), session("after")], {
    fails: true,
  });
  const { hidden, unread } = await listOf(store(0, []), [failing]);
  expect(hidden.map(({ sessionID }) => sessionID)).toEqual(["whole", "after"]);
  expect(unread).toHaveLength(1);
});

test("a store that could not be read makes the answer uncertain unless it is a copy; its check is named by what it is", () => {
  const unread = (origin: FoundIn, isFolder = false) => ({ origin, path: "/data/somewhere", isFolder });
  // If OPENCODE_DB is set, opencode's default database lies beside the database in use.
  expect(isUncertain({ unreadStores: [unread("put-aside"), unread("beside")] })).toBe(true);
  expect(isUncertain({ unreadStores: [unread("other-data")] })).toBe(true);
  expect(isUncertain({ unreadStores: [unread("put-aside")] })).toBe(false);
  const limits = { beyond: 0, rule: "100 newest", beyondWeb: 0, webAddress: null } as const;
  expect(shownText({ unjudged: 0, limits, unreadStores: [] })).toBe(
    "opencode lists every session here that it can load.",
  );
  expect(shownText({ unjudged: 0, limits, unreadStores: [unread("beside")] })).toContain("1 store could not be read");
  expect(shownText({ unjudged: 2, limits, unreadStores: [] })).not.toContain("every session");
  expect(unreadLines([unread("beside")]).join()).not.toContain("--data-dir");
  expect(unreadLines([unread("beside", true)]).join()).not.toContain("--db");
  expect(unreadLines([unread("beside", true)])).toContain(
    "`opencode-session-repair check --data-dir FOLDER` says what is wrong with such a store.",
  );
});

test("no list of 1.2 to 1.14 holds a session of more than 30 days, whatever folder carries its project", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "hidden-")));
  try {
    execFileSync("git", ["init", "--quiet", join(root, "app")]);
    writeFileSync(join(root, "app", ".git", "opencode"), "known");
    const gone = { directory: join(root, "gone"), projectID: "known" };
    const rows = [session("old", { ...gone, updatedMs: Date.now() - 31 * DAY_MS }), session("new", gone)];
    const older = await listOf(store(0, rows, { line: "1.14" }));
    expect([older.hidden, older.partlyShown].map((list) => list.map(({ sessionID }) => sessionID))).toEqual([
      ["old"],
      ["new"],
    ]);
    // A user opens such a session from its parent session, so the age of the parent decides.
    const started = [
      session("new of old", { ...gone, parentID: "old" }),
      session("old of new", { ...gone, parentID: "new", updatedMs: Date.now() - 31 * DAY_MS }),
    ];
    const families = await listOf(store(0, [...rows, ...started], { line: "1.14" }));
    expect([families.hidden, families.partlyShown].map((list) => list.map(({ sessionID }) => sessionID))).toEqual([
      ["old", "new of old"],
      ["new", "old of new"],
    ]);
    const newest = await listOf(store(0, rows));
    expect([newest.hidden.length, newest.partlyShown.length]).toEqual([0, 2]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
