import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { builtPackage } from "../package/built.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import { type Arguments, type Bench, messageStatus, runsOf, turn, unasked } from "./agent-turn.ts";
import { type HostVersion, isJsonHost, mended } from "./binary.ts";
import { ZERO_BYTES } from "./damage.ts";
import { removeHomes } from "./home.ts";
import { HostForCases } from "./host-for-cases.ts";
import { filePlace, type RecordPlace, rowPlace } from "./record-place.ts";
import { sessionImage } from "./session-image.ts";
import type { StoredSession } from "./sessions.ts";
import type { RealStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

/** 1.2.27 behaves like 1.1.65, and 1.17.18 like 1.18.33, so these two are left out. */
const VERSIONS = ["1.0.152", "1.1.65", ...(IS_WHOLE ? (["1.14.41"] as const) : []), "1.18.33"] as const;

/** Only these hosts let a plugin ask the user. 1.14.41 has a function for that, but it does not work. */
const ASKING: readonly HostVersion[] = ["1.1.65", "1.18.33"];

/**
 * Only the plugin reads the arguments. The oldest and the newest host pass them on in different ways, so these two are
 * enough.
 */
const TRIED_WITH_BAD_INPUT: readonly HostVersion[] = ["1.0.152", "1.18.33"];

/** In these hosts, the result of a tool has metadata. A title exists only in {@link WITH_TITLE}. */
const WITH_METADATA: readonly HostVersion[] = ["1.14.41", "1.18.33"];
const WITH_TITLE: readonly HostVersion[] = ["1.18.33"];
/** Only here does the model get the plugin's descriptions of the arguments. */
const WITH_DESCRIPTIONS: readonly HostVersion[] = ["1.18.33"];

/**
 * Permissions of the tool in the configuration, and the status of a damaged session after the agent called the tool.
 */
const CONFIGURED = [
  [{ session_repair: "deny" }, 500],
  [{ session_repair: "allow" }, 200],
  // Rules that forbid the tool together with other tools.
  ["deny", 500],
  [{ bash: "allow", "session_*": "deny" }, 500],
] as const;

let plugin: string;

beforeAll(async () => {
  plugin = `file://${await builtPackage()}/server.js`;
});

afterAll(removeHomes);

for (const version of VERSIONS) {
  const asks = ASKING.includes(version);
  describe(`the agent's tool in opencode ${version}`, () => {
    let host: HostForCases;

    beforeAll(() => {
      host = new HostForCases(version, [plugin]);
    });

    afterAll(() => host.end());

    test("a check is free and changes nothing", () => withBench(host, freeCheck));

    test(
      asks ? "repair and undo ask; no changes nothing, yes does it" : "repair and undo want confirm: true, and say so",
      () => withBench(host, asks ? asking : confirming),
    );

    if (IS_WHOLE || TRIED_WITH_BAD_INPUT.includes(version))
      test("what cannot be done is said, and nobody is asked", () => withBench(host, badInput));

    // Only the plugin decides this, so one JSON host and one SQLite host are enough.
    if (IS_WHOLE || asks) test("the session it runs in is never touched", () => withBench(host, ownSession));

    if (!asks) return;

    test.each(version === "1.18.33" || IS_WHOLE ? CONFIGURED : CONFIGURED.slice(0, 2))(
      "what the user's configuration says of it comes first: %j",
      (permission, statusAfter) =>
        withBench(
          host,
          async (bench) => {
            const { plain } = bench.store.sessions;
            emptyPart(bench.store, plain);
            await turn(bench, { action: "repair" }, null);
            expect(await messageStatus(bench, plain)).toBe(statusAfter);
          },
          permission,
        ),
    );
  });
}

type Permissions = string | Readonly<Record<string, string>>;

function withBench(
  host: HostForCases,
  work: (bench: Bench) => Promise<void>,
  permission: Permissions = { bash: "allow" },
): Promise<void> {
  const settings = { config: { permission, snapshot: false }, options: { preload: "off" } };
  return host.run(settings, (each) => work({ ...each, own: each.store.sessions.conversation }));
}

async function freeCheck(bench: Bench): Promise<void> {
  const { store, host } = bench;
  const { plain, compacted } = store.sessions;
  const [first, second] = [emptyPart(store, plain), emptyPart(store, compacted)];
  const before = await sessionImage(store, plain);

  const [all, one, runs] = await unasked(bench, [
    { action: "check" },
    { action: "check", sessionID: plain.id },
    { action: "runs" },
  ]);
  if (all === undefined || one === undefined || runs === undefined) throw new Error("a call is missing");
  expect(all.status).toBe("completed");
  for (const word of ["2 records that opencode cannot load", plain.id, first, second, "is empty", "0 bytes"]) {
    expect(all.output).toContain(word);
  }
  if (WITH_DESCRIPTIONS.includes(host.version)) {
    const names = ["action", "sessionID", "runID", "confirm"];
    const described = names.map((name) => [name, expect.objectContaining({ description: expect.any(String) })]);
    const parameters = expect.objectContaining({ properties: Object.fromEntries(described) });
    const own = expect.objectContaining({ name: "session_repair", parameters });
    expect(bench.model.tools).toContainEqual(expect.objectContaining({ function: own }));
  }
  if (WITH_TITLE.includes(host.version)) expect(all.title).toBe(all.output.split("\n")[0] ?? "");
  if (WITH_METADATA.includes(host.version)) expect(all.metadata).toMatchObject({ runID: null, remaining: 2 });

  expect(one.output).toContain(first);
  expect(one.output).not.toContain(second);

  expect(runs.output).toBe("There are no runs: nothing was ever repaired here.");
  expect(await sessionImage(store, plain)).toEqual(before);
  expect(await messageStatus(bench, plain)).toBe(500);
}

async function asking(bench: Bench): Promise<void> {
  const { store, host, own } = bench;
  const { plain } = store.sessions;
  emptyPart(store, plain);
  const damaged = await sessionImage(store, plain);

  // `confirm` has an effect only in hosts that cannot ask the user.
  const denied = await turn(bench, { action: "repair", confirm: true }, "reject");
  const toDo = mended(host.version) === "recovered" ? "recover 1 record" : "quarantine 1 record";
  const summary = `${toDo}, in 1 session (reversible)`;
  // The terminal UI shows only the name of the permission.
  const permission = `session_repair: ${summary}`;
  expect(denied.asked).toMatchObject({ permission, sessionID: own.id, patterns: [summary] });
  expect(denied.asked?.metadata).toMatchObject({ summary });
  expect(denied.status).toBe("error");
  expect(await sessionImage(store, plain)).toEqual(damaged);
  expect(await runsOf(store)).toEqual([]);

  const allowed = await turn(bench, { action: "repair" }, "once");
  expect(allowed.asked).toMatchObject({ patterns: [summary] });
  expect(allowed).toMatchObject({
    status: "completed",
    output: expect.stringContaining(`1 record ${mended(host.version)}.`),
  });
  expect(await messageStatus(bench, plain)).toBe(200);
  const [run] = await runsOf(store);
  expect(run).toMatchObject({ trigger: "tool", state: "done", sessionID: plain.id, host: { version: host.version } });
  if (WITH_METADATA.includes(host.version)) {
    expect(allowed.metadata).toMatchObject({ runID: run?.runID, changedSessions: [plain.id], remaining: 0 });
  }
  const again = await turn(bench, { action: "repair" }, null);
  expect(again).toMatchObject({ asked: null, output: expect.stringContaining("Nothing to repair") });

  const repaired = await sessionImage(store, plain);
  const kept = await turn(bench, { action: "undo" }, "reject");
  const putBack = `restore 1 record of 1 session, run ${run?.runID}`;
  expect(kept.asked).toMatchObject({ permission: `session_repair: ${putBack}`, patterns: [putBack] });
  expect(await sessionImage(store, plain)).toEqual(repaired);
  const undone = await turn(bench, { action: "undo", runID: run?.runID ?? "" }, "once");
  expect(undone.asked).toMatchObject({ patterns: [putBack] });
  expect(undone).toMatchObject({ status: "completed", output: expect.stringContaining("1 record restored") });
  expect(await sessionImage(store, plain)).toEqual(damaged);
}

/** Checks that opencode asks nobody about a wrong call of the tool, and that the call changes nothing. */
async function badInput(bench: Bench): Promise<void> {
  const { store } = bench;
  const { plain } = store.sessions;
  emptyPart(store, plain);
  const damaged = await sessionImage(store, plain);
  const wrong: readonly (readonly [input: unknown, ...words: string[]])[] = [
    [{}, "An action is missing", "check, repair, undo, runs"],
    [{ action: "destroy" }, "There is no such action", "check, repair, undo, runs"],
    [{ action: 7 }, "There is no such action"],
    [{ action: "toString" }, "There is no such action"],
    [{ action: "repair", sessionID: "msg_1" }, "begins with ses"],
    [{ action: "repair", sessionID: 5 }, "takes a text"],
    [{ action: "repair", sessionID: "ses_0000000000000000000000000" }, "no session with this id"],
    [{ action: "repair", runID: "20200101T000000000Z-0000-00000000" }, "repair takes no runID"],
    [{ action: "undo", sessionID: plain.id }, "undo takes no sessionID"],
    [{ action: "undo", runID: "../../x" }, "A runID looks like"],
    [{ action: "undo", runID: "20200101T000000000Z-0000-00000000" }, "no run with this id"],
    [{ action: "undo" }, "There is nothing to undo"],
    [{ action: "check", everything: true }, "no other arguments"],
    // Models write empty values for arguments that they leave out.
    [{ action: "check", sessionID: "", runID: "" }, "1 record that opencode cannot load"],
  ];
  const inputs = wrong.map(([input]) => ({ ...(input as Arguments), confirm: true }));
  const answered = await unasked(bench, inputs);
  expect(answered).toHaveLength(wrong.length);
  for (const [index, { output }] of answered.entries()) {
    const [, ...words] = wrong[index] ?? [];
    for (const word of words) expect(output).toContain(word);
    expect(output).not.toMatch(/undefined|TypeError|not a function/);
  }
  expect(await sessionImage(store, plain)).toEqual(damaged);
  expect(await runsOf(store)).toEqual([]);
}

async function confirming(bench: Bench): Promise<void> {
  const { store } = bench;
  const { plain } = store.sessions;
  emptyPart(store, plain);
  const damaged = await sessionImage(store, plain);
  const refusal = /^Nothing was changed\..*confirm: true/;
  const refused = await unasked(bench, [{ action: "repair" }, { action: "repair", confirm: false }]);
  expect(refused.map(({ output }) => output)).toEqual([expect.stringMatching(refusal), expect.stringMatching(refusal)]);
  expect(await sessionImage(store, plain)).toEqual(damaged);
  expect(await runsOf(store)).toEqual([]);

  const repaired = await turn(bench, { action: "repair", confirm: true }, null);
  expect(repaired.output).toContain("1 record quarantined.");
  expect(await messageStatus(bench, plain)).toBe(200);
  expect((await turn(bench, { action: "undo" }, null)).output).toMatch(refusal);
  expect(await messageStatus(bench, plain)).toBe(200);
  expect((await turn(bench, { action: "undo", confirm: true }, null)).output).toContain("1 record restored");
  expect(await sessionImage(store, plain)).toEqual(damaged);
}

/**
 * Damages the session in which the tool runs, after the model was asked and before the tool is called. The tool must
 * not repair it.
 */
async function ownSession(bench: Bench): Promise<void> {
  const { store, own } = bench;
  const { plain } = store.sessions;
  const other = emptyPart(store, plain);
  const mine = firstPart(store, own);
  const healthy = await sessionImage(store, own);
  const repaired = await turn(bench, { action: "repair", confirm: true }, "once", {
    before: () => mine.damage(ZERO_BYTES),
    after: () => mine.heal(),
  });
  expect(repaired.output).toContain(other);
  expect(repaired.output).toContain("Left unchanged: 1 record of the session that this tool runs in");
  expect((await runsOf(store)).map(({ sessionID }) => sessionID)).toEqual([plain.id]);
  expect(await sessionImage(store, own)).toMatchObject(healthy);

  await mine.damage(ZERO_BYTES);
  const { runID } = await (await toolFor(store.dataDir)).repair();
  const kept = await turn(bench, { action: "undo", runID: runID ?? "", confirm: true }, "once");
  expect(kept.output).toContain("That run changed the session that this tool runs in");
  expect(await messageStatus(bench, own)).toBe(200);
}

function firstPart(store: RealStore, { id: sessionID, messages }: StoredSession): RecordPlace {
  const messageID = messages[0]?.id ?? "";
  const identity = { kind: "part" as const, sessionID, recordID: messages[0]?.parts[0]?.id ?? "" };
  return isJsonHost(store.home.version)
    ? filePlace(store, identity, `storage/part/${messageID}/${identity.recordID}.json`)
    : rowPlace(store, identity, "part", "data");
}
