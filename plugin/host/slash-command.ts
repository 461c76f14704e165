import { setTimeout as sleep } from "node:timers/promises";
import type { Hooks, PluginInput } from "@opencode-ai/plugin";
import { type RequestAnswer, type RequestContext, readRequest } from "./repair-request.ts";

const COMMAND = "repair";

/** A report waits this long for the agent to end its turn, in milliseconds. */
const LONGEST_WAIT_MS = 30 * 60_000;

const WAIT_STEP_MS = 1000;

/** The permission that the agent's tool asks for. */
export const TOOL_PERMISSION = "session_repair";

/**
 * Hosts before 1.1.28 cannot hand a command to a plugin: there the text goes to the model, which calls the tool. Later
 * hosts never send it.
 */
const TEMPLATE = `Call the tool session_repair once, with action "repair" ("check", "undo" or "runs" if the words below begin with that word) and sessionID or runID if the words name one, and confirm: true, since the user typed /repair. Then repeat its answer to the user word for word.

Words: $ARGUMENTS`;

type Client = PluginInput["client"];

/**
 * The work was done without the model; opencode has no other way to be told than an error. 1.17 and newer send a client
 * the error itself where it is an answer as well: "no content" instead of "Unexpected server error" (measured 1.17.18,
 * 1.18.33). Older hosts send its text.
 */
class AnsweredByPlugin extends Error {
  readonly "~effect/http/HttpServerResponse" = true;
  readonly status = 204;
  readonly headers = {};
  readonly cookies = { cookies: {} };
  readonly body = { _tag: "Empty" };

  constructor(headline: string) {
    super(headline);
    this.name = "SessionRepair";
    // Hosts up to 1.14 send the stack, with the paths in it.
    this.stack = `${this.name}: ${headline}`;
  }
}

/** `command: false` leaves `/repair` to the terminal half, so that it is offered once. */
export function registerCommand(options: { readonly command: boolean; readonly asks: boolean }): Pick<Hooks, "config"> {
  return {
    config: async (config) => {
      if (options.asks) askForTool(config);
      if (!options.command) return;
      config.command ??= {};
      config.command[COMMAND] = {
        template: TEMPLATE,
        description: "open conversations that will not load (check · undo · runs · help)",
        // Without a model of its own, opencode looks for the last one in the messages, which may be what is damaged.
        ...(typeof config.model === "string" ? { model: config.model } : {}),
      };
    },
  };
}

/** opencode allows what its configuration does not name: without this the tool would change things unasked. */
function askForTool(config: { permission?: unknown }): void {
  const given = config.permission;
  const rules = typeof given === "string" ? { "*": given } : typeof given === "object" && given !== null ? given : {};
  if (!(TOOL_PERMISSION in rules)) config.permission = { ...rules, [TOOL_PERMISSION]: "ask" };
}

/**
 * Answers `/repair` in the plugin, without a model call: the work is done, the report is shown in the conversation, and
 * a throw keeps opencode from sending anything to the model (measured 1.1.65 to 1.18.33).
 */
export function answerCommand(
  client: Client,
  context: () => Promise<RequestContext | null>,
): NonNullable<Hooks["command.execute.before"]> {
  return async (input) => {
    if (input.command !== COMMAND) return;
    const { sessionID } = input;
    const answer = await answerTo(input.arguments, await context());
    const text = [answer.headline, ...answer.details].join("\n");
    const atWork = await isAtWork(client, sessionID);
    // A message that comes while the agent works makes it work on: it would answer the report.
    if (atWork) void postWhenIdle(client, sessionID, text).catch(() => undefined);
    else if (!(await post(client, sessionID, text)) && process.argv.includes("run")) process.stderr.write(`${text}\n`);
    await showToast(client, answer);
    if (atWork === false) await saySessionIsIdle(client, sessionID);
    throw new AnsweredByPlugin(answer.headline);
  };
}

async function answerTo(words: string, context: RequestContext | null): Promise<RequestAnswer> {
  const nothing = { details: [], runID: null, changedSessions: [], remaining: [] };
  if (context === null) return { ...nothing, headline: "There is no opencode storage here." };
  try {
    const { answerRequest } = await import("./answer-request.ts");
    return await answerRequest(readRequest(words), context);
  } catch {
    return { ...nothing, headline: "The repair failed in a way it should not. Nothing was lost; please report it." };
  }
}

/**
 * Shows a text in a session, as a message that no model sees. `false` for a session that opencode cannot load: a message
 * would be written into it.
 */
async function post(client: Client, sessionID: string, text: string): Promise<boolean> {
  try {
    const loaded = await client.session.messages({ path: { id: sessionID } });
    if (loaded.response?.status !== 200) return false;
    // `opencode run` prints what has an end (measured 1.1.65 to 1.18.33).
    const now = Date.now();
    const part = { type: "text" as const, text, ignored: true, time: { start: now, end: now } };
    await client.session.prompt({ path: { id: sessionID }, body: { noReply: true, parts: [part] } });
    return true;
  } catch {
    return false;
  }
}

async function postWhenIdle(client: Client, sessionID: string, text: string): Promise<void> {
  const deadline = Date.now() + LONGEST_WAIT_MS;
  while (Date.now() < deadline) {
    await sleep(WAIT_STEP_MS, undefined, { ref: false });
    if (await isAtWork(client, sessionID)) continue;
    await post(client, sessionID, text);
    return;
  }
}

async function showToast(client: Client, answer: RequestAnswer): Promise<void> {
  try {
    const variant = answer.remaining.length > 0 ? ("warning" as const) : ("success" as const);
    const body = { title: "Session repair", message: answer.headline, variant, duration: 10_000 };
    await client.tui.showToast({ body });
  } catch {
    // A client without a terminal UI.
  }
}

/** Whether the agent works in a session; `null` where opencode does not say. */
async function isAtWork(client: Client, sessionID: string): Promise<boolean | null> {
  try {
    const { data } = await client.session.status();
    return data === undefined ? null : sessionID in data;
  } catch {
    return null;
  }
}

/**
 * `opencode run` of 1.17 and newer waits until it hears that its session is idle, which follows a turn of the model.
 * Ending the turn of a session that has none says so, and does nothing else (measured 1.1.65 to 1.18.33).
 */
async function saySessionIsIdle(client: Client, sessionID: string): Promise<void> {
  try {
    await client.session.abort({ path: { id: sessionID } });
  } catch {
    // Only `opencode run` would have listened.
  }
}
