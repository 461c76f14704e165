import { afterAll, expect, test } from "bun:test";
import { SEED } from "../process/seed.ts";
import { writeSessions } from "../terminal/shown-sessions.ts";
import { checkVariations, refusedByHost } from "./healthy-variations-trial.ts";
import { removeHomes } from "./home.ts";
import { realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

afterAll(removeHomes);

// 1.15.13 checks every record against a schema, and some values end its terminal UI. So this version tests both kinds
// of rules.
test(`of 5,000 healthy documents that look odd nothing is named, and 1.15.13 loads them (seed ${SEED})`, async () => {
  const store = await realStore("1.15.13");
  const trial = await checkVariations(store, SEED, 5000);
  expect(trial.findings).toEqual([]);
  expect(await refusedByHost(store, trial, 12)).toEqual([]);

  const state = {
    status: "completed",
    input: { pattern: "*", path: 5 },
    output: "",
    title: "",
    metadata: {},
    time: { start: 1, end: 1 },
  };
  const parts = [JSON.stringify({ type: "tool", callID: "call_1", tool: "glob", state })];
  writeSessions(store, [{ id: "odd", turns: [{ message: null, isInAnswer: true, parts }] }]);
  const { findings } = await (await toolFor(store.dataDir)).check();
  expect(findings.map(({ code }) => code)).toEqual(["screen-fatal"]);
});
