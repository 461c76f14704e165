import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../process/until.ts";
import type { ModelReply, ModelServer } from "./model-server.ts";
import type { RunningHost } from "./running-host.ts";

export type SessionName = (typeof SESSION_NAMES)[number];

/** The names of the sessions that `writeRealSessions` makes. */
export const SESSION_NAMES = [
  "conversation",
  "plain",
  "child",
  "forked",
  "reverted",
  "compacted",
  "aborted",
  "failed",
  "empty",
] as const;

export interface StoredPart {
  readonly id: string;
  readonly type: string;
  readonly tool?: string;
  readonly status?: string;
}

export interface StoredMessage {
  readonly id: string;
  readonly role: string;
  readonly parts: readonly StoredPart[];
}

/** The content of a session, as opencode answered after it had written the session. */
export interface StoredSession {
  readonly name: SessionName;
  readonly id: string;
  readonly messages: readonly StoredMessage[];
  readonly todos: number;
}

export type StoredSessions = Readonly<Record<SessionName, StoredSession>>;

interface WireMessage {
  readonly info: {
    readonly id: string;
    readonly role: string;
    readonly summary?: { readonly diffs?: readonly unknown[] };
  };
  readonly parts: readonly {
    readonly id: string;
    readonly type: string;
    readonly tool?: string;
    readonly state?: { readonly status: string };
  }[];
}

const model = { providerID: "loopback", modelID: "scripted" };
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/**
 * Makes a running opencode write one session of each kind that users have. The first has reasoning, tools, a failed
 * tool, todos and edits of files. The others are a plain session with an image, a child, a fork, and a reverted, a
 * compacted, an aborted, a failed and an empty session. opencode must have been started with the model server
 * `scripted`.
 */
export async function writeRealSessions(host: RunningHost, scripted: ModelServer): Promise<StoredSessions> {
  const writer = new SessionWriter(host, scripted);
  const conversation = await writer.conversation();
  const ids: Readonly<Record<SessionName, string>> = {
    conversation,
    plain: await writer.plain(),
    child: await writer.child(conversation),
    forked: await writer.fork(conversation),
    reverted: await writer.reverted(),
    compacted: await writer.compacted(),
    aborted: await writer.aborted(),
    failed: await writer.failed(),
    empty: await writer.create("An empty session"),
  };
  const stored = SESSION_NAMES.map(async (name) => [name, await describe(host, name, ids[name])] as const);
  return Object.fromEntries(await Promise.all(stored)) as unknown as StoredSessions;
}

class SessionWriter {
  readonly #host: RunningHost;
  readonly #model: ModelServer;

  constructor(host: RunningHost, scripted: ModelServer) {
    this.#host = host;
    this.#model = scripted;
  }

  async create(title: string, parentID?: string): Promise<string> {
    const made = await this.#post("/session", { title, ...(parentID ? { parentID } : {}) });
    return (made as { id: string }).id;
  }

