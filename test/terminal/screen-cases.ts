/**
 * Compares what the terminal UI of a version and `check` say about the odd values of `ODD_CALLS` and `ODD_MESSAGES`.
 * Each value has its own session. Values about which `check` says nothing share a session.
 * `nice bun test/terminal/screen-cases.ts --host 1.0.61 [--only TEXT]`
 */
import { parseArgs } from "node:util";
import { bySession } from "../../plugin/repair/by-session.ts";
import type { HostVersion } from "../host/binary.ts";
import { startModelServer } from "../host/model-server.ts";
import { realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { ScreenReader } from "./screen-reader.ts";
import { type SessionToShow, type Turn, writeSessions } from "./shown-sessions.ts";

type Fields = Readonly<Record<string, unknown>>;

const TIME = { start: 1_790_000_000_000, end: 1_790_000_000_500 };
const odd = { a: 1 };

function call(tool: string, input: unknown, metadata: unknown = {}, rest: Fields = {}): Turn {
  const state = { status: "completed", input, output: "out", title: "t", metadata, time: TIME, ...rest };
  return { message: null, isInAnswer: true, parts: [JSON.stringify({ type: "tool", callID: "call_1", tool, state })] };
}

const asked = { path: "/p/a", content: "x" };
const edited = { filePath: "/p/a", oldString: "a", newString: "b" };
const task = { description: "d", prompt: "p", subagent_type: "general" };

const ODD_CALLS: Readonly<Record<string, Turn>> = {
  "write: content a number": call("write", { ...asked, filePath: "/p/a", content: 5 }),
  "write: content an object": call("write", { ...asked, filePath: "/p/a", content: odd }),
  "write: content null": call("write", { ...asked, filePath: "/p/a", content: null }),
  "write: content false, failed": call(
    "write",
    { filePath: "/p/a", content: false },
    {},
    { status: "error", error: "x" },
  ),
  "write: a path that is a number": call("write", { filePath: 5, content: "x" }),
  "write: diagnostics without a place": call(
    "write",
    { filePath: "/p/a", content: "x" },
    { diagnostics: { "/p/a": [odd] } },
  ),
  "write: diagnostics a text": call("write", { filePath: "/p/a", content: "x" }, { diagnostics: { "/p/a": "text" } }),
  "task: subagent_type a number": call("task", { ...task, subagent_type: 5 }),
  "task: subagent_type an object": call("task", { ...task, subagent_type: odd }),
  "task: description an object": call("task", { ...task, description: odd }),
  "task: calls named by a number": call("task", task, { summary: [{ tool: 5, state: { status: "pending" } }] }),
  "task: calls named by an object": call("task", task, { summary: [{ tool: odd, state: { status: "pending" } }] }),
  "task: calls without a state": call("task", task, { summary: [{ tool: "read" }] }),
  "task: calls a text": call("task", task, { summary: "text" }),
  "edit: diff a number": call("edit", edited, { diff: 5 }),
  "edit: diff an object": call("edit", edited, { diff: odd }),
  "edit: diff a text of its own": call("edit", edited, { diff: "text" }),
  "edit: diff with a wrong count": call("edit", edited, { diff: "--- a\n+++ a\n@@ -1,9 +1,9 @@\n a\n" }),
  "edit: diagnostics without a place": call("edit", edited, { diagnostics: { "/p/a": [{ severity: 1 }] } }),
  "todowrite: null among todos, none shown": call("todowrite", { todos: [null] }),
  "todowrite: content an object, none shown": call("todowrite", { todos: [{ content: odd, status: "pending" }] }),
  "todowrite: content an object": call("todowrite", { todos: [{ content: odd }] }, { todos: [{}] }),
  "codesearch: query an object": call("codesearch", { query: odd }),
  "websearch: query an object": call("websearch", { query: odd }),
  "bash: no input": call("bash", undefined),
  "mine: no input": call("mine", null),
  "patch: no input": call("patch", undefined),
  "todowrite: no input": call("todowrite", undefined),
};

const TOKENS = { input: 1, output: 0, reasoning: 0, cache: { read: 0, write: 0 } };
const ANSWER = {
  role: "assistant",
  time: { created: 1, completed: 2 },
  providerID: "p",
  modelID: "m",
  mode: "build",
  tokens: TOKENS,
  cost: 0,
  system: [],
  path: { cwd: "/p", root: "/p" },
};
const step = (reason: string) => JSON.stringify({ type: "step-finish", reason, tokens: TOKENS, cost: 0 });

function answer(change: Fields, ...steps: readonly string[]): Turn {
  return { message: JSON.stringify({ ...ANSWER, ...change }), isInAnswer: true, parts: steps.map(step) };
}

function question(change: Fields, ...parts: readonly Fields[]): Turn {
  const fields = { role: "user", time: { created: 1 }, agent: "build", model: { providerID: "p", modelID: "m" } };
  return {
    message: JSON.stringify({ ...fields, ...change }),
    isInAnswer: false,
    parts: parts.map((part) => JSON.stringify(part)),
  };
}

const WORDS = { type: "text", text: "Words." };

const ODD_MESSAGES: Readonly<Record<string, readonly Turn[]>> = {
  "no mode, ended": [answer({ mode: null }, "stop"), answer({})],
  "no mode, ended, the newest": [answer({ mode: null }, "stop")],
  "no mode, ended with calls": [answer({ mode: null }, "tool-calls"), answer({})],
  "no mode, ended with calls, the newest": [answer({ mode: null }, "tool-calls")],
  "no mode, no steps, the newest": [answer({ mode: null })],
  "no mode, no steps, finish": [answer({ mode: null, finish: "stop" }), answer({})],
  "no mode, running": [answer({ mode: null, time: { created: 1 } }), answer({})],
  "model an object, running": [answer({ modelID: odd, time: { created: 1 } }), answer({})],
  "model an object, running, the newest": [answer({ modelID: odd, time: { created: 1 } })],
  "model an object, ended": [answer({ modelID: odd }, "stop"), answer({})],
  "no time, a newer one runs": [answer({ time: null }), answer({ time: { created: 1 } })],
  "question without time": [question({ time: null }, WORDS), answer({})],
  "question without time and words": [question({ time: null }), answer({})],
  "question without time, waiting": [answer({ time: { created: 1 } }), question({ time: null }, WORDS)],
  "question without time, answered, an older answer runs": [
    answer({ time: { created: 1 } }),
    question({ time: null }, WORDS),
    answer({ time: { created: 1 } }),
  ],
};

const { values } = parseArgs({ options: { host: { type: "string" }, only: { type: "string" } } });
if (values.host === undefined) throw new Error("usage: screen-cases.ts --host VERSION [--only TEXT]");
const model = startModelServer();
const store = await realStore(values.host as HostVersion);
const reader = new ScreenReader(store, model);
let disagreements = 0;
try {
  const all = [
    ...Object.entries(ODD_CALLS).map(([name, turn]) => [name, [turn]] as const),
    ...Object.entries(ODD_MESSAGES),
  ];
  const cases: (SessionToShow & { readonly name: string })[] = all
    .filter(([name]) => name.includes(values.only ?? ""))
    .map(([name, turns], index) => ({ name, id: `c${index}`, turns }));
  const ids = writeSessions(store, cases);
  const { findings } = await (await toolFor(store.dataDir)).check();
  const found = bySession(findings, ({ sessionID }) => sessionID);
  const said = ({ id }: SessionToShow) =>
    (found.get(ids.get(id) ?? "") ?? []).filter(({ code }) => code === "screen-fatal").map(({ evidence }) => evidence);
  const silent = cases.filter((one) => said(one).length === 0 && one.turns.length === 1);
  const together = { id: "all", turns: silent.flatMap(({ turns }) => turns) };
  const groupID = writeSessions(store, [together]).get("all") ?? "";
  const isShown = silent.length > 0 && (await reader.open(groupID, "all")) === "shown";
  for (const one of cases) {
    const isEnd = !(isShown && silent.includes(one)) && (await reader.open(ids.get(one.id) ?? "", one.id)) !== "shown";
    const agrees = isEnd === said(one).length > 0;
    if (!agrees) disagreements += 1;
    const words = isEnd ? `ends: ${reader.lastWords()}` : "shown";
    process.stdout.write(`${agrees ? "  " : "! "}${one.name}: ${words}; ${said(one)[0]?.split(";")[0] ?? "-"}\n`);
  }
} finally {
  reader.close();
  await model.stop();
  await store.home.remove();
}
process.stdout.write(`${values.host}: ${disagreements} disagreements\n`);
process.exit(disagreements === 0 ? 0 : 1);
