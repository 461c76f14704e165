import { setTimeout as sleep } from "node:timers/promises";

/** One scripted answer of the simulated model. */
export type ModelReply =
  | { readonly text: string; readonly reasoning?: string; readonly chunkDelayMs?: number }
  | {
      readonly tool: string;
      readonly input: Readonly<Record<string, unknown>>;
      readonly reasoning?: string;
      /** The tool call is sent without a pause. Use it only for tools that change no file. */
      readonly atOnce?: true;
    }
  /** Several tool calls in one answer. They are sent after `after` resolves. */
  | { readonly calls: readonly ModelToolCall[]; readonly after: Promise<void>; readonly reasoning?: string }
  | { readonly failure: number; readonly message: string };

export interface ModelToolCall {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** One request of opencode to the model. */
export interface ModelCall {
  /** `side` means a request for a title, a summary or a compaction. Such a request offers no tools. */
  readonly kind: "chat" | "side";
  readonly lastUserText: string;
  /** The number of tool results after that text. */
  readonly toolResults: number;
}

export interface ModelServer {
  readonly port: number;
  /** Base URL for an OpenAI-compatible provider. */
  readonly url: string;
  /** The number of chat requests so far. Requests for titles and summaries are not counted. */
  readonly calls: number;
  /** Every request so far, in order. */
  readonly log: readonly ModelCall[];
  /** The number of scripted replies that are not used yet. */
  readonly pending: number;
  /** The tools that the last chat request offered. */
  readonly tools: readonly unknown[];
  /** Adds replies to the script. Each chat request uses one. If none is left, the server improvises a reply. */
  script(...replies: readonly ModelReply[]): void;
  stop(): Promise<void>;
}

interface ChatRequest {
  readonly tools?: readonly unknown[];
  readonly stream?: boolean;
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
}

/** Starts a simulated model on this machine that streams answers from a script. It uses no other network. */
export function startModelServer(improvised: (call: ModelCall) => ModelReply = () => ({ text: "Done." })): ModelServer {
  const queue: ModelReply[] = [];
  const log: ModelCall[] = [];
  let tools: readonly unknown[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      if (!new URL(request.url).pathname.endsWith("/chat/completions")) return new Response("{}", { status: 404 });
      const body = (await request.json()) as ChatRequest;
      const kind = (body.tools?.length ?? 0) > 0 ? "chat" : "side";
      const call: ModelCall = { kind, lastUserText: lastUserText(body), toolResults: toolResults(body) };
      log.push(call);
      if (kind === "chat") tools = body.tools ?? [];
      return answer(kind === "chat" ? (queue.shift() ?? improvised(call)) : { text: "A summary in a few words" });
    },
  });
  const port = server.port ?? 0;
  return {
    port,
    url: `http://127.0.0.1:${port}/v1`,
    get calls() {
      return log.filter((call) => call.kind === "chat").length;
    },
    log,
    get pending() {
      return queue.length;
    },
    get tools() {
      return tools;
    },
    script: (...replies) => {
      queue.push(...replies);
    },
    stop: () => server.stop(true),
  };
}

function lastUserText(body: ChatRequest): string {
  const content = body.messages?.findLast((message) => message.role === "user")?.content;
  return typeof content === "string" ? content : JSON.stringify(content ?? "");
}

function toolResults({ messages = [] }: ChatRequest): number {
  const asked = messages.findLastIndex((message) => message.role === "user");
  return messages.slice(asked + 1).filter((message) => message.role === "tool").length;
}

function answer(reply: ModelReply): Response {
  if ("failure" in reply) {
    const error = { error: { message: reply.message, type: "invalid_request_error" } };
    return Response.json(error, { status: reply.failure });
  }
  return new Response(streamed(events(reply)), { headers: { "content-type": "text/event-stream" } });
}

function streamed(source: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await source.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await source.return(undefined);
    },
  });
}

type Streamed = Exclude<ModelReply, { readonly failure: number }>;

async function* events(reply: Streamed): AsyncGenerator<Uint8Array> {
  yield chunk({ role: "assistant", content: "" });
  if (reply.reasoning) yield chunk({ reasoning_content: reply.reasoning });
  if ("calls" in reply) {
    await reply.after;
    for (const piece of toolCalls(reply.calls)) yield piece;
  } else if ("tool" in reply) {
    // Without this pause, the tool could change files before opencode has taken its snapshot of the step.
    if (reply.atOnce !== true) await sleep(150);
    for (const piece of toolCalls([reply])) yield piece;
  } else {
    for (const piece of reply.text.match(/\S+\s*/g) ?? [""]) {
      if (reply.chunkDelayMs) await sleep(reply.chunkDelayMs);
      yield chunk({ content: piece });
    }
    yield chunk({}, "stop");
  }
  yield new TextEncoder().encode("data: [DONE]\n\n");
}

function* toolCalls(calls: readonly ModelToolCall[]): Iterable<Uint8Array> {
  for (const [index, { tool, input }] of calls.entries()) {
    const call = { name: tool, arguments: JSON.stringify(input) };
    const id = `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;
    yield chunk({ tool_calls: [{ index, id, type: "function", function: call }] });
  }
  yield chunk({}, "tool_calls");
}

function chunk(delta: Readonly<Record<string, unknown>>, finish: string | null = null): Uint8Array {
  const usage = finish === null ? {} : { usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 } };
  const event = {
    id: "chatcmpl-scripted",
    object: "chat.completion.chunk",
    created: 1_760_000_000,
    model: "scripted",
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...usage,
  };
  return new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`);
}
