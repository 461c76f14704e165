/**
 * Compares what the terminal UI of a version and `check` say about the same answers. Each answer is changed in one way.
 * Then its session is opened in a real terminal, and the screen is read. With `--repair`, an answer that ends the UI is
 * repaired and opened again.
 * `nice bun test/terminal/screen-run.ts --host 1.2.27 [--only TEXT] [--repair]`
 */
import { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type HostVersion, isJsonHost } from "../host/binary.ts";
import { startModelServer } from "../host/model-server.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { openTerminalUI } from "./terminal-ui.ts";

type Fields = Record<string, unknown>;

/** Changes the older or the newer answer of a session with two turns, in place. */
type Change = (older: Fields, newer: Fields, question: Fields) => void;

const without =
  (...names: readonly string[]) =>
  (answer: Fields) => {
    for (const name of names) delete answer[name];
  };
const tokens = { input: 1, output: 0, reasoning: 0, cache: { read: 0, write: 0 } };
const inOlder =
  (fields: Fields): Change =>
  (older) =>
    Object.assign(older, fields);
const inNewer =
  (fields: Fields): Change =>
  (_older, newer) =>
    Object.assign(newer, fields);

const CHANGES: readonly (readonly [name: string, change: Change])[] = [
  ["nothing", () => undefined],
  ["older: no time", (older) => without("time")(older)],
  ["older: time null, in the middle of a turn", inOlder({ time: null, finish: "tool-calls" })],
  [
    "older: no time, in the middle of a turn, the newer one runs",
    (older, newer) => {
      Object.assign(older, { time: null, finish: "tool-calls" });
      newer.time = { created: (newer.time as Fields).created };
    },
  ],
  ["older: time 5", inOlder({ time: 5 })],
  ["newer: time null", inNewer({ time: null })],
  ["older: no mode", (older) => without("mode")(older)],
  ["older: no mode, in the middle of a turn", inOlder({ mode: undefined, finish: "tool-calls" })],
  ["older: no mode, no finish", (older) => without("mode", "finish")(older)],
  ["older: mode 5", inOlder({ mode: 5 })],
  ["older: mode empty", inOlder({ mode: "" })],
  ["older: no mode, finish 5", inOlder({ mode: null, finish: 5 })],
  ["newer: no mode, no finish", (_older, newer) => without("mode", "finish")(newer)],
  [
    "older: no mode, aborted",
    inOlder({ mode: null, finish: undefined, error: { name: "MessageAbortedError", data: { message: "x" } } }),
  ],
  ["older: no tokens", (older) => without("tokens")(older)],
  [
    "older: no tokens, the newer one returned none",
    (older, newer) => {
      delete older.tokens;
      newer.tokens = tokens;
    },
  ],
  ["newer: no tokens", (_older, newer) => without("tokens")(newer)],
  ["newer: tokens 5", inNewer({ tokens: 5 })],
  ["newer: no cache", inNewer({ tokens: { input: 1, output: 5, reasoning: 0 } })],
  ["newer: no cache, no output", inNewer({ tokens: { input: 1, output: 0, reasoning: 0 } })],
  ["newer: no cache, output as a text", inNewer({ tokens: { output: "5" } })],
  ["newer: counts that are objects", inNewer({ tokens: { input: {}, output: 5, cache: {} }, cost: { a: 1 } })],
  ["older: error without data", inOlder({ error: { name: "APIError" } })],
  ["older: aborted without data", inOlder({ error: { name: "MessageAbortedError" } })],
  ["older: error a text", inOlder({ error: "it failed" })],
  ["older: error a list", inOlder({ error: [] })],
  ["older: error true", inOlder({ error: true })],
  ["older: error 0", inOlder({ error: 0 })],
  ["older: error null", inOlder({ error: null })],
  ["older: error with data of a text", inOlder({ error: { name: "APIError", data: "x" } })],
  ["older: error with an object as its message", inOlder({ error: { name: "APIError", data: { message: {} } } })],
  ["older: error with a number as its message", inOlder({ error: { name: "APIError", data: { message: 5 } } })],
  ["newer: modelID an object", inNewer({ modelID: { a: 1 } })],
  ["newer: no model", (_older, newer) => without("modelID", "providerID")(newer)],
  ["newer: no agent, path, cost, finish", (_older, newer) => without("agent", "path", "cost", "finish")(newer)],
  ["newer: agent 5", inNewer({ agent: 5 })],
  ["question: no time, agent, model", (_older, _newer, question) => without("time", "agent", "model")(question)],
  ["question: agent an object", (_older, _newer, question) => Object.assign(question, { agent: {} })],
];

const TIME = { start: 1, end: 2 };

/** Tool calls that some versions of the terminal UI cannot print. Each case has one of them in the older answer. */
const CALLS: Readonly<Record<string, Fields>> = {
  "call: a path that is a number": {
    tool: "glob",
    state: { status: "error", input: { pattern: "*.txt", path: 5 }, error: "Invalid arguments", time: TIME },
  },
  "call: an answer of before 1.1.8": {
    tool: "question",
    state: {
      status: "completed",
      input: { questions: [{ question: "Go on?", header: "Go on", options: [] }] },
      output: "Yes",
      title: "Asked 1 question",
      metadata: { answers: ["Yes"] },
      time: TIME,
    },
  },
  "call: a command that is an object": {
    tool: "bash",
    state: { status: "error", input: { command: { line: "ls" } }, error: "Invalid arguments", time: TIME },
  },
};

const LAST_WORDS = { type: "text", text: "The last words.", time: TIME };

