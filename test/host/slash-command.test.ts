import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { builtPackage } from "../package/built.ts";
import { ASK_EVERY_MS, until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import { type HostVersion, LINE_HOSTS, mended } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { type CaseSettings, type HostCase, HostForCases } from "./host-for-cases.ts";
import { pluginToast } from "./host-log.ts";
import { startModelServer } from "./model-server.ts";
import { runHost, startHost } from "./running-host.ts";
import { sessionImage } from "./session-image.ts";
import {
  expectAnswered,
  expectNoSecrets,
  messageStatuses,
  messagesOf,
  report,
  reportIn,
  runsOf,
  storedSessions,
  typed,
  type WireMessage,
} from "./slash-command-answers.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

const SECOND: readonly HostVersion[] = ["1.2.27", "1.14.41"];

/**
 * Versions in which a plugin can answer a command itself. 1.2.27 and 1.14.41 do that in the same way.
 * test/terminal/typed-command.test.ts types `/repair` in the terminal UI of 1.14.41.
 */
const VERSIONS = LINE_HOSTS.filter((version) => version !== "1.0.152" && (IS_WHOLE || !SECOND.includes(version)));

/** Versions that look for the last model in the session's messages before they ask the plugin. */
const READ_MESSAGES_FIRST: readonly HostVersion[] = ["1.2.27", "1.14.41"];

/**
 * Versions with which kept sessions are tested: a JSON host, and in `npm run test:whole` also a SQLite host. Only the
 * plugin decides which sessions are kept, and a check runs the same code as a repair.
 */
const KEPT_TRIED_ON: readonly HostVersion[] = IS_WHOLE ? ["1.1.65", "1.2.27"] : ["1.1.65"];

let plugin: string;

beforeAll(async () => {
  plugin = `file://${await builtPackage()}/server.js`;
});

afterAll(removeHomes);

for (const version of VERSIONS) {
  describe(`/repair in opencode ${version}`, () => {
    let host: HostForCases;

    beforeAll(() => {
      host = new HostForCases(version, [plugin]);
    });

    afterAll(() => host.end());

    test("every form of it, typed into a healthy session", () => withBench(host, everyForm));

    test("typed into the damaged session itself", () => withBench(host, inDamagedSession));

    test("without a configured default model", () =>
      withBench(host, withoutDefaultModel, { model: undefined, small_model: undefined }));

    test("sent as a message, by a client that does not know the command", () => withBench(host, asMessage));

    test("a command of the user's own with that name stays the user's", () =>
      withBench(host, usersOwn, { command: { repair: { template: "Tidy my code: $ARGUMENTS" } } }));

    test("without a provider", () => withBench(host, withoutProvider, null));

    test("while the agent works: it is not interrupted, and the report comes after its turn", () =>
      withBench(host, besideTheAgent));

    test("opencode run --command repair: a verdict for scripts, and no session is left behind", () =>
      fromTheShell(version));
  });
}

describe("/repair in opencode 1.0.152, which cannot hand a command to a plugin", () => {
  test("the template has the agent call the tool", throughTheAgent);
});

/** With this option, the start repairs nothing, so only the command does. */
const QUIET = { preload: "off" };

/** Runs a case. If opencode may ask the model, `work` returns how often it does so. */
async function withBench(
  host: HostForCases,
  work: (bench: HostCase) => Promise<unknown>,
  config: CaseSettings["config"] = {},
): Promise<void> {
  await host.run({ config: config && { snapshot: false, ...config }, options: QUIET }, async (bench) => {
    const calls = await work(bench);
    if (typeof calls === "number") expect(bench.model.calls).toBe(calls);
    else expect(bench.model.log).toEqual([]);
  });
}

/** A store in which the start of opencode repairs nothing. */
async function quietStore(version: HostVersion): Promise<RealStore> {
  const store = await realStore(version);
  await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(QUIET));
  return store;
}

async function everyForm(bench: HostCase): Promise<void> {
  const { store } = bench;
  const { plain, compacted } = store.sessions;
  const [first, second] = [emptyPart(store, plain), emptyPart(store, compacted)];
  const damaged = await sessionImage(store, plain);
  const ask = (words: string) => report(bench, words);

  const checked = await ask("check");
  for (const word of ["2 records that opencode cannot load", first, second, plain.id, "is empty"]) {
    expect(checked).toContain(word);
  }
  expect(await ask(`check ${plain.id}`)).not.toContain(second);
  expect(await ask("runs")).toBe("There are no runs: nothing was ever repaired here.");
  // test/opencode/repair-request.test.ts tests which words are valid.
  for (const words of ["help", "check it"]) {
    expect(await ask(words)).toMatch(/^\/repair opens sessions[\s\S]*\/repair undo \[RUN\]/);
  }
  expect(await ask("undo")).toBe("There is nothing to undo.");
  expect(await sessionImage(store, plain)).toEqual(damaged);

  const one = await ask(plain.id);
  expect(one).toContain(`1 record ${mended(bench.host.version)}.`);
  const [run] = await runsOf(store);
  expect(one).toContain(`/repair undo ${run?.runID}`);
  expect(run).toMatchObject({
    trigger: "command",
    sessionID: plain.id,
    state: "done",
    host: { version: store.home.version },
  });
  expect(await messageStatuses(bench, plain, compacted)).toEqual([200, 500]);

  expect(await ask("")).toContain(`1 record ${mended(bench.host.version)}.`);
  expect(await messageStatuses(bench, plain, compacted)).toEqual([200, 200]);
  expect(await ask("")).toContain("Nothing to repair: opencode can load every session.");
  const listed = await ask("runs");
  for (const { runID } of await runsOf(store)) expect(listed).toContain(runID);

  expect(await ask("undo")).toContain("1 record restored");
  expect(await messageStatuses(bench, plain, compacted)).toEqual([200, 500]);
  expect(await ask(`undo ${run?.runID}`)).toContain("1 record restored");
  expect(await messageStatuses(bench, plain, compacted)).toEqual([500, 500]);
  expect(await sessionImage(store, plain)).toEqual(damaged);
}

