import { longTailedLength } from "./random.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Records that a real opencode wrote, as templates for test records. They include every form of message and part in
 * that opencode's store.
 */
export interface Templates {
  readonly session: JsonObject;
  readonly messages: readonly JsonObject[];
  readonly parts: readonly JsonObject[];
}

export interface StoreSize {
  readonly sessions: number;
  readonly parts: number;
}

/** How many parts an answer has on average. */
const PARTS_OF_MESSAGE = 10;

export interface GeneratedSession {
  readonly id: string;
  readonly record: JsonObject;
  readonly messages: readonly { readonly id: string; readonly record: JsonObject }[];
  readonly parts: readonly { readonly id: string; readonly messageID: string; readonly record: JsonObject }[];
}

function identifier(prefix: string, number: number): string {
  return `${prefix}_${number.toString(16).padStart(12, "0")}Bench${number.toString(36).padStart(9, "0")}`;
}

const WORDS = 'the session was read again and every part of it is where it belongs\n"quoted" \\ Grüße 🌍 '.repeat(6200);

/** Returns a part whose long text has the given length. Short texts, such as names and states, are not changed. */
function withLength(part: JsonObject, length: number): JsonObject {
  if (typeof part.text === "string") return { ...part, text: WORDS.slice(0, length) };
  const { state } = part;
  if (typeof state !== "object" || state === null || !("output" in state)) return part;
  return { ...part, state: { ...state, output: WORDS.slice(0, length) } };
}

/** Generates the sessions of a store one after the other. The parts are spread evenly over the sessions. */
export function* generateSessions(
  templates: Templates,
  size: StoreSize,
  random: () => number,
): Iterable<GeneratedSession> {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  for (let index = 0, written = 0; index < size.sessions; index += 1) {
    const own = Math.round((size.parts * (index + 1)) / size.sessions) - written;
    const id = identifier("ses", index);
    const time = 1_760_000_000_000 + index * 60_000;
    const messages: { id: string; record: JsonObject }[] = [];
    const parts: { id: string; messageID: string; record: JsonObject }[] = [];
    for (let made = 0; made < own; ) {
      const messageID = identifier("msg", written + made);
      messages.push({ id: messageID, record: { ...pick(templates.messages), id: messageID, sessionID: id } });
      for (
        let end = Math.min(own, made + 1 + Math.floor(random() * 2 * (PARTS_OF_MESSAGE - 1)));
        made < end;
        made += 1
      ) {
        const partID = identifier("prt", written + made);
        const record = withLength(pick(templates.parts), longTailedLength(random));
        parts.push({ id: partID, messageID, record: { ...record, id: partID, sessionID: id, messageID } });
      }
    }
    written += own;
    const record = { ...templates.session, id, title: `Session ${index}`, time: { created: time, updated: time } };
    yield { id, record, messages, parts };
  }
}