  async conversation(): Promise<string> {
    const { project } = this.#host.home;
    const id = await this.create("A conversation with tools");
    const readme = { type: "file", mime: "text/plain", filename: "README.md", url: `file://${project}/README.md` };
    await this.#turn(
      id,
      [{ type: "text", text: "Say hello with bash — grüß die Welt 🌍" }, readme],
      [{ reasoning: "The user wants a greeting.", ...bash("echo hello from bash") }, { text: "Bash said hello." }],
    );
    await this.#turn(
      id,
      [{ type: "text", text: "Read a file that is not there, then plan." }],
      [
        { tool: "read", input: { filePath: `${project}/no-such-file.txt` } },
        { tool: "todowrite", input: { todos } },
        { reasoning: "It does not exist.", text: "That file does not exist; the plan is written." },
      ],
    );
    await this.#turn(
      id,
      [{ type: "text", text: "Now write and change some files." }],
      [
        { tool: "write", input: { filePath: `${project}/notes.txt`, content: "one\ntwo\nthree\n" } },
        { tool: "read", input: { filePath: `${project}/main.txt` } },
        { tool: "edit", input: { filePath: `${project}/main.txt`, oldString: "second line", newString: "2nd line" } },
        { text: "Both files are changed." },
      ],
    );
    return id;
  }

  async plain(): Promise<string> {
    const id = await this.create("A plain session");
    const image = { type: "file", mime: "image/png", filename: "pixel.png", url: `data:image/png;base64,${pixel}` };
    await this.#turn(id, [{ type: "text", text: "What is this?" }, image], [{ text: "A single pixel." }]);
    await this.#turn(id, [{ type: "text", text: "Thank you." }], [{ text: "You are welcome." }]);
    return id;
  }

  async child(parentID: string): Promise<string> {
    const id = await this.create("A child session", parentID);
    await this.#turn(id, [{ type: "text", text: "A question of its own" }], [{ text: "An answer of its own." }]);
    return id;
  }

  async fork(sourceID: string): Promise<string> {
    return ((await this.#post(`/session/${sourceID}/fork`, {})) as { id: string }).id;
  }

  async reverted(): Promise<string> {
    const { project } = this.#host.home;
    const id = await this.create("A reverted session");
    await this.#turn(id, [{ type: "text", text: "Hello" }], [{ text: "Hello to you." }]);
    await this.#turn(
      id,
      [{ type: "text", text: "Write a file I will regret" }],
      [{ tool: "write", input: { filePath: `${project}/regret.txt`, content: "regret\n" } }, { text: "Written." }],
    );
    const last = (await messagesOf(this.#host, id)).findLast((message) => message.info.role === "user");
    await this.#post(`/session/${id}/revert`, { messageID: last?.info.id });
    return id;
  }

  async compacted(): Promise<string> {
    const id = await this.create("A compacted session");
    await this.#turn(id, [{ type: "text", text: "Tell me a long story" }], [{ text: "Once upon a time." }]);
    await this.#post(`/session/${id}/summarize`, { ...model, auto: false });
    return id;
  }

  async aborted(): Promise<string> {
    const id = await this.create("An aborted session");
    const before = this.#model.calls;
    const words = "word ".repeat(200);
    const running = this.#turn(id, [{ type: "text", text: "Talk slowly" }], [{ text: words, chunkDelayMs: 50 }]);
    await until(() => this.#model.calls > before, "the model was never asked");
    await until(async () => (await messagesOf(this.#host, id)).some(speaking), "the answer never began");
    await sleep(300);
    await this.#post(`/session/${id}/abort`, {});
    await running;
    return id;
  }

  async failed(): Promise<string> {
    const id = await this.create("A session whose model failed");
    await this.#turn(id, [{ type: "text", text: "Fail please" }], [{ failure: 400, message: "scripted failure" }]);
    return id;
  }

  async #turn(id: string, parts: readonly unknown[], replies: readonly ModelReply[]): Promise<void> {
    this.#model.script(...replies);
    await this.#post(`/session/${id}/message`, { model, parts });
    if (this.#model.pending > 0) throw new Error(`the host left ${this.#model.pending} scripted replies unused`);
    await shortly(async () => summarised(await messagesOf(this.#host, id)));
  }

  async #post(path: string, body: unknown): Promise<unknown> {
    const answer = await this.#host.post(path, body);
    if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

const todos = [
  { id: "1", content: "Look at the file", status: "completed", priority: "high" },
  { id: "2", content: "Change the file", status: "in_progress", priority: "medium" },
  { id: "3", content: "Be done", status: "pending", priority: "low" },
];

function speaking(message: WireMessage): boolean {
  return message.info.role === "assistant" && message.parts.some((part) => part.type === "text");
}

/**
 * Whether opencode has written the diff summary of the last turn. opencode writes the summary some time after its
 * answer.
 */
function summarised(messages: readonly WireMessage[]): boolean {
  const asked = messages.findLastIndex((message) => message.info.role === "user");
  const changed = messages.slice(asked).some((message) => message.parts.some((part) => part.type === "patch"));
  const diffs = messages[asked]?.info.summary?.diffs;
  return diffs !== undefined && (!changed || diffs.length > 0);
}

function bash(command: string): { readonly tool: string; readonly input: Readonly<Record<string, unknown>> } {
  return { tool: "bash", input: { command, description: "Runs a scripted command" } };
}

async function messagesOf(host: RunningHost, id: string): Promise<readonly WireMessage[]> {
  const answer = await host.get(`/session/${id}/message`);
  if (answer.status !== 200) throw new Error(`messages of ${id}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body as WireMessage[];
}

async function describe(host: RunningHost, name: SessionName, id: string): Promise<StoredSession> {
  const todo = (await host.get(`/session/${id}/todo`)).body;
  const messages = (await messagesOf(host, id)).map((message) => ({
    id: message.info.id,
    role: message.info.role,
    parts: message.parts.map((part) => ({
      id: part.id,
      type: part.type,
      ...(part.tool ? { tool: part.tool } : {}),
      ...(part.state ? { status: part.state.status } : {}),
    })),
  }));
  return { name, id, messages, todos: Array.isArray(todo) ? todo.length : 0 };
}

/**
 * Not every version writes a summary after every turn. The tests wait for the summary at most this long, in
 * milliseconds.
 */
const SUMMARY_MS = 15_000;

async function shortly(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + SUMMARY_MS;
  while (!(await holds()) && performance.now() < end) await sleep(50);
}
