import { randomBytes } from "node:crypto";
import type { LongText, LongTexts } from "../records/long-document.ts";
import type { ShownSession } from "../show/show.ts";
import type { Hole, TranscriptMessage } from "../show/transcript.ts";
import { TEXT_CHANGED } from "../words/long-texts.ts";
import { jsonText, listAnswer } from "./answers.ts";

/** What is known about a document when it was written. */
export interface Written {
  /** Whether the document was written to its end. */
  isWhole: boolean;
  /** The number of unreadable records, and of texts that changed while they were read. */
  holes: number;
  changed: number;
}

/**
 * The JSON document of a session, in pieces. Each message is read when it is written, and a long text piece by piece. The
 * document ends early if the reading was stopped.
 */
export async function* documentPieces(
  session: ShownSession,
  signal: AbortSignal,
  written: Written,
  depth = 0,
): AsyncIterable<string> {
  const { facts, store, quarantined, copy, unread, other } = session;
  const setAside = quarantined.map(({ runID, kind, recordID, bytes }) => ({ runID, kind, recordID, bytes }));
  const place = { generation: store.generation, ...(store.database === undefined ? {} : { database: store.database }) };
  const recordFaults = session.recordFaults.map(({ code, evidence, locator }) => ({ code, evidence, locator }));
  const head = { session: facts, store: place, copy, recordFaults, unread, setAside };
  const pad = "  ".repeat(depth);
  yield `{\n${members(depth === 0 ? listAnswer(head) : head, pad)},\n${pad}  "messages": [`;
  const holes: Hole[] = [];
  let separator = "";
  for await (const message of session.messages()) {
    yield `${separator}\n${pad}    `;
    yield* messagePieces(message, `${pad}    `, written);
    separator = ",";
    holes.push(...holesOf(message));
  }
  if (signal.aborted) return;
  yield `${separator === "" ? "" : `\n${pad}  `}],\n${members({ holes }, pad)}`;
  written.holes += holes.length;
  if (other !== null) {
    yield `,\n${pad}  "opencode2": `;
    yield* documentPieces(other, signal, written, depth + 1);
    if (signal.aborted) return;
  }
  yield `\n${pad}}`;
  written.isWhole = true;
}

export function holesOf(message: TranscriptMessage): Hole[] {
  return message.entries.filter((entry): entry is Hole => entry.type === "hole");
}

/** The members of an object as JSON, without its brackets. */
function members(object: object, pad: string): string {
  return indented(`${pad}${jsonText(object).slice(2, -2)}`, pad);
}

function indented(json: string, pad: string): string {
  return pad === "" ? json : json.replaceAll("\n", `\n${pad}`);
}

function* messagePieces(message: TranscriptMessage, pad: string, written: Written): Iterable<string> {
  if (message.long === undefined) {
    yield indented(jsonText(publicMessage(message)), pad);
    return;
  }
  // A mark that nobody can guess takes the place of each long text.
  const mark = randomBytes(9).toString("base64url");
  const texts: LongText[] = [];
  const marked = (_name: string, value: unknown) => (isLong(value) ? `${mark}${texts.push(value) - 1}` : value);
  const pieces = indented(jsonText(publicMessage(message), marked), pad).split(`"${mark}`);
  for (const [index, piece] of pieces.entries()) {
    if (index === 0) yield piece;
    else {
      const end = piece.indexOf('"');
      yield '"';
      for (const text of texts[Number(piece.slice(0, end))]?.pieces() ?? []) {
        if (text === null) written.changed += 1;
        yield jsonText(text ?? `\n${TEXT_CHANGED}`).slice(1, -1);
      }
      yield piece.slice(end);
    }
  }
}

/** No value that was parsed from JSON has a function. */
function isLong(value: unknown): value is LongText {
  return typeof (value as { pieces?: unknown } | null)?.pieces === "function";
}

/**
 * A message for the JSON document, with each long text in its place. The stored records in `info` already contain the
 * parts, so the entries do not repeat them.
 */
function publicMessage({ entries, long, ...message }: TranscriptMessage): object {
  const whole = (value: unknown) => withTexts(value, long?.get(value));
  return {
    ...message,
    entries: entries.map((entry) => {
      if ("why" in entry) return entry;
      if (!("part" in entry)) return { type: entry.type, text: entry.long ?? entry.text };
      const { part, ...said } = entry;
      const error = long?.get(part)?.get('["state","error"]');
      return error === undefined ? said : { ...said, error };
    }),
    info: whole(message.info),
    parts: message.parts.map(whole),
  };
}

/** A value with the long texts in their places. */
function withTexts(value: unknown, texts: LongTexts | undefined, path: readonly string[] = []): unknown {
  if (texts === undefined || typeof value !== "object" || value === null) {
    return texts?.get(JSON.stringify(path)) ?? value;
  }
  const inside = ([name, each]: [string, unknown]) => [name, withTexts(each, texts, [...path, name])] as const;
  const entries = Object.entries(value).map(inside);
  return Array.isArray(value) ? entries.map(([, each]) => each) : Object.fromEntries(entries);
}
