import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { nodeFileSystem } from "../../plugin/api.ts";
import { SessionGuard } from "../../plugin/opencode/terminal-ui/session-guard.ts";
import { openForLooks } from "../../plugin/opencode/terminal-ui/store-access.ts";
import { locate } from "../../plugin/stores/locate.ts";
import type { SessionOpening } from "../../plugin/stores/store.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { until } from "../process/until.ts";
import { addLargeSession } from "./large-session.ts";

/**
 * The most rows that a look may read besides messages and parts. These are the session, its project, and rows that were
 * written since the last look.
 */
const FEW_ROWS = 20;

let store: RealStore;
/** This guard looks at a session only when the session is opened. */
let guard: SessionGuard;
/** This guard has looked at every session in advance, and follows later writes. */
let prepared: SessionGuard;
/** For each guard, the number of rows and the sessions that it has read, for {@link rowsReadBy}. */
let rowsRead: Map<SessionGuard, { rows: number; readonly sessions: Set<string> }>;
/** Both sessions have 5,000 parts. `spread` has 500 messages, of which opencode loads 100. `dense` has 100 messages. */
let spread: string;
let dense: string;

beforeAll(async () => {
  store = await realStore("1.18.33");
  const model = store.sessions.conversation;
  spread = addLargeSession(store, model, "Spread", { messages: 500, partsPerMessage: 10 });
  dense = addLargeSession(store, model, "Dense", { messages: 100, partsPerMessage: 50 });
  const found = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!found.ok) throw new Error(found.message);
  const context = { files: nodeFileSystem, located: found.located, hostVersion: "1.18.33", concurrency: 1 };
  const guardOf = async () => {
    const opened = await openForLooks({ ...context, trigger: "tui", spare: null });
    if (opened === null) throw new Error("the database cannot be opened");
    const read = { rows: 0, sessions: new Set<string>() };
    const { opening } = opened;
    const counted: SessionOpening = {
      sizeOf: (...asked) => opening.sizeOf(...asked),
      subagentSessions: (sessionID) => opening.subagentSessions(sessionID),
      readAsHost(scope, visit) {
        if (scope.what === "session") read.sessions.add(scope.sessionID);
        opening.readAsHost(scope, (...row) => {
          read.rows += 1;
          visit(...row);
        });
      },
    };
    const made = new SessionGuard({ ...opened, opening: counted });
    rowsRead.set(made, read);
    return made;
  };
  rowsRead = new Map();
  guard = await guardOf();
  prepared = await guardOf();
  await prepared.lookAhead();
  const lookedAhead = () => rowsRead.get(prepared)?.sessions ?? new Set();
  const all = [...store.sessionIDs, spread, dense];
  await until(() => all.every((id) => lookedAhead().has(id)), "not every session is looked at in advance");
});

afterAll(async () => {
  guard?.close();
  prepared?.close();
  await removeHomes();
});

/** Writes through another connection, as a running opencode often does. */
function touch(): void {
  using database = openDatabase(store);
  database.run("update project set time_updated = time_updated + 1");
}

/** Changes one part of a session, calls `work`, and restores the part. */
function withPart<T>(sessionID: string, offset: number, data: string, work: () => T): T {
  const database = openDatabase(store);
  const select = "select id, data from part where session_id = ? order by id desc limit 1 offset ?";
  const row = database.query<{ id: string; data: string }, [string, number]>(select).get(sessionID, offset);
  if (row === null) throw new Error("there is no such part");
  const restore = () => {
    database.query("update part set data = ? where id = ?").run(row.data, row.id);
    database.close();
  };
  let result: T;
  try {
    database.query(`update part set data = ${data} where id = ?`).run(row.id);
    result = work();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) void result.finally(restore).catch(() => undefined);
  else restore();
  return result;
}

/** The number of rows that a guard reads during `work`. */
function rowsReadBy(which: SessionGuard, work: () => void): number {
  const read = rowsRead.get(which);
  if (read === undefined) throw new Error("nobody counts what it reads");
  const before = read.rows;
  work();
  return read.rows - before;
}