/**
 * If both halves of the plugin are installed, the terminal UI does not know the server's command, and sends it as a
 * message. The plugin must answer that message before it reaches the model.
 */
async function asMessage(bench: HostCase): Promise<number> {
  const { store, host, model } = bench;
  const { plain, conversation } = store.sessions;
  const part = emptyPart(store, plain);
  const before = await messagesOf(host, conversation);
  const send = (text: string) => host.post(`/session/${conversation.id}/message`, { parts: [{ type: "text", text }] });
  await send("/repair check");
  const checked = await messagesOf(host, conversation);
  expect(checked.slice(0, -1)).toEqual([...before]);
  expect(reportIn(checked)).toContain(part);
  await send("  /repair help ");
  expect(reportIn(await messagesOf(host, conversation))).toMatch(/^\/repair opens sessions/);
  expect(await runsOf(store)).toEqual([]);
  await send(`/repair ${plain.id}`);
  expect(await messageStatuses(bench, plain)).toEqual([200]);
  await send("/repair undo");
  expect(await messageStatuses(bench, plain)).toEqual([500]);
  expect(model.log).toEqual([]);

  // Text that only looks like the command goes to the model.
  model.script({ text: "A word." });
  expect((await send("/repairs are needed here")).status).toBe(200);
  const texts = (await messagesOf(host, conversation)).flatMap(({ parts }) => parts.map(({ text }) => text));
  expect(texts).toContain("/repairs are needed here");
  return 1;
}

/** The user's own command has the same name, so the words go to the model, and nothing is repaired. */
async function usersOwn(bench: HostCase): Promise<number> {
  const { store, host, model } = bench;
  const { plain, conversation } = store.sessions;
  emptyPart(store, plain);
  for (const words of ["", "undo"]) {
    model.script({ text: "A word." });
    expect((await typed(host, conversation, words)).status).toBe(200);
    const asked = (await messagesOf(host, conversation)).at(-2);
    expect(asked?.parts.map(({ text }) => text?.trim())).toContain(`Tidy my code: ${words}`.trim());
  }
  model.script({ text: "A word." });
  expect(
    (await host.post(`/session/${conversation.id}/message`, { parts: [{ type: "text", text: "/repair" }] })).status,
  ).toBe(200);
  expect(await runsOf(store)).toEqual([]);
  return 3;
}

/** Until the session is repaired, the plugin must not write a message into it. So a toast tells the user the result. */
async function inDamagedSession(bench: HostCase): Promise<void> {
  const { store, host } = bench;
  const { plain } = store.sessions;
  const part = emptyPart(store, plain);
  const before = await sessionImage(store, plain);
  const told = pluginToast(host);
  const answer = await typed(host, plain, "check");
  expectAnswered(bench, answer, "1 record that opencode cannot load");
  expect(await told).toMatchObject({ variant: "warning", message: expect.stringContaining("1 record that opencode") });
  expect(await sessionImage(store, plain)).toEqual(before);

  const repaired = await typed(host, plain, "");
  expectAnswered(bench, repaired, `1 record ${mended(host.version)}.`);
  const messages = await messagesOf(host, plain);
  expect(messages).toHaveLength(plain.messages.length + 1);
  expect(reportIn(messages)).toContain(part);
}

/**
 * Without a default model, opencode uses the last model of the session. Versions 1.2 to 1.14 read the messages for that
 * before they ask a plugin.
 */
async function withoutDefaultModel(bench: HostCase): Promise<void> {
  const { store, host } = bench;
  const { plain, conversation } = store.sessions;
  const part = emptyPart(store, plain);
  const answer = await typed(host, plain, "");
  if (READ_MESSAGES_FIRST.includes(host.version)) {
    expect(answer.status).toBe(500);
    expect(await runsOf(store)).toEqual([]);
    expectAnswered(bench, await typed(host, conversation, ""), `1 record ${mended(host.version)}.`);
  } else {
    expectAnswered(bench, answer, `1 record ${mended(host.version)}.`);
  }
  const asked = READ_MESSAGES_FIRST.includes(host.version) ? conversation : plain;
  expect(reportIn(await messagesOf(host, asked))).toContain(part);
  expect(await messageStatuses(bench, plain)).toEqual([200]);
}

