import { Database } from "bun:sqlite";
import { afterEach, expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { check } from "../../plugin/repair/check.ts";
import { repairThroughout } from "../../plugin/repair/converge.ts";
import { showSession } from "../../plugin/show/show.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { located } from "../stores/store-under-test.ts";

const stores: RealStore[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.home.remove();
});

/** Matches a step of SQLite's query plan that scans a whole table. These tables grow with the use of opencode. */
const READ_WHOLE = /SCAN (message|part|event)\b/;

/** Returns the statements whose query plan has a step that `isStep` accepts. */
function plannedWith(path: string, statements: Iterable<string>, isStep: (detail: string) => boolean): string[] {
  using database = new Database(path);
  return [...statements].filter((sql) => {
    if (!/^\s*(with|select|insert|update|delete)\b/i.test(sql)) return false;
    try {
      const plan = database.query<{ detail: string }, []>(`explain query plan ${sql}`).all();
      return plan.some(({ detail }) => isStep(detail));
    } catch {
      // SQLite cannot plan a statement about a temporary table of another connection.
      return false;
    }
  });
}

/** Returns the statements that scan one of these tables completely. */
function wholeReadings(path: string, statements: ReadonlySet<string>): string[] {
  return plannedWith(path, statements, (detail) => READ_WHOLE.test(detail));
}

/**
 * Returns the statements that take some events of a session, but sort all of its events first. Each such step would
 * read the whole log of the session again.
 */
function sortedLogs(path: string, statements: ReadonlySet<string>): string[] {
  const inSteps = [...statements].filter((sql) => /\bfrom event\b[\s\S]*\blimit\b/i.test(sql));
  expect(inSteps).not.toEqual([]);
  return plannedWith(path, inSteps, (detail) => detail.includes("TEMP B-TREE FOR ORDER BY"));
}

async function repairedStatements(store: RealStore, sessionID: string): Promise<Set<string>> {
  const spy = spyOn(Database.prototype, "prepare");
  try {
    const where = await located(files, store.dataDir);
    const findNow = async () => {
      const outcome = await check({ files, located: where, sessionIDs: [sessionID], concurrency: 4 });
      return outcome.ok ? outcome.result.findings : [];
    };
    const { items } = await repairThroughout({
      ...{ files, located: where, access: "outside", trigger: "cli", hostVersion: null },
      findings: await findNow(),
      selection: { codes: null, unasked: false },
      findAgain: findNow,
      confirm: async () => true,
    });
    expect(items.map(({ action }) => action)).toEqual(["recovered"]);
    expect(await findNow()).toEqual([]);
    const shown = await showSession({ files, located: where, sessionID, concurrency: 4 });
    if (shown.ok) {
      for await (const { messageID } of shown.session.messages()) expect(messageID).not.toBe("");
      shown.session.close();
    }
    expect(shown.ok).toBe(true);
    return new Set(spy.mock.calls.map(([sql]) => sql));
  } finally {
    spy.mockRestore();
  }
}

test.each(["1.2.27", "1.18.33"] as const)(
  "%s: check, repair and show of one session read no table from its first row to its last",
  async (version) => {
    const store = await realStore(version);
    stores.push(store);
    const path = join(store.dataDir, "opencode.db");
    const sessionID = store.sessions.conversation.id;
    {
      using database = new Database(path);
      database.run(
        `update part set data = substr(data, 1, length(data) - 20) where id =
           (select id from part where session_id = ? and json_extract(data, '$.type') = 'text' order by id desc limit 1)`,
        [sessionID],
      );
    }
    const statements = await repairedStatements(store, sessionID);
    expect(statements.size).toBeGreaterThan(20);
    expect(wholeReadings(path, statements)).toEqual([]);
    if (version === "1.18.33") expect(sortedLogs(path, statements)).toEqual([]);
  },
);
