import { setTimeout as sleep } from "node:timers/promises";
import type { Hooks, PluginInput } from "@opencode-ai/plugin";
import { SLASH_PURPOSE } from "../tool-identity.ts";
import type { RequestAnswer, RequestContext } from "./repair-request.ts";

const COMMAND = "repair";

/** A report waits at most this long for the agent to end its turn, in milliseconds. */
const LONGEST_WAIT_MS = 30 * 60_000;

const WAIT_STEP_MS = 1000;

/** The name of the permission that the agent's tool needs. */
export const TOOL_PERMISSION = "session_repair";

/**
 * opencode before 1.1.28 cannot pass a command to a plugin. There, this text goes to the model, which calls the tool.
 * Newer versions never send this text.
 */
const TEMPLATE = `Call the tool session_repair once, with action "repair" ("check", "undo" or "runs" if the words below begin with that word) and sessionID or runID if the words name one, and confirm: true, since the user typed /repair. Then repeat its answer to the user word for word.

Words: $ARGUMENTS`;

type Client = PluginInput["client"];
type MessagePart = Parameters<NonNullable<Hooks["chat.message"]>>[1]["parts"][number];

/**
 * Thrown after the plugin has done the work, because only an error keeps opencode from calling the model. opencode 1.17
 * and newer pass the error on to a client unchanged if the error is also an HTTP response. So the client gets "no
 * content" instead of "Unexpected server error" (measured 1.17.18, 1.18.33). Older versions send the text of the error.
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
    // Hosts up to 1.14 send the stack of the error, which contains paths.
    this.stack = `${this.name}: ${headline}`;
  }
}

interface CommandRegistration {
  readonly config: NonNullable<Hooks["config"]>;
  /** Returns `false` if the user has another command of that name. That command is kept. */
  isOurs(): boolean;
}

/**
 * Adds `/repair` and the permission of the tool to opencode's configuration. With `command: false`, `/repair` is not
 * added, because the terminal half of the plugin offers it.
 */
export function registerCommand(options: { readonly command: boolean; readonly asks: boolean }): CommandRegistration {
  let isOurs = true;
  return {
    isOurs: () => isOurs,
    config: async (config) => {
      if (options.asks) askForTool(config);
      const known = config.command?.[COMMAND];
      isOurs = known === undefined || known.template === TEMPLATE;
      if (!options.command || !isOurs) return;
      config.command ??= {};
      config.command[COMMAND] = {
        template: TEMPLATE,
        description: `${SLASH_PURPOSE} (check · undo · runs · help)`,
        // With a model here, opencode need not search the messages for the last used model. The messages may be damaged.
        ...(typeof config.model === "string" ? { model: config.model } : {}),
      };
    },
  };
}

interface Permitting {
  permission?: unknown;
}

/**
 * opencode allows every action that its configuration does not name. Without this rule the tool would make changes
 * without asking.
 */
function askForTool(config: Permitting & { readonly agent?: unknown; readonly mode?: unknown }): void {
  const given = config.permission;
  const rules = typeof given === "string" ? { "*": given } : isRecord(given) ? given : {};
  config.permission = withQuestion(speaksOfTool(rules) ? rules : { ...rules, [TOOL_PERMISSION]: "ask" });
  // opencode applies the rules of an agent after the general rules. So the rules of each agent are completed in the
  // same way.
  for (const agents of [config.agent, config.mode]) {
    for (const agent of isRecord(agents) ? Object.values(agents) : []) {
      if (isRecord(agent) && isRecord(agent.permission)) agent.permission = withQuestion(agent.permission);
    }
  }
}

/**
 * Whether the user's rules name the tool, or deny it through a wildcard. The last rule that matches the tool decides.
 */
function speaksOfTool(rules: Readonly<Record<string, unknown>>): boolean {
  const matching = Object.entries(rules).filter(([name]) => isNamedBy(name));
  if (matching.some(([name]) => name.startsWith(TOOL_PERMISSION))) return true;
  const rule = matching.at(-1)?.[1];
  return rule === "deny" || (isRecord(rule) && Object.values(rule).at(-1) === "deny");
}

