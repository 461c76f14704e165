import type { ToolContext, ToolDefinition } from "@opencode-ai/plugin";
import { abilitiesOf } from "../hosts/running-host.ts";
import type { RepairRequest, RequestAnswer, RequestContext } from "./repair-request.ts";
import { TOOL_PERMISSION } from "./slash-command.ts";

const DESCRIPTION = `Finds and repairs opencode sessions that cannot be opened because a stored record is damaged.
action "check" changes nothing and asks nothing. "repair" recovers unreadable records or moves them to quarantine (nothing is deleted). "undo" undoes a run. "repair" and "undo" ask the user first. "runs" lists earlier repairs. The tool never changes the session in which it is called.`;

const ACTIONS = ["check", "repair", "undo", "runs"] as const;

/** In opencode before 1.1.25, the context of a tool has no function `ask`. */
type AskingContext = ToolContext & { ask?: ToolContext["ask"] };

/** A question to the user lists at most this many of the values that a repair would fill in. */
const MOST_CHANGES = 8;

const FIELDS = ["action", "sessionID", "runID", "confirm"] as const;

/** The arguments that each action accepts besides `confirm`. */
const TAKES: Readonly<Record<(typeof ACTIONS)[number], "sessionID" | "runID" | null>> = {
  check: "sessionID",
  repair: "sessionID",
  undo: "runID",
  runs: null,
};

/**
 * Checks the arguments that the model wrote. Returns the request, or one sentence about the error. The values `""` and
 * `null` count as absent.
 */
async function readArguments(
  given: unknown,
): Promise<{ readonly request: RepairRequest; readonly confirm: boolean } | string> {
  if (typeof given !== "object" || given === null) return `The arguments must be an object with an action: ${oneOf()}.`;
  const values = given as Readonly<Record<string, unknown>>;
  const { action, confirm } = values;
  if (!ACTIONS.some((known) => known === action)) {
    return `${action === undefined ? "An action is missing" : "There is no such action"}. It is one of ${oneOf()}.`;
  }
  const known = action as (typeof ACTIONS)[number];
  if (Object.keys(values).some((name) => !FIELDS.some((field) => field === name))) {
    return `There are no other arguments than ${FIELDS.join(", ")}.`;
  }
  if (isGiven(confirm) && typeof confirm !== "boolean") return "confirm takes true or false.";
  for (const name of ["sessionID", "runID"] as const) {
    if (!isGiven(values[name])) continue;
    if (TAKES[known] !== name) return `${known} takes no ${name}.`;
    if (typeof values[name] !== "string") return `${name} takes a text.`;
  }
  const { sessionID, runID } = values;
  const { isRunID } = await import("../quarantine/run-id.ts");
  const { isSessionID } = await import("./repair-request.ts");
  if (isGiven(sessionID) && !isSessionID(String(sessionID))) return "A sessionID begins with ses, as check shows it.";
  if (isGiven(runID) && !isRunID(String(runID)))
    return "A runID looks like 20261123T021500123Z-0000-9f86d081, as runs shows it.";
  return { request: requestOf(known, textOf(sessionID), textOf(runID)), confirm: confirm === true };
}

