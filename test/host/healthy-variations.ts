import { HEALTHY_CALLS } from "../hosts/healthy-calls.ts";
import type { Random } from "../oracle/random.ts";
import { type Json, type JsonObject, sampleMessage, samplePart } from "../records/samples.ts";
import type { SessionToShow, Turn } from "../terminal/shown-sessions.ts";

const IDS = { sessionID: "ses_1", messageID: "msg_1", partID: "prt_1" };
const TEXTS = [
  ...[
    "",
    " ",
    "\n",
    "a",
    "null",
    "[object Object]",
    "5",
    "{}",
    "../..",
    "C:\\Users\\Jos\u00e9",
    "/p/a b/\u65e5\u672c.ts",
  ],
  ...[
    "\u0000\u001b[31m",
    "\ud83d\udc69\u200d\ud83d\udcbb",
    "\ud83d",
    "\u202eabc",
    "e\u0301\u0301\u0301",
    "\ufeff",
    "\u2028",
  ],
  ...["ses_1", "```ts\nx\n```", "%s %n", "<b>&amp;</b>", "x".repeat(5000), "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n"],
];
const COUNTS = [0, 1, 7, 1000, 2 ** 31, Number.MAX_SAFE_INTEGER];
const NUMBERS = [...COUNTS, 0.1, 5e-324, 1e21, 1.7976931348623157e308];
const MOMENTS = [0, 1, 1_790_000_000_000, 8_640_000_000_000_000];
/** Fields that do not vary, because other records or the form of the document depend on them. */
const KEPT = new Set(["type", "status", "name", "id", "sessionID", "messageID", "parentID", "tail_start_id", "role"]);
const NAMES = [
  "path",
  "filePath",
  "pattern",
  "command",
  "query",
  "answers",
  "diagnostics",
  "todos",
  "files",
  "x",
  "\u00e9",
  ...["length", "constructor", "__proto__", "toString", "toJSON", "then", "", "0"],
];

/**
 * How the values of a document may vary. opencode requires whole numbers in its own fields, but not in those of a tool.
 */
interface Values {
  readonly numbers: readonly number[];
  readonly mayBeEmpty: boolean;
}

const OF_TOOLS: Values = { numbers: [...NUMBERS, -1, -1.5e300], mayBeEmpty: true };
const OF_HOSTS: Values = { numbers: COUNTS, mayBeEmpty: false };

/**
 * Generates sessions that look odd, but that every version of opencode loads and shows. Texts, numbers and lists have
 * any size. Tools of plugins and MCP servers have any input. Optional fields are left out or are `null`. `count` is the
 * number of documents.
 */
export function healthySessions(random: Random, count: number, refused: readonly string[] = []): SessionToShow[] {
  const sessions: SessionToShow[] = [];
  for (let left = count; left > 0; ) {
    const turns: Turn[] = [];
    for (let turn = 0; turn < 8 && left > 0; turn += 1) {
      const isInAnswer = turn % 2 === 1;
      const parts = Array.from({ length: Math.min(1 + random.below(10), left) }, () => part(random, isInAnswer));
      const message = random.chance(0.6) ? JSON.stringify(messageOf(random, isInAnswer, refused)) : null;
      turns.push({ message, isInAnswer, parts: parts.map((each) => JSON.stringify(each)) });
      left -= parts.length + (message === null ? 0 : 1);
    }
    sessions.push({ id: `h${sessions.length}`, turns });
  }
  return sessions;
}

const OF_QUESTIONS = ["text", "file", "agent", "subtask", "compaction"];
const OF_ANSWERS = ["text", "reasoning", "step-start", "step-finish", "snapshot", "patch", "file", "retry"];

function part(random: Random, isInAnswer: boolean): Json {
  if (isInAnswer && random.chance(0.7)) return call(random);
  const types = isInAnswer ? OF_ANSWERS : OF_QUESTIONS;
  const sample = random.pick(samplePart(IDS).filter(({ type }) => types.includes(String(type))));
  return varied(random, sample, OF_HOSTS);
}

function call(random: Random): JsonObject {
  const isOwn = random.chance(0.6);
  const [own, ownInput, ownMetadata] = random.pick(HEALTHY_CALLS);
  const tool = isOwn ? own : `${random.pick(["mcp_", "plugin-", "\u00fc_"])}${random.below(1000)}`;
  const input = isOwn ? some(random, ownInput as JsonObject) : anyObject(random, 3);
  const metadata = isOwn ? some(random, ownMetadata as JsonObject) : anyObject(random, 3);
  const time: JsonObject = { start: random.pick(MOMENTS), end: random.pick(MOMENTS) };
  const text = () => random.pick(TEXTS);
  const state: JsonObject = random.chance(0.8)
    ? { status: "completed", input, output: text(), title: text(), metadata, time }
    : { status: "error", input, error: text(), metadata, time };
  return { type: "tool", callID: text(), tool, state };
}

/** Changes fields as models do: they leave out optional fields, write `null`, and add other fields. */
function some(random: Random, fields: JsonObject): JsonObject {
  const left = Object.entries(fields).filter(() => random.chance(0.8));
  const values = left.map(([name, value]) => [name, random.chance(0.05) ? null : varied(random, value, OF_TOOLS)]);
  return { ...(random.chance(0.2) ? { zz_more: anyValue(random, 2) } : {}), ...Object.fromEntries(values) };
}

function messageOf(random: Random, isInAnswer: boolean, refused: readonly string[]): JsonObject {
  const role = isInAnswer ? "assistant" : "user";
  const isLoaded = (each: JsonObject) =>
    each.role === role && !("format" in each) && !refused.some((name) => JSON.stringify(each).includes(`"${name}"`));
  const message = varied(random, random.pick(sampleMessage(IDS).filter(isLoaded)), OF_HOSTS) as JsonObject;
  const time: JsonObject = { created: random.pick(MOMENTS), ...(isInAnswer ? { completed: 1_790_000_000_000 } : {}) };
  return { ...message, time, ...(isInAnswer ? { cost: random.pick(NUMBERS) } : {}) };
}

/** The same document with other values of the same types. */
function varied(random: Random, value: Json, values: Values): Json {
  if (random.chance(0.3)) return value;
  if (typeof value === "string") return random.pick(TEXTS);
  if (typeof value === "number") return random.pick(values.numbers);
  if (typeof value === "boolean") return random.chance(0.5);
  if (Array.isArray(value)) {
    if (value.length === 0 || (values.mayBeEmpty && random.chance(0.2))) return [];
    return Array.from({ length: 1 + random.below(4) }, () => varied(random, random.pick(value as Json[]), values));
  }
  if (value === null) return null;
  const fields = Object.entries(value as JsonObject);
  return Object.fromEntries(fields.map(([name, each]) => [name, KEPT.has(name) ? each : varied(random, each, values)]));
}

function anyValue(random: Random, depth: number): Json {
  const kind = random.below(depth === 0 ? 4 : 6);
  if (kind === 0) return random.pick(TEXTS);
  if (kind === 1) return random.pick(OF_TOOLS.numbers);
  if (kind === 2) return random.chance(0.5);
  if (kind === 3) return null;
  if (kind === 4) return Array.from({ length: random.below(4) }, () => anyValue(random, depth - 1));
  return anyObject(random, depth - 1);
}

function anyObject(random: Random, depth: number): JsonObject {
  const names = Array.from({ length: random.below(5) }, () => random.pick(NAMES));
  return Object.fromEntries(names.map((name) => [name, anyValue(random, depth)]));
}
