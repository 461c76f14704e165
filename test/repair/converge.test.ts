import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFile, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { FAULT_CODES } from "../../plugin/faults/catalogue.ts";
import { check } from "../../plugin/repair/check.ts";
import { repairThroughout } from "../../plugin/repair/converge.ts";
import { planRepair } from "../../plugin/repair/plan.ts";
import { storeImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { blockingOf, toolFor } from "../host/tool.ts";
import { SEED } from "../process/seed.ts";
import { located } from "../stores/store-under-test.ts";
import { convergence } from "./converge-experiment.ts";

/**
 * Replaces the folders of sessions and projects with a web address (anomalyco/opencode#50401). The event log still
 * names the folders.
 */
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

/** Runs one repair that names the code of every problem that a check finds. */
async function repairedByCodes(store: RealStore) {
  const tool = await toolFor(store.dataDir);
  const { findings } = await tool.check();
  const codes = [...new Set(findings.map(({ code }) => code))];
  const found = async () => (await tool.check()).findings;
  const where = await located(files, store.dataDir);
  const result = await repairThroughout({
    ...{ files, located: where, access: "outside", trigger: "cli", hostVersion: null },
    ...{ findings, selection: { codes, unasked: false }, findAgain: found },
  });
  const again = planRepair(await found(), { codes: FAULT_CODES, unasked: false });
  return { ...result, tool, again: again.flatMap(({ operations }) => operations.map(({ code }) => code)) };
}

test("a session's row under another id is recovered once: no record is rebuilt for the id that it gets", async () => {
  const store = await realStore("1.18.33");
  try {
    const { id } = store.sessions.plain;
    for (const other of [id.slice(1), "ses320535160"]) {
      {
        using database = new Database(join(store.dataDir, "opencode.db"));
        database.run("pragma foreign_keys = off");
        database.run("update session set id = ? where id = ?", [other, id]);
      }
      const before = rows(store);
      const { runID, items, tool, again } = await repairedByCodes(store);
      expect(items.map(({ kind, recordID, action }) => [kind, recordID, action])).toEqual([
        ["session", other, "recovered"],
      ]);
      expect(again).toEqual([]);
      await tool.restore(runID ?? "");
      expect(rows(store)).toEqual(before);
      using database = new Database(join(store.dataDir, "opencode.db"));
      database.run("update session set id = ? where id = ?", [id, other]);
    }
  } finally {
    await store.home.remove();
  }
});

test("records whose session was gone already return with the undo", async () => {
  const store = await realStore("1.14.41");
  try {
    const { id } = store.sessions.plain;
    {
      using database = new Database(join(store.dataDir, "opencode.db"));
      database.run("pragma foreign_keys = off");
      database.run("update session set id = ? where id = ?", [`x${id}`, id]);
      database.run("update message set data = '{' where session_id = ?", [id]);
    }
    const before = await storeImage(store.dataDir);
    const { runID, items, tool, again } = await repairedByCodes(store);
    expect(items.filter(({ action }) => action === "quarantined").length).toBeGreaterThan(0);
    expect(again).toEqual([]);
    const { items: undone } = await tool.restore(runID ?? "");
    expect(undone.filter(({ action }) => action !== "restored")).toEqual([]);
    expect(await storeImage(store.dataDir)).toEqual(before);
  } finally {
    await store.home.remove();
  }
});

test("a record that needs two repairs gets both in one run, and its first content with the undo", async () => {
  const store = await realStore("1.1.65");
  try {
    const { id, messages } = store.sessions.aborted;
    const path = join(store.dataDir, "storage", "message", id, `${messages.at(-1)?.id}.json`);
    const { time: _, error: __, finish: ___, ...message } = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify(message));
    await utimes(path, 1, 1);
    const before = await storeImage(store.dataDir);
    const tool = await toolFor(store.dataDir);
    const findNow = async () => (await tool.check()).findings;
    const where = await located(files, store.dataDir);
    const selection = { codes: FAULT_CODES, unasked: false };
    const { runID, items } = await repairThroughout({
      ...{ files, located: where, access: "outside", trigger: "cli", hostVersion: null },
      ...{ findings: await findNow(), selection, findAgain: findNow },
    });
    expect(items.map(({ code, action }) => [code, action])).toEqual([
      ["screen-fatal", "normalised"],
      ["unfinished-turn", "settled"],
    ]);
    expect(planRepair(await findNow(), selection)).toEqual([]);
    await tool.restore(runID ?? "");
    expect(await storeImage(store.dataDir)).toEqual(before);
  } finally {
    await store.home.remove();
  }
});

test("a clock that is set back during a run changes nothing about its undo", async () => {
  const store = await realStore("1.1.65");
  const clock = Date.now;
  try {
    const { id, messages } = store.sessions.aborted;
    const path = join(store.dataDir, "storage", "message", id, `${messages.at(-1)?.id}.json`);
    const { time: _, error: __, finish: ___, ...message } = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify(message));
    await utimes(path, 1, 1);
    const before = await storeImage(store.dataDir);
    const tool = await toolFor(store.dataDir);
    const findNow = async () => (await tool.check()).findings;
    const { runID } = await repairThroughout({
      ...{ files, located: await located(files, store.dataDir), access: "outside", trigger: "cli", hostVersion: null },
      ...{ findings: await findNow(), selection: { codes: FAULT_CODES, unasked: false } },
      findAgain: () => {
        Date.now = () => clock() - 5000;
        return findNow();
      },
    });
    Date.now = clock;
    const { items } = await tool.restore(runID ?? "");
    expect(items.map(({ action }) => action)).toEqual(["restored", "restored"]);
    expect(await storeImage(store.dataDir)).toEqual(before);
  } finally {
    Date.now = clock;
    await store.home.remove();
  }
});

test("a part of a message that two sessions have is repaired once", async () => {
  const store = await realStore("1.0.152");
  try {
    const { conversation, plain } = store.sessions;
    const message = conversation.messages[1];
    const folder = join(store.dataDir, "storage", "message");
    await copyFile(join(folder, conversation.id, `${message?.id}.json`), join(folder, plain.id, `${message?.id}.json`));
    const part = join(store.dataDir, "storage", "part", message?.id ?? "", `${message?.parts[0]?.id}.json`);
    await writeFile(part, "null");
    await utimes(part, 1, 1);
    const tool = await toolFor(store.dataDir);
    const findings = blockingOf(await tool.check());
    expect(new Set(findings.map(({ sessionID }) => sessionID))).toEqual(new Set([conversation.id, plain.id]));
    const { items } = await tool.repair();
    expect(items.map(({ recordID, action }) => [recordID, action])).toEqual([
      [message?.parts[0]?.id ?? "", "quarantined"],
    ]);
    expect(blockingOf(await tool.check())).toEqual([]);
  } finally {
    await store.home.remove();
  }
});

for (const version of ["1.1.65", "1.18.33"] as const) {
  test(`random damages of a store of ${version}: one repair leaves nothing to a second, and the undo brings every byte back`, async () => {
    for (const [index, naming] of (["none", "found", "all"] as const).entries()) {
      const seed = SEED + index;
      const { damages, faults } = await convergence(version, seed, naming);
      expect({ seed, naming, damages, faults }).toEqual({ seed, naming, damages, faults: [] });
    }
  });
}