describe("a look at a session as it is opened", () => {
  test("healthy sessions pass", () => {
    for (const id of [...store.sessionIDs, spread, dense]) {
      expect([guard.look(id), prepared.look(id)]).toEqual(["loads", "loads"]);
    }
  });

  test.each([
    "''",
    "zeroblob(20)",
    "substr(data, 1, 30)",
    "'null'",
    "'{}'",
    "cast(zeroblob(length(data)) as text)",
    // SQLite's own parser accepts these as JSON.
    "cast(cast(data as blob) || zeroblob(8) as text)",
    "json_remove(data, '$.type')",
    "json_remove(data, '$.text', '$.state')",
  ])("a part that is %s is seen, wherever it stands in a session of 5,000 parts", (data) => {
    for (const [id, offsets] of [
      [spread, [0, 999]],
      [dense, [0, 2500, 4999]],
    ] as const) {
      for (const offset of offsets) {
        for (const each of [guard, prepared]) {
          expect(withPart(id, offset, data, () => each.look(id))).toBe("damaged");
          expect(each.look(id)).toBe("loads");
        }
      }
    }
  });

  test.each([
    // The output of a tool may contain bytes that are not UTF-8. It may also contain the character that replaces such
    // bytes.
    "json_object('type', 'text', 'text', 'a legal ' || char(65533))",
    "json_object('type', 'text', 'text', 'a legal NUL ' || char(0))",
    "json_object('type', 'text', 'text', 'more', 'unknown', json('[1]'))",
    `cast('{"type":"text","text":"${"long ".repeat(20)}' || x'ff' || '"}' as text)`,
  ])("a part that is %s is nobody's business", (data) => {
    for (const each of [guard, prepared]) expect(withPart(dense, 2500, data, () => each.look(dense))).toBe("loads");
  });

  test("a message that opencode does not load with the screen is none of its business", () => {
    expect(withPart(spread, 4000, "''", () => guard.look(spread))).toBe("loads");
  });

  test("damage of a subagent's session is seen as its parent is opened, for opencode fetches it then", async () => {
    const { child, conversation } = store.sessions;
    using database = openDatabase(store);
    const select = "select id, data from part where session_id = ? limit 1";
    const part = database.query<{ id: string; data: string }, [string]>(select).get(child.id);
    database.run("update part set data = '' where id = ?", [part?.id ?? ""]);
    for (const each of [guard, prepared]) {
      expect([each.look(conversation.id), each.look(child.id)]).toEqual(["damaged", "damaged"]);
      expect((await each.damageOf(conversation.id)).map(({ recordID }) => recordID)).toEqual([part?.id ?? ""]);
    }
    database.run("update part set data = ? where id = ?", [part?.data ?? "", part?.id ?? ""]);
    for (const each of [guard, prepared]) expect(each.look(conversation.id)).toBe("loads");
  });

  test("what the look takes for damaged is named by the check of that session", async () => {
    const database = openDatabase(store);
    const { id } = store.sessions.plain;
    database.run("update message set data = '' where session_id = ?", [id]);
    expect(guard.look(id)).toBe("damaged");
    const findings = await guard.damageOf(id);
    expect(findings.map(({ code }) => code)).toEqual(store.sessions.plain.messages.map(() => "empty"));
    guard.letThrough(id);
    expect(guard.look(id)).toBe("loads");
    expect(guard.look(dense)).toBe("loads");
    expect(guard.look(id)).toBe("damaged");
    database.close();
  });

  test("a session that takes long to read is not read while the terminal UI waits; the check of it names the damage", async () => {
    const padded = `json_set(data, '$.metadata', json_object('pad', hex(zeroblob(${20 * 1024 * 1024}))))`;
    const damage = await withPart(dense, 10, padded, async () => {
      expect(rowsReadBy(guard, () => expect(guard.look(dense)).toBe("long"))).toBe(0);
      const clean = await guard.damageOf(dense);
      return [clean, await withPart(dense, 4999, "''", () => guard.damageOf(dense))];
    });
    expect(damage.map((findings) => findings.map(({ code }) => code))).toEqual([[], ["empty"]]);
  });
});

/** `npm run bench -- --only opening` measures the time of such a look. */
test.each([
  ["as it is opened", () => guard],
  ["in advance", () => prepared],
])("a healthy session of 5,000 parts is looked at %s: what opencode loads of it is read once", (_, which) => {
  for (const [id, newest] of [
    [spread, 101 * 11],
    [dense, 100 * 51],
  ] as const) {
    for (let round = 0; round < 5; round += 1) {
      touch();
      const read = rowsReadBy(which(), () => expect(which().look(id)).toBe("loads"));
      expect(read).toBeLessThanOrEqual(newest + FEW_ROWS);
      // The guard that looked in advance reads only the rows that were written since then.
      if (which() === prepared && round > 0) expect(read).toBeLessThanOrEqual(FEW_ROWS);
    }
  }
});
