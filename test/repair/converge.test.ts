import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { check } from "../../plugin/repair/check.ts";
import { repairThroughout } from "../../plugin/repair/converge.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { blockingOf, toolFor } from "../host/tool.ts";
import { located } from "../stores/store-under-test.ts";

/** An address of the web page where folders belong (anomalyco/opencode#50401); the event log still names the folders. */
function nameAddresses({ dataDir, project }: RealStore): void {
  using database = new Database(join(dataDir, "opencode.db"));
  database.run("update session set directory = 'http://localhost:3333/proj'");
  database.run("update project set worktree = 'http://localhost:3333/proj' where id <> 'global'");
  for (const table of ["message", "part"]) {
    database.run(`update ${table} set data = replace(data, ?, ?)`, [project, "http://localhost:3333/proj"]);
  }
  database.run("update project_directory set directory = 'http://localhost:3333/proj'");
}

function rows({ dataDir }: RealStore): unknown {
  using database = new Database(join(dataDir, "opencode.db"), { readonly: true });
  return [
    database.query("select rowid, * from session order by id").all(),
    database.query("select rowid, * from project order by id").all(),
  ];
}

test("one repair does what the next one would find: folders of sessions, then the project's that follows from them", async () => {
  const store = await realStore("1.18.33");
  try {
    nameAddresses(store);
    const before = rows(store);
    const where = await located(files, store.dataDir);
    const findNow = async () => {
      const outcome = await check({ files, located: where, sessionIDs: [], concurrency: 4 });
      return outcome.ok ? outcome.result.findings : [];
    };
    const asked: number[] = [];
    const { runID, items, plans, stopped } = await repairThroughout({
      ...{ files, located: where, access: "outside", trigger: "cli", hostVersion: null },
      findings: await findNow(),
      selection: { codes: null, unasked: false },
      findAgain: findNow,
      confirm: async (next) => asked.push(next.length) > 0,
    });
    expect(stopped).toBeNull();
    expect(plans.length).toBe(2);
    expect(asked).toEqual([1]);
    const kinds = items.map(({ action, kind }) => `${action} ${kind}`);
    expect(new Set(kinds)).toEqual(new Set(["recovered session", "recovered project"]));
    const tool = await toolFor(store.dataDir);
    expect(blockingOf(await tool.check())).toEqual([]);
    await tool.restore(runID ?? "");
    expect(rows(store)).toEqual(before);
  } finally {
    await store.home.remove();
  }
});

test("a step that is not confirmed is not done", async () => {
  const store = await realStore("1.18.33");
  try {
    nameAddresses(store);
    const tool = await toolFor(store.dataDir);
    const { findings } = await tool.check();
    const { items, plans } = await repairThroughout({
      ...{ files, located: await located(files, store.dataDir), access: "outside", trigger: "cli", hostVersion: null },
      findings,
      selection: { codes: null, unasked: false },
      findAgain: async () => (await tool.check()).findings,
      confirm: async () => false,
    });
    expect(plans.length).toBe(1);
    expect(items.map(({ kind }) => kind)).not.toContain("project");
    expect(blockingOf(await tool.check()).map(({ kind }) => kind)).toEqual(["project"]);
  } finally {
    await store.home.remove();
  }
});

test("a message that is restored alone brings its damaged parts to light: they are repaired with it, and no other", async () => {
  const store = await realStore("1.18.33");
  try {
    const { plain, conversation } = store.sessions;
    const [, message] = plain.messages;
    const [, other] = conversation.messages;
    {
      using database = new Database(join(store.dataDir, "opencode.db"));
      database.run("pragma foreign_keys = off");
      database.run("delete from message where id = ?", [message?.id ?? ""]);
      for (const id of [message?.id, other?.id]) {
        database.run("update part set data = cast(zeroblob(9) as text) where message_id = ?", [id ?? ""]);
      }
    }
    const image = () => {
      using database = new Database(join(store.dataDir, "opencode.db"), { readonly: true });
      return database.query("select rowid, *, hex(data) as bytes from part order by id").all();
    };
    const before = image();
    const tool = await toolFor(store.dataDir);
    const { runID, items } = await repairThroughout({
      ...{ files, located: await located(files, store.dataDir), access: "outside", trigger: "cli", hostVersion: null },
      findings: (await tool.check()).findings,
      selection: { codes: ["lost-record"], unasked: false },
      findAgain: async () => (await tool.check()).findings,
    });
    const done = items.map(({ kind, action }) => `${kind} ${action}`);
    expect(done).toEqual(["message recovered", ...(message?.parts ?? []).map(() => "part recovered")]);
    expect(
      blockingOf(await tool.check())
        .map(({ recordID }) => recordID)
        .sort(),
    ).toEqual((other?.parts ?? []).map(({ id }) => id).sort());
    await tool.restore(runID ?? "");
    expect(image()).toEqual(before);
  } finally {
    await store.home.remove();
  }
});