/** Whether a rule of this name applies to the tool. `*` and `?` are wildcards. */
function isNamedBy(name: string): boolean {
  const letters = name.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${letters.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s").test(TOOL_PERMISSION);
}

/**
 * Repeats each rule for the tool under the longer name that the tool's questions have. That name begins with the name
 * of the tool and states the changes (`session_repair: …`). The original rule alone would not match it.
 */
function withQuestion(rules: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const question = `${TOOL_PERMISSION}: *`;
  return Object.fromEntries(
    Object.entries(rules).flatMap(([name, rule]) =>
      name === TOOL_PERMISSION && !(question in rules)
        ? [
            [name, rule],
            [question, rule],
          ]
        : [[name, rule]],
    ),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Answers `/repair` in the plugin, without a model call. The plugin does the work and shows the report in the session.
 * Then it throws an error, which keeps opencode from sending anything to the model (measured 1.1.65 to 1.18.34). A
 * client that does not know the command sends it as an ordinary message.
 */
export function answersTo(
  client: Client,
  context: () => Promise<RequestContext | null>,
  isOurs: () => boolean,
): {
  readonly command: NonNullable<Hooks["command.execute.before"]>;
  readonly message: NonNullable<Hooks["chat.message"]>;
} {
  return {
    command: async (input) => {
      if (input.command === COMMAND && isOurs()) await answer(client, input.sessionID, input.arguments, context);
    },
    message: async (input, { parts }) => {
      const words = isOurs() ? typedWords(parts) : null;
      if (words !== null) await answer(client, input.sessionID, words, context);
    },
  };
}

/** The words typed after `/repair`; `null` for any other message, and for a message that no model will see. */
function typedWords(parts: readonly MessagePart[]): string | null {
  const typed = parts.filter((part) => part.type !== "text" || !part.synthetic);
  const [only] = typed;
  if (typed.length !== 1 || only?.type !== "text" || only.ignored) return null;
  const [first, ...words] = only.text.trim().split(/\s+/);
  return first === `/${COMMAND}` ? words.join(" ") : null;
}

/**
 * The text of a report. The first line of the report is for scripts: `opencode run --command repair` prints the text
 * unchanged.
 */
function reportText({ verdict, headline, details }: RequestAnswer): string {
  return [...(verdict === null ? [] : [`Verdict: ${verdict}`]), headline, ...details].join("\n");
}

async function answer(
  client: Client,
  sessionID: string,
  words: string,
  context: () => Promise<RequestContext | null>,
): Promise<never> {
  const answer = await answerTo(words, await context());
  const text = reportText(answer);
  const atWork = await isAtWork(client, sessionID);
  // The agent would answer a report that arrives while it works. So the report waits for the end of the turn.
  if (atWork) void postWhenIdle(client, sessionID, text).catch(() => undefined);
  else {
    const posted = await post(client, sessionID, text);
    if (posted === null && process.argv.includes("run")) process.stderr.write(`${text}\n`);
    if (process.argv.includes("run")) {
      const { makesSessionOfItsOwn, removeOwnSession } = await import("./run-session.ts");
      if (makesSessionOfItsOwn(process.argv)) await removeOwnSession(client, sessionID, posted);
    }
  }
  await showToast(client, answer);
  if (atWork === false) await saySessionIsIdle(client, sessionID);
  throw new AnsweredByPlugin(answer.headline);
}

async function answerTo(words: string, context: RequestContext | null): Promise<RequestAnswer> {
  const nothing = { details: [], runID: null, changedSessions: [], remaining: [], verdict: null };
  const { DEFECT, NO_STORAGE } = await import("../words/answers/common.ts");
  if (context === null) return { ...nothing, headline: NO_STORAGE };
  try {
    const { answerRequest } = await import("./answer-request.ts");
    const { readRequest } = await import("./repair-request.ts");
    return await answerRequest(readRequest(words), context);
  } catch {
    return { ...nothing, headline: `${DEFECT.title}. ${DEFECT.rest}` };
  }
}

/**
 * Shows a text in a session, as a message that no model sees. Returns the message's id. If opencode cannot load the
 * session, nothing is written to it, and the result is `null`.
 */
async function post(client: Client, sessionID: string, text: string): Promise<string | null> {
  try {
    const loaded = await client.session.messages({ path: { id: sessionID } });
    if (loaded.response?.status !== 200) return null;
    // `opencode run` prints only parts that have an end time (measured 1.1.65 to 1.18.33).
    const now = Date.now();
    const part = { type: "text" as const, text, ignored: true, time: { start: now, end: now } };
    const { data } = await client.session.prompt({ path: { id: sessionID }, body: { noReply: true, parts: [part] } });
    return data?.info.id ?? null;
  } catch {
    return null;
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
    // Without a terminal UI, opencode refuses the toast. This error is ignored, because the report in the session has
    // the same text.
  }
}

/** Whether the agent is working in a session; `null` if opencode does not say. */
async function isAtWork(client: Client, sessionID: string): Promise<boolean | null> {
  try {
    const { data } = await client.session.status();
    return data === undefined ? null : sessionID in data;
  } catch {
    return null;
  }
}

/**
 * Tells `opencode run` of 1.17 and newer that the session is idle, because that command waits for this event. Normally
 * opencode publishes the event at the end of a model's turn. Aborting a session without a turn changes nothing, but
 * publishes the event (measured 1.1.65 to 1.18.33).
 */
async function saySessionIsIdle(client: Client, sessionID: string): Promise<void> {
  try {
    await client.session.abort({ path: { id: sessionID } });
  } catch {
    // A failed request is ignored. Only `opencode run` needs this event.
  }
}
