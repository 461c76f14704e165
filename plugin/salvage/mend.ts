import { cutDocument } from "../records/cut-document.ts";
import { checkFor } from "../records/quick-check.ts";
import { messageDocument } from "../records/strict/message.ts";
import { partDocument } from "../records/strict/part.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What of a damaged row survived besides its document. Times in milliseconds. */
export interface Surroundings {
  readonly created: number;
  readonly updated: number;
}

const isPart = checkFor(partDocument);
const isMessage = checkFor(messageDocument);

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

const LOST = "[opencode-session-repair: what stood here was lost when the database was damaged]";
const CUT = "[opencode-session-repair: the rest was lost when the database was damaged]";

/** A part that says that something is missing. Shown to the user; not sent to the model. */
function lostPart(): Fields {
  return { type: "text", text: LOST, ignored: true };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/**
 * A part that the host can load, from the beginning of a part's document that is left. Every value in it is one that
 * stood there; what is missing is empty, or says that it is missing.
 */
export function mendPart(left: string, { created, updated }: Surroundings): Fields {
  const found = fieldsOf(cutDocument(left));
  const time = { start: created, end: Math.max(created, updated) };
  const candidates: Fields[] = [];
  if (found.type === "text" || found.type === "reasoning") {
    candidates.push({ type: found.type, text: `${text(found.text)}\n${CUT}`, time });
  }
  if (found.type === "tool") {
    const { callID, tool } = found;
    const state = fieldsOf(found.state);
    const input = fieldsOf(state.input);
    const output = state.output === undefined ? CUT : `${text(state.output)}\n${CUT}`;
    const completed = { status: "completed", input, output, title: text(state.title), metadata: {}, time };
    const error = { status: "error", input, error: state.error === undefined ? CUT : text(state.error), time };
    const mended = state.status === "completed" ? completed : error;
    candidates.push({ type: "tool", callID: text(callID), tool: text(tool), state: mended });
  }
  return [...candidates, found].find((candidate) => isPart(candidate)) ?? lostPart();
}

/** A message that the host can load, from the beginning of a message's document that is left. */
export function mendMessage(left: string, { created, updated }: Surroundings): Fields {
  const found = fieldsOf(cutDocument(left));
  const { summary: _, ...rest } = found;
  const candidates: Fields[] = [found, rest];
  const isUser = found.role === "user";
  const filled = isUser ? emptyUser(created) : emptyAssistant(created, updated);
  candidates.push({ ...filled, ...withoutBadFields(found, filled) }, filled);
  return candidates.find((candidate) => isMessage(candidate)) ?? filled;
}

/** Of the found fields those that have the shape of what would be filled in. */
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
