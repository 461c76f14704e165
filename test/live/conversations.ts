import { setTimeout as sleep } from "node:timers/promises";
import type { ModelCall, ModelReply } from "../host/model-server.ts";
import type { RunningHost } from "../host/running-host.ts";
import type { Random } from "../oracle/random.ts";

interface WirePart {
  readonly id: string;
  readonly type: string;
  readonly text?: string;
  readonly state?: { readonly status: string };
}

interface WireMessage {
  readonly info: { readonly id: string; readonly role: string; readonly error?: unknown };
  readonly parts: readonly WirePart[];
}

/** What a host answered during the test. Every part is stored as it was at the end of its turn. */
export interface Record {
  turns: number;
  toolCalls: number;
  /** A description of each turn that did not end as expected. */
  readonly failed: string[];
  /** For each session id, the parts by their ids. */
  readonly sessions: Map<string, Map<string, string>>;
  /** For each session id, the ids of the parts that the host's events named. */
  readonly announced: Map<string, Set<string>>;
}

export function newRecord(): Record {
  return { turns: 0, toolCalls: 0, failed: [], sessions: new Map(), announced: new Map() };
}

const WORDS = "the store is written to while others look at it and repair what is broken ";

/** The text with which the model ends its answer. */
function finalText(words: number): string {
  return WORDS.repeat(Math.ceil(words / 15))
    .split(" ")
    .slice(0, words)
    .join(" ");
}

/**
 * Answers as the model. The user's text says how many tools the model calls, and how many words it then writes. It does
 * both as fast as possible.
 */
export function improvise({ lastUserText, toolResults }: ModelCall): ModelReply {
  const [, turn = "", tools = "0", words = "1"] = /turn (\S+): (\d+) tools, (\d+) words/.exec(lastUserText) ?? [];
  if (toolResults >= Number(tools)) return { text: finalText(Number(words)), reasoning: "Enough was done." };
  // Every call is different, because opencode treats three equal calls as a loop.
  const what = `${turn} ${toolResults}`;
  if (toolResults % 3 === 1) {
    const command = `echo ${what}`;
    return { tool: "bash", input: { command, description: "Says something" }, atOnce: true };
  }
  const todos = [{ id: "1", content: what, status: "in_progress", priority: "high" }];
  return { tool: "todowrite", input: { todos }, reasoning: `Step ${what}.`, atOnce: true };
}

/** Creates one session after another and sends prompts in each, until `isOver` returns true. */
export async function converse(
  host: RunningHost,
  record: Record,
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const made = await host.post("/session", { title: "A live session" });
    const { id } = made.body as { id: string };
    record.sessions.set(id, new Map());
    const turns = 2 + random.below(5);
    for (let turn = 0; turn < turns && !isOver(); turn += 1) {
      const [tools, words] = [random.below(5), 1 + random.below(120)];
      const problem = await holdTurn(host, record, id, { name: `${id}-${turn}`, tools, words }).catch(String);
      if (problem !== null) record.failed.push(`${id}, turn ${turn}: ${problem}`);
      record.turns += 1;
      record.toolCalls += tools;
    }
  }
}

interface Turn {
  readonly name: string;
  readonly tools: number;
  readonly words: number;
}

/** Describes what went wrong with a turn. `null` means that nothing went wrong. */
async function holdTurn(host: RunningHost, record: Record, id: string, turn: Turn): Promise<string | null> {
  const text = `turn ${turn.name}: ${turn.tools} tools, ${turn.words} words`;
  const model = { providerID: "loopback", modelID: "scripted" };
  const answer = await host.post(`/session/${id}/message`, { model, parts: [{ type: "text", text }] });
  if (answer.status !== 200) return `${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
  const { status, body } = await host.get(`/session/${id}/message`);
  if (status !== 200) return `messages: ${status} ${JSON.stringify(body).slice(0, 300)}`;
  const messages = body as readonly WireMessage[];
  const parts = record.sessions.get(id);
  for (const message of messages) for (const part of message.parts) parts?.set(part.id, JSON.stringify(part));
  const own = messages.slice(messages.findLastIndex(({ info }) => info.role === "user") + 1);
  const failed = own.find(({ info }) => info.error !== undefined);
  if (failed !== undefined) return JSON.stringify(failed.info.error).slice(0, 300);
  const said = own.flatMap((message) => message.parts);
  const done = said.filter(({ type, state }) => type === "tool" && state?.status === "completed").length;
  if (done !== turn.tools) return `${done} of ${turn.tools} tools done`;
  return said.some((part) => part.type === "text" && part.text === finalText(turn.words))
    ? null
    : "the text is not whole";
}

/** Records every part that the host announces, until the signal aborts. */
export async function listen(host: RunningHost, record: Record, signal: AbortSignal): Promise<void> {
  const url = new URL("/event", host.url);
  url.searchParams.set("directory", host.home.project);
  try {
    const response = await fetch(url, { signal });
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data:")) note(record, line.slice(5));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

interface PartEvent {
  readonly type: string;
  readonly properties: {
    readonly part?: { readonly id: string; readonly sessionID: string };
    readonly partID?: string;
    readonly sessionID?: string;
  };
}

function note(record: Record, text: string): void {
  const { type, properties } = JSON.parse(text) as PartEvent;
  if (type === "message.part.updated" && properties.part !== undefined) {
    const { id, sessionID } = properties.part;
    const known = record.announced.get(sessionID) ?? new Set();
    record.announced.set(sessionID, known.add(id));
  } else if (type === "message.part.removed") {
    record.announced.get(properties.sessionID ?? "")?.delete(properties.partID ?? "");
  }
}

/** Describes each recorded part that the restarted host does not return, or returns with another content. */
export async function missing(host: RunningHost, record: Record): Promise<string[]> {
  await sleep(0);
  const missed: string[] = [];
  for (const [id, parts] of record.sessions) {
    const { status, body } = await host.get(`/session/${id}/message`);
    if (status !== 200) {
      missed.push(`${id}: ${status}`);
      continue;
    }
    const now = new Map(
      (body as readonly WireMessage[]).flatMap((message) =>
        message.parts.map((part) => [part.id, JSON.stringify(part)]),
      ),
    );
    for (const [partID, part] of parts) if (now.get(partID) !== part) missed.push(`${id} ${partID}: not what it was`);
    for (const partID of record.announced.get(id) ?? [])
      if (!now.has(partID)) missed.push(`${id} ${partID}: not stored`);
  }
  return missed;
}