/** opencode first checks the model. It refuses a session whose model is gone, but not a new session. */
async function withoutProvider({ store, host }: HostCase): Promise<void> {
  const part = emptyPart(store, store.sessions.plain);
  expect([400, 500]).toContain((await typed(host, store.sessions.conversation, "")).status);
  expect(await runsOf(store)).toEqual([]);
  await typed(host, store.sessions.empty, "");
  expect(reportIn(await messagesOf(host, store.sessions.empty))).toContain(part);
  expect((await host.get(`/session/${store.sessions.plain.id}/message`)).status).toBe(200);
}

async function besideTheAgent({ store, model, host }: HostCase): Promise<number> {
  const { conversation } = store.sessions;
  const part = emptyPart(store, store.sessions.plain);
  const words = "word ".repeat(60);
  model.script({ text: words, chunkDelayMs: 50 });
  const turn = host.post(`/session/${conversation.id}/message`, { parts: [{ type: "text", text: "Talk slowly" }] });
  await until(() => model.calls > 0, "the model was never asked");
  await typed(host, conversation, "");
  expect((await turn).status).toBe(200);
  const spoken = ({ info, parts }: WireMessage) =>
    info.role === "assistant" && parts.some(({ type, text }) => type === "text" && text?.trim() === words.trim());
  // opencode 1.1 writes a message before the parts of that message.
  const isReported = async () => {
    const last = (await messagesOf(host, conversation)).at(-1);
    return last?.info.role === "user" && last.parts.length > 0;
  };
  await until(isReported, "no report came after the turn", ASK_EVERY_MS);
  const messages = await messagesOf(host, conversation);
  expect(messages.slice(-2, -1).map(spoken)).toEqual([true]);
  expect(reportIn(messages)).toContain(part);
  await sleep(500);
  return 1;
}

async function fromTheShell(version: HostVersion): Promise<void> {
  const store = await quietStore(version);
  const model = startModelServer();
  const part = emptyPart(store, store.sessions.plain);
  const run = (...words: string[]) =>
    runHost({ home: store.home, model, plugins: [plugin], args: ["run", "--command", "repair", ...words] });
  const sessions = async () => (await storedSessions(store)).toSorted();
  const before = await sessions();
  try {
    const isKeptTried = KEPT_TRIED_ON.includes(version);
    if (isKeptTried) {
      // A session with a title from the user must not be deleted.
      const checked = await run("check", "--title", "Kept");
      expect(checked).toMatchObject({ code: 0, timedOut: false });
      expect(checked.stdout).toStartWith("Verdict: damaged\n1 record that opencode cannot load");
      expect(checked.stdout).toContain(part);
      expectNoSecrets(store, checked.stdout, checked.stderr);
      const kept = await sessions();
      expect(kept).toHaveLength(before.length + 1);
      expect(kept).toEqual(expect.arrayContaining(before));
    }
    const known = await sessions();
    const repaired = await run();
    expect(repaired).toMatchObject({ code: 0, timedOut: false });
    expect(repaired.stdout).toStartWith("Verdict: healthy\n");
    expect(repaired.stdout).toContain(`1 record ${mended(version)}.`);
    expect(await runsOf(store)).toHaveLength(1);
    expect(repaired.stdout).toContain(part);
    expectNoSecrets(store, repaired.stdout, repaired.stderr);
    expect(await sessions()).toEqual(known);
    expect(model.log).toEqual([]);
  } finally {
    await model.stop();
    await store.home.remove();
  }
}

async function throughTheAgent(): Promise<void> {
  const store = await quietStore("1.0.152");
  const model = startModelServer();
  const { plain, conversation } = store.sessions;
  const part = emptyPart(store, plain);
  const host = await startHost({ home: store.home, model, plugins: [plugin] });
  try {
    expect(await messageStatuses({ host }, plain)).toEqual([500]);
    model.script({ tool: "session_repair", input: { action: "repair", confirm: true } }, { text: "It is repaired." });
    expect((await typed(host, conversation, "")).status).toBe(200);
    expect(await messageStatuses({ host }, plain)).toEqual([200]);
    model.script({ tool: "session_repair", input: { action: "undo", confirm: true } }, { text: "It is undone." });
    expect((await typed(host, conversation, "undo")).status).toBe(200);
    expect(await messageStatuses({ host }, plain)).toEqual([500]);
    const asked = model.log.filter(({ kind }) => kind === "chat").map(({ lastUserText }) => lastUserText);
    expect(asked[0]).toContain("Call the tool session_repair once");
    expect(asked[2]).toContain("Words: undo");
    const [run] = await runsOf(store);
    expect(run).toMatchObject({ trigger: "tool", state: "restored" });
    expect(run?.items[0]?.recordID).toBe(part);
  } finally {
    await host.stop();
    await model.stop();
    await store.home.remove();
  }
}
