import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../../plugin/upgrade/departure.ts";
import {
  answer,
  assistant,
  assistantDocument,
  CREATED,
  completed,
  edit,
  file,
  part,
  type Rows,
  set,
  TIME,
  tool,
  user,
  without,
} from "./import-rows.ts";

export interface ImportCase {
  readonly name: string;
  change(rows: Rows): void;
  /**
   * The outcome of each record that does not arrive unchanged, by its id. For a session, the key also names the column.
   */
  readonly outcomes: Readonly<Record<string, Exclude<Outcome, "arrives">>>;
  /** The outcomes that remain after `repair --for 2.x`. */
  readonly left: Readonly<Record<string, Exclude<Outcome, "arrives">>>;
}

/**
 * Every row of v2-cases.tsv about the import. It says what 2.x has afterwards and what its log warns about (measured
 * importer).
 */
export const TABLE: ReadonlyMap<string, string> = new Map(
  readFileSync(join(import.meta.dirname, "v2-cases.tsv"), "utf8")
    .split("\n")
    .map((line) => line.split("\t"))
    .flatMap(([about, name, outcome]) => (about === "import" && name !== undefined ? [[name, outcome ?? ""]] : [])),
);

const QUESTION_GONE = { msg_1: "dropped", prt_1: "dropped" } as const;
const ANSWER_GONE = { msg_2: "dropped", prt_2: "dropped" } as const;
const PART_GONE = { prt_2: "dropped" } as const;
const CALL_CHANGED = { prt_2: "changed" } as const;

function derivable(name: string, change: ImportCase["change"], outcomes: ImportCase["outcomes"]): ImportCase {
  return { name, change, outcomes, left: {} };
}

function lasting(name: string, change: ImportCase["change"], outcomes: ImportCase["outcomes"]): ImportCase {
  return { name, change, outcomes, left: outcomes };
}

/**
 * One case for each row of the table, with the name of the row. A record that cannot be read at all is rebuilt from its
 * neighbours if possible.
 */
export const TABLE_CASES: readonly ImportCase[] = [
  derivable(
    "user row empty string",
    ({ messages }) => void Object.assign(messages[0] ?? {}, { data: "" }),
    QUESTION_GONE,
  ),
  derivable(
    "user row truncated",
    ({ messages }) => void Object.assign(messages[0] ?? {}, { data: String(messages[0]?.data).slice(0, 40) }),
    QUESTION_GONE,
  ),
  derivable(
    "assistant row null",
    assistant(() => null),
    ANSWER_GONE,
  ),
  derivable("user no agent", user(without("agent")), QUESTION_GONE),
  derivable("assistant no agent", assistant(without("agent")), ANSWER_GONE),
  derivable("assistant no parentID", assistant(without("parentID")), ANSWER_GONE),
  derivable("assistant cost null", assistant(set("cost", null)), ANSWER_GONE),
  derivable("assistant tokens.total null", assistant(set("tokens.total", null)), ANSWER_GONE),
  derivable("assistant time.created float", assistant(set("time.created", CREATED + 1.5)), ANSWER_GONE),
  derivable(
    "assistant unknown error name",
    assistant(set("error", { name: "Weird", data: { message: "m" } })),
    ANSWER_GONE,
  ),
  lasting("assistant finish 'weird'", assistant(set("finish", "weird")), { msg_2: "changed" }),
  derivable("user format json_schema", user(set("format", { type: "json_schema", schema: {} })), {}),
  derivable(
    "user summary diffs no patch",
    user(set("summary", { diffs: [{ file: "a", additions: 1, deletions: 0 }] })),
    {},
  ),
  lasting("part empty", answer(""), PART_GONE),
  derivable("part NUL tail", answer(`${JSON.stringify({ type: "text", text: "Because." })}\0\0`), PART_GONE),
  derivable("part id non-prt", ({ parts }) => void Object.assign(parts[1] ?? {}, { id: "openmemory-context-1" }), {
    "openmemory-context-1": "dropped",
  }),
  lasting("text without text", answer({ type: "text" }), PART_GONE),
  derivable("reasoning without time", answer({ type: "reasoning", text: "Hm." }), PART_GONE),
  derivable(
    "step-finish no reason only",
    answer({ type: "step-finish", cost: 0, tokens: assistantDocument().tokens }),
    PART_GONE,
  ),
  derivable("tool completed", answer(tool(completed)), {}),
  derivable(
    "tool completed metadata with undefined-ish/NaN null",
    answer(tool({ ...completed, metadata: { exit: null } })),
    {},
  ),
  lasting(
    "tool completed compacted",
    answer(tool({ ...completed, time: { ...TIME, compacted: CREATED + 2 } })),
    CALL_CHANGED,
  ),
  lasting("tool pending", answer(tool({ status: "pending", input: {}, raw: "" })), CALL_CHANGED),
  {
    ...lasting("tool pending no raw", answer(tool({ status: "pending", input: {} })), PART_GONE),
    left: CALL_CHANGED,
  },
  derivable(
    "tool time float",
    answer(tool({ ...completed, time: { start: CREATED + 0.5, end: CREATED + 1 } })),
    PART_GONE,
  ),
  {
    name: "compaction without auto",
    change: ({ parts }) => void Object.assign(parts[0] ?? {}, { data: JSON.stringify({ type: "compaction" }) }),
    outcomes: { prt_1: "dropped" },
    // The repair completes this compaction. But it has no finished summary, so the import deliberately leaves it out.
    left: { msg_1: "dropped", prt_1: "dropped" },
  },
  {
    name: "compaction, no summary answer",
    change: (rows) => {
      Object.assign(rows.parts[0] ?? {}, { data: JSON.stringify({ type: "compaction", auto: true }) });
      rows.messages.pop();
      rows.parts.pop();
    },
    outcomes: { msg_1: "dropped", prt_1: "dropped" },
    left: { msg_1: "dropped", prt_1: "dropped" },
  },
  derivable("file data base64", file("data:text/plain;base64,aGk="), {}),
  derivable("file data base64 garbage", file("data:text/plain;base64,%%%"), {}),
  lasting("file data no comma", file("data:text/plain;base64"), { prt_3: "dropped" }),
  derivable(
    "part.session_id of another session",
    ({ parts }) => void Object.assign(parts[1] ?? {}, { session_id: "ses_other" }),
    PART_GONE,
  ),
  lasting(
    "orphan part",
    ({ parts }) => {
      Object.assign(parts[1] ?? {}, { id: "prt_9", message_id: "msg_gone" });
    },
    { prt_9: "dropped" },
  ),
  derivable(
    "message id 'msgX' (prefix msg only)",
    ({ messages, parts }) => {
      Object.assign(messages[0] ?? {}, { id: "msgX" });
      Object.assign(parts[0] ?? {}, { message_id: "msgX" });
      messages.pop();
      parts.pop();
    },
    { msgX: "unreadable" },
  ),
  derivable(
    "message.time_created NULLish text",
    ({ messages, parts }) => {
      Object.assign(messages[0] ?? {}, { time_created: "abc" });
      messages.pop();
      parts.pop();
    },
    { msg_1: "unreadable" },
  ),
  derivable("dangling parentID", assistant(set("parentID", "msg_gone")), {}),
  derivable("assistant w/ only step parts", answer({ type: "step-start" }), {}),
];