const { values } = parseArgs({
  options: { host: { type: "string" }, only: { type: "string" }, repair: { type: "boolean" } },
});
if (values.host === undefined) throw new Error("usage: screen-run.ts --host VERSION [--only TEXT]");

const model = startModelServer();
const store = await realStore(values.host as HostVersion);
const { id: sessionID, messages } = store.sessions.plain;
const [asked, answered] = messages;
if (asked === undefined || answered === undefined) throw new Error("no turn");
let disagreements = 0;
try {
  const turn = readMessages(store);
  for (const [name, change] of [...CHANGES, ...Object.keys(CALLS).map((each) => [each, () => undefined] as const)]) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    const [question, older] = turn.map((each) => structuredClone(each)) as [Fields, Fields];
    Object.assign(older, { tokens: { ...tokens, output: 5 }, finish: "stop" });
    const newer: Fields = { ...structuredClone(older), parentID: `${asked.id}z` };
    change(older, newer, question);
    const written: [id: string, document: Fields][] = [
      [asked.id, question],
      [answered.id, older],
      [`${answered.id}z`, newer],
    ];
    writeMessages(store, written);
    const call = CALLS[name];
    writePart(store, answered.id, "prt_zzcall", call ? { type: "tool", callID: "call_1", ...call } : null);
    writePart(store, `${answered.id}z`, "prt_zzlast", LAST_WORDS);
    const tool = await toolFor(store.dataDir);
    const { findings } = await tool.check();
    const found = findings.filter(({ code }) => code === "screen-fatal").map(({ evidence }) => evidence.split(";")[0]);
    const blocking = findings.filter(({ severity }) => severity === "blocking").length;
    const screen = await screenOf(store);
    let repaired = "";
    if (values.repair && screen === "ends" && found.length > 0) {
      const { runID, items } = await tool.repair(["screen-fatal"]);
      repaired = `; ${items.map(({ action }) => action).join(", ")}, then ${await screenOf(store)}`;
      await tool.restore(runID ?? "");
      if (!repaired.endsWith("shown")) disagreements += 1;
    }
    const agrees = (screen === "ends") === found.length > 0 || blocking > 0;
    if (!agrees) disagreements += 1;
    process.stdout.write(
      `${agrees ? "  " : "! "}${name}: ${screen}; ${found.join(", ") || (blocking ? "blocking" : "-")}${repaired}\n`,
    );
  }
} finally {
  await model.stop();
  await store.home.remove();
}
process.stdout.write(`${values.host}: ${disagreements} disagreements\n`);
process.exit(disagreements === 0 ? 0 : 1);

async function screenOf({ home }: RealStore): Promise<"shown" | "ends" | "nothing"> {
  const ui = await openTerminalUI({ home, model, args: ["--session", sessionID], columns: 130 });
  try {
    const isDead = (screen: string) => /fatal error|has been copied|undefined is not|null is not/.test(screen);
    const isOver = ui.waitFor(/fatal error|The last words/).catch(() => null);
    const shown = await Promise.race([isOver, sleep(120_000).then(() => null)]);
    if (shown === null) {
      process.stderr.write(`${ui.screen().trim()}\n`);
      return "nothing";
    }
    if (isDead(shown)) return "ends";
    // The last part to be printed may end the UI after the first text has appeared.
    await sleep(1500);
    return ui.screen().includes("The last words") && !isDead(ui.screen()) ? "shown" : "ends";
  } finally {
    ui.close();
  }
}

function readMessages({ dataDir, home }: RealStore): Fields[] {
  const ids = [asked?.id ?? "", answered?.id ?? ""];
  if (isJsonHost(home.version)) {
    return ids.map((id) => JSON.parse(readFileSync(join(dataDir, "storage/message", sessionID, `${id}.json`), "utf8")));
  }
  using database = new Database(join(dataDir, "opencode.db"));
  return ids.map((id) => {
    const { data } = database.query("select data from message where id = ?").get(id) as { data: string };
    return JSON.parse(data) as Fields;
  });
}

function writeMessages({ dataDir, home }: RealStore, all: readonly (readonly [id: string, document: Fields])[]): void {
  if (isJsonHost(home.version)) {
    const folder = join(dataDir, "storage/message", sessionID);
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    for (const [id, document] of all) {
      writeFileSync(join(folder, `${id}.json`), JSON.stringify({ ...document, id, sessionID }));
    }
    return;
  }
  using database = new Database(join(dataDir, "opencode.db"));
  database.run("pragma foreign_keys = off");
  database.query("delete from message where session_id = ?").run(sessionID);
  for (const [index, [id, document]] of all.entries()) {
    database
      .query("insert into message (id, session_id, time_created, time_updated, data) values (?1, ?2, ?3, ?3, ?4)")
      .run(id, sessionID, 1_790_000_000_000 + index, JSON.stringify(document));
  }
}

/** Writes a further part of a message. If `document` is `null`, removes the part. */
function writePart({ dataDir, home }: RealStore, messageID: string, id: string, document: Fields | null): void {
  if (isJsonHost(home.version)) {
    const folder = join(dataDir, "storage/part", messageID);
    mkdirSync(folder, { recursive: true });
    rmSync(join(folder, `${id}.json`), { force: true });
    if (document === null) return;
    writeFileSync(join(folder, `${id}.json`), JSON.stringify({ ...document, id, sessionID, messageID }));
    return;
  }
  using database = new Database(join(dataDir, "opencode.db"));
  database.run("pragma foreign_keys = off");
  database.query("delete from part where id = ?").run(id);
  if (document === null) return;
  database.query("insert into part values (?, ?, ?, 1, 1, ?)").run(id, messageID, sessionID, JSON.stringify(document));
}
