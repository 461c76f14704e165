import { cutDocument, readBeginning, wholeMembers } from "../../records/cut-document.ts";
import { checkFor } from "../../records/quick-check.ts";
import { messageDocument } from "../../records/strict/message.ts";
import { partDocument } from "../../records/strict/part.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The times at which the damaged record was created and last written, in milliseconds since 1970. */
export interface RecordTimes {
  readonly created: number;
  readonly updated: number;
}

const isPart = checkFor(partDocument);
const isMessage = checkFor(messageDocument);

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

const LOST = "[opencode-session-repair: the content of this part was lost]";
const CUT = "[opencode-session-repair: the rest of this was lost]";

/** A text part that tells the user that something is missing. `ignored` keeps the text from being sent to the model. */
export function lostPart(): Fields {
  return { type: "text", text: LOST, ignored: true };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/**
 * Makes a part that every opencode version loads from the readable beginning of a part's document. Each value in the
 * new part was in the damaged part. If a text, a tool's output or an error may have been cut, a note says so. Returns
 * `null` if nothing readable is left for the user.
 */
export function closedPart(left: string, times: RecordTimes): Fields | null {
  const beginning = readBeginning(left);
  if (beginning === undefined) return null;
  const found = fieldsOf(beginning.value);
  if (beginning.wholeUntil !== null && isPart(found)) return found;
  const candidates = found.type === "text" || found.type === "reasoning" ? cutTexts(found, times) : [];
  if (found.type === "tool" && isNamedCall(wholeMembers(left))) candidates.push(...cutCalls(found, times));
  // The last field of the document may have been cut, so only the fields before it are used.
  if (candidates.length === 0) candidates.push(wholeMembers(left));
  return candidates.find((candidate) => isPart(candidate)) ?? null;
}

/**
 * Whether a tool call has a name and an id. A model's provider refuses the whole session if a call lacks one of them.
 */
function isNamedCall({ tool, callID }: Fields): boolean {
  return text(tool) !== "" && text(callID) !== "";
}

function cutTexts(found: Fields, { created, updated }: RecordTimes): Fields[] {
  if (typeof found.text !== "string") return [];
  const { type } = found;
  // The marks of a text are kept: `synthetic` if opencode added the text, `ignored` if the text is hidden from the
  // model.
  const marks = {
    ...(found.synthetic === true && { synthetic: true }),
    ...(found.ignored === true && { ignored: true }),
  };
  const said = { ...marks, type, text: isLast(found, "text") ? `${found.text}\n${CUT}` : found.text };
  return [
    { ...said, time: found.time },
    { ...said, time: { start: created, end: Math.max(created, updated) } },
  ];
}

function cutCalls(found: Fields, { created, updated }: RecordTimes): Fields[] {
  const state = fieldsOf(found.state);
  const input = fieldsOf(state.input);
  const isCutHere = isLast(found, "state");
  const metadata =
    isCutHere && isLast(state, "metadata") ? withNote(fieldsOf(state.metadata)) : fieldsOf(state.metadata);
  const time = { start: created, end: Math.max(created, updated) };
  const output = state.output === undefined ? CUT : text((isCutHere ? withNote(state) : state).output);
  const completed = { status: "completed", input, output, title: text(state.title), metadata };
  const error = { status: "error", input, error: state.error === undefined ? CUT : text(state.error), metadata };
  const call = { type: "tool", callID: text(found.callID), tool: text(found.tool) };
  const closed = state.status === "completed" ? completed : error;
  return [
    { ...call, state: { ...closed, time: state.time } },
    { ...call, state: { ...closed, time } },
  ];
}

/** Whether a document breaks off in or after this value. All values before the last one are complete. */
function isLast(fields: Fields, name: string): boolean {
  return Object.keys(fields).at(-1) === name;
}

/** The fields with a note at the end of `output` if that text may have been cut. A terminal UI shows `metadata.output`. */
function withNote(fields: Fields): Fields {
  if (!isLast(fields, "output") || typeof fields.output !== "string") return fields;
  return { ...fields, output: `${fields.output}\n${CUT}` };
}

/**
 * Makes a message that every opencode version loads from the readable beginning of a message's document. Fields that
 * cannot be read get neutral values.
 */
export function closedMessage(left: string, { created, updated }: RecordTimes): Fields {
  const found = fieldsOf(cutDocument(left));
  const { summary: _, ...rest } = found;
  const candidates: Fields[] = [found, rest];
  const isUser = found.role === "user";
  const filled = isUser ? emptyUser(created) : emptyAssistant(created, updated);
  candidates.push({ ...filled, ...withoutBadFields(found, filled) }, filled);
  return candidates.find((candidate) => isMessage(candidate)) ?? filled;
}

/** The readable fields whose values opencode accepts. Other fields would make the whole message unreadable. */
function withoutBadFields(found: Fields, filled: Fields): Fields {
  return Object.fromEntries(
    Object.entries(found).filter(([name, value]) => name in filled && isMessage({ ...filled, [name]: value })),
  );
}

function emptyUser(created: number): Fields {
  return { role: "user", time: { created }, agent: "build", model: { providerID: "unknown", modelID: "unknown" } };
}

function emptyAssistant(created: number, updated: number): Fields {
  return {
    role: "assistant",
    time: { created, completed: Math.max(created, updated) },
    parentID: "msg_",
    modelID: "unknown",
    providerID: "unknown",
    mode: "build",
    agent: "build",
    path: { cwd: "/", root: "/" },
    cost: 0,
    tokens: { input: 0, output: 0, reasoning: 0, cache: { read: 0, write: 0 } },
  };
}