/** Further cases that are similar to rows of the table, from the same source. */
export const NEIGHBOURS: readonly ImportCase[] = [
  derivable("a healthy session", () => undefined, {}),
  derivable("a % in a data: URL", file("data:text/plain,100% sure"), { prt_3: "stops" }),
  derivable("escapes in a data: URL that are no UTF-8", file("data:text/plain;charset=x,%ff%fe 5%"), {
    prt_3: "stops",
  }),
  derivable("BASE64 in capitals is none to 2.x", file("data:text/plain;BASE64,%zz"), { prt_3: "stops" }),
  derivable("good escapes in a data: URL", file("data:text/plain,%E2%82%AC"), {}),
  lasting(
    "a bad data: URL in an answer, where 2.x does not look",
    ({ parts }) => void parts.push(part("prt_3", "msg_2", { type: "file", mime: "a/b", url: "data:a/b,%" })),
    { prt_3: "dropped" },
  ),
  lasting("a file that is an address", file("file:///work/a.txt", { filename: "a.txt" }), { prt_3: "changed" }),
  lasting("an array where an object is", ({ parts }) => void Object.assign(parts[1] ?? {}, { data: "[1]" }), PART_GONE),
  lasting("an error without an object", assistant(set("error", { name: "MessageOutputLengthError", data: "x" })), {
    msg_2: "stops",
  }),
  lasting(
    "an error whose message is a number",
    assistant(set("error", { name: "MessageOutputLengthError", data: { message: 5 } })),
    {
      msg_2: "unreadable",
    },
  ),
  derivable("output format that is none", user(set("format", { type: "xml" })), QUESTION_GONE),
  derivable("a summary that is a mere flag", user(set("summary", true)), QUESTION_GONE),
  lasting("an ignored text", ({ parts }) => edit(parts[0], set("ignored", true)), { prt_1: "dropped" }),
  derivable("a synthetic text", ({ parts }) => edit(parts[0], set("synthetic", true)), {}),
  lasting("a tool time that is not a date", answer(tool({ ...completed, time: { start: 9e15, end: 9e15 } })), {
    msg_2: "unreadable",
  }),
  derivable(
    "message.time_updated of a finished answer is a text",
    ({ messages }) => void Object.assign(messages[1] ?? {}, { time_updated: "soon" }),
    { msg_2: "unreadable" },
  ),
  derivable(
    "message.time_created with a fraction",
    ({ messages }) => void Object.assign(messages[0] ?? {}, { time_created: CREATED + 0.5 }),
    {},
  ),
  derivable(
    "an answer to a message that gets another id",
    (rows) => {
      Object.assign(rows.messages[0] ?? {}, { id: "msgX" });
      Object.assign(rows.parts[0] ?? {}, { message_id: "msgX" });
      assistant(set("parentID", "msgX"))(rows);
    },
    { msgX: "unreadable" },
  ),
  derivable(
    "several faults in one record",
    ({ messages, parts }) => {
      Object.assign(messages[0] ?? {}, { id: "msgX" });
      Object.assign(parts[0] ?? {}, {
        ...{ message_id: "msgX", session_id: "ses_other" },
        data: JSON.stringify({ type: "file", mime: "a/b", url: "data:a/b,%", source: null }),
      });
    },
    { msgX: "unreadable", prt_1: "dropped" },
  ),
  {
    ...derivable(
      "a call that did not end, in a message that gets another id",
      (rows) => {
        Object.assign(rows.messages[1] ?? {}, { id: "msgX" });
        Object.assign(rows.parts[1] ?? {}, { message_id: "msgX" });
        answer(tool({ status: "pending", input: {}, raw: "" }))(rows);
      },
      { msgX: "unreadable", prt_2: "changed" },
    ),
    left: CALL_CHANGED,
  },
  derivable(
    "a message that gets another id, and is completed too",
    (rows) => {
      Object.assign(rows.messages[0] ?? {}, { id: "msgX", time_created: "abc" });
      Object.assign(rows.parts[0] ?? {}, { message_id: "msgX" });
      user(without("agent"))(rows);
      assistant(set("parentID", "msgX"))(rows);
    },
    { msgX: "dropped", prt_1: "dropped" },
  ),
  derivable(
    "a message that gets another id, with a file at which the import stops",
    (rows) => {
      Object.assign(rows.messages[0] ?? {}, { id: "msgX" });
      Object.assign(rows.parts[0] ?? {}, { message_id: "msgX", session_id: "ses_other" });
      rows.parts.push(part("prt_3", "msgX", { type: "file", mime: "a/b", url: "data:a/b,100%" }));
    },
    { prt_1: "dropped", prt_3: "stops" },
  ),
  {
    ...derivable(
      "a message that gets another id, with a part of which nothing can be made",
      (rows) => {
        Object.assign(rows.messages[0] ?? {}, { id: "msgX" });
        Object.assign(rows.parts[0] ?? {}, { message_id: "msgX", data: JSON.stringify({ type: "weird" }) });
      },
      { msgX: "unreadable", prt_1: "dropped" },
    ),
    left: { prt_1: "dropped" },
  },
  lasting(
    "a message of which nothing can be made keeps its id",
    (rows) => {
      Object.assign(rows.messages[1] ?? {}, { id: "msgX" });
      Object.assign(rows.parts[1] ?? {}, { message_id: "msgX" });
      assistant(set("role", "weird"))(rows);
    },
    { msgX: "dropped", prt_2: "dropped" },
  ),
  derivable(
    "a row of a session and a JSON column of it",
    ({ session }) => void Object.assign(session, { directory: "work", metadata: "{" }),
    { "ses_1.directory": "stops", "ses_1.metadata": "stops" },
  ),
  derivable(
    "two columns of a session",
    ({ session }) => void Object.assign(session, { directory: "work", parent_id: "x", workspace_id: "y" }),
    { "ses_1.directory": "stops", "ses_1.parent_id": "unreadable", "ses_1.workspace_id": "unreadable" },
  ),
  derivable("metadata that is not JSON", ({ session }) => void Object.assign(session, { metadata: "{" }), {
    "ses_1.metadata": "stops",
  }),
  derivable("revert that is not JSON", ({ session }) => void Object.assign(session, { revert: "" }), {
    "ses_1.revert": "stops",
  }),
  derivable("a relative directory", ({ session }) => void Object.assign(session, { directory: "work" }), {
    "ses_1.directory": "stops",
  }),
  derivable("an empty directory", ({ session }) => void Object.assign(session, { directory: "" }), {}),
  derivable(
    "a model in the shape of an older opencode",
    ({ session }) => void Object.assign(session, { model: '{"providerID":"p","modelID":"m"}' }),
    { "ses_1.model": "unreadable" },
  ),
  derivable(
    "a question that is cut short, and has no underscore in its id",
    ({ messages, parts }) => {
      Object.assign(messages[0] ?? {}, { id: "msgX", data: '{"role":"us' });
      Object.assign(parts[0] ?? {}, { message_id: "msgX" });
      assistant(set("parentID", "msgX"))({ session: {}, messages, parts });
    },
    { msgX: "dropped", prt_1: "dropped" },
  ),
  derivable(
    "a parent that is an infinite number",
    ({ messages: [, answered] }) => {
      if (answered !== undefined)
        answered.data = String(answered.data).replace(/"parentID":"[^"]*"/, '"parentID":1e999');
    },
    ANSWER_GONE,
  ),
  derivable("a parent that is no session", ({ session }) => void Object.assign(session, { parent_id: "x" }), {
    "ses_1.parent_id": "unreadable",
  }),
  derivable(
    "a permission that is not JSON: it is not copied",
    ({ session }) => void Object.assign(session, { permission: "{" }),
    {},
  ),
  lasting("something is undone", ({ session }) => void Object.assign(session, { revert: '{"messageID":"msg_2"}' }), {
    "ses_1.revert": "changed",
  }),
];