function oneOf(): string {
  return ACTIONS.join(", ");
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function textOf(value: unknown): string | null {
  return isGiven(value) ? String(value) : null;
}

function requestOf(action: (typeof ACTIONS)[number], sessionID: string | null, runID: string | null): RepairRequest {
  switch (action) {
    case "check":
    case "repair":
      return { what: action, sessionID };
    case "undo":
      return { what: "undo", runID };
    case "runs":
      return { what: "runs" };
  }
}

/**
 * The tool `session_repair`. Its arguments are created when opencode first asks for its tools, because that code would
 * slow down the start.
 */
export function sessionRepairTool(context: (sessionID: string) => Promise<RequestContext | null>): ToolDefinition {
  // opencode reads the arguments synchronously, so this module cannot be loaded with `import()`.
  const { agentArguments } = require("./agent-arguments.ts") as typeof import("./agent-arguments.ts");
  const definition = {
    description: DESCRIPTION,
    args: agentArguments(ACTIONS),
    async execute(given: unknown, tool: AskingContext) {
      const read = await readArguments(given);
      if (typeof read === "string") return `Nothing was done. ${read}`;
      const { answerRequest, answerText } = await import("./answer-request.ts");
      const own = await context(tool.sessionID);
      if (own === null) return (await import("../words/answers/common.ts")).NO_STORAGE;
      const planned = await plan(read.request, own);
      if ("answer" in planned) return planned.answer;
      const { request, change } = planned;
      if (change !== null && !(await isAllowed(change, tool)) && !read.confirm) return notConfirmed(change);
      const answer = await answerRequest(request, own);
      if (!abilitiesOf(own.hostVersion).takesRichResults) return answerText(answer);
      return { title: answer.headline, output: answerText(answer), metadata: metadataOf(answer) };
    },
  };
  // This cast is needed, because the type in opencode's package refers to another copy of zod.
  return definition as unknown as ToolDefinition;
}

function metadataOf(answer: RequestAnswer) {
  const { runID, changedSessions, remaining } = answer;
  return { runID, changedSessions, remaining: remaining.length };
}

/** The changes that a request would make, described for the user who allows or refuses them. */
interface Change {
  /** One line: the action, the number of records, and the sessions. */
  readonly summary: string;
  /** The same changes, with every value that would be added. */
  readonly details: string;
}

type Planned =
  /** `change` is `null` if the request changes nothing. Then the user need not be asked. */
  { readonly request: RepairRequest; readonly change: Change | null } | { readonly answer: string };

/**
 * Asks the user through opencode's permission prompt. Returns `false` if this version of opencode cannot ask. If the
 * user refuses, the function throws the error that opencode expects from a tool.
 */
async function isAllowed({ summary, details }: Change, tool: AskingContext): Promise<boolean> {
  const asking: unknown = tool.ask?.({
    // When opencode asks for a permission, the terminal UI shows only `permission` (1.14.41 to 1.18.34), and the web
    // page shows only `patterns`. So both have the facts.
    permission: `${TOOL_PERMISSION}: ${summary}`,
    patterns: [details],
    always: [],
    metadata: { summary: details },
  });
  // In 1.14.41, `ask` returns an Effect that only opencode could run, so the user was not asked (measured).
  if (!isPromise(asking)) return false;
  await asking;
  return true;
}

function notConfirmed({ summary }: Change): string {
  return `Nothing was changed. This opencode cannot ask the user. Ask them yourself whether to ${summary}; then call again with confirm: true.`;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Finds the changes that a request would make, before the user is asked. */
async function plan(request: RepairRequest, context: RequestContext): Promise<Planned> {
  switch (request.what) {
    case "repair":
      return planRepair(request, request.sessionID, context);
    case "undo":
      return planUndo(request.runID, context);
    default:
      return { request, change: null };
  }
}

async function planRepair(request: RepairRequest, sessionID: string | null, context: RequestContext): Promise<Planned> {
  const { answerRequest, answerText } = await import("./answer-request.ts");
  const checked = await answerRequest({ what: "check", sessionID }, context);
  const others = checked.remaining.filter((finding) => finding.sessionID !== context.spare);
  if (others.length === 0 && checked.remaining.length > 0) {
    return {
      answer:
        "Nothing was changed. Only the session that this tool runs in is damaged. /repair or the command line repairs it.",
    };
  }
  const { isRepairable } = await import("../repair/plan.ts");
  const repairable = others.filter(isRepairable);
  // Nothing can be repaired: there is no problem, no such session, or only problems without a remedy.
  if (repairable.length === 0) return { answer: answerText(checked) };
  const sessions = new Set(repairable.map((finding) => finding.sessionID)).size;
  const { changeLines, inOneSentence } = await import("../words/changes.ts");
  const { toDoWords } = await import("../words/records.ts");
  const { plural } = await import("../words/amounts.ts");
  const changes = changeLines(repairable);
  const summary = `${toDoWords(repairable)}, in ${plural(sessions, "session")} (reversible)`;
  return {
    request,
    change: {
      summary,
      details: changes.length === 0 ? summary : `${summary}: ${inOneSentence(changes, MOST_CHANGES)}`,
    },
  };
}

async function planUndo(wanted: string | null, context: RequestContext): Promise<Planned> {
  const { newestUndoable } = await import("./answer-request.ts");
  const { planRestore } = await import("../repair/restore.ts");
  const { plural } = await import("../words/amounts.ts");
  const { NOTHING_CHANGED, NOTHING_TO_UNDO, OF_THIS_SESSION, undoneBefore } = await import(
    "../words/answers/common.ts"
  );
  const runID = wanted ?? (await newestUndoable(context));
  if (runID === null) return { answer: NOTHING_TO_UNDO };
  const { files, located, spare } = context;
  const planning = await planRestore({ files, located, access: "beside-host", runID, sessionIDs: [], itemIDs: [] });
  if (!planning.ok) return { answer: planning.message };
  const { runs } = planning.plan;
  const records = runs.reduce((sum, { items }) => sum + items.length, 0);
  if (records === 0) return { answer: `${NOTHING_CHANGED} ${undoneBefore(runID)}` };
  if (spare !== null && runs.some(({ sessionID }) => sessionID === spare)) {
    return { answer: OF_THIS_SESSION };
  }
  const sessions = new Set(runs.map(({ sessionID }) => sessionID)).size;
  const summary = `restore ${plural(records, "record")} of ${plural(sessions, "session")}, run ${runID}`;
  return { request: { what: "undo", runID }, change: { summary, details: summary } };
}
