import type { ToolContext, ToolDefinition } from "@opencode-ai/plugin";
import { plural, toDoWords } from "../repair/words.ts";
import { isAtLeast } from "./host-version.ts";
import type { RepairRequest, RequestAnswer, RequestContext } from "./repair-request.ts";
import { TOOL_PERMISSION } from "./slash-command.ts";
import { zodNow } from "./zod-now.ts";

const DESCRIPTION = `Finds and repairs opencode conversations that cannot be opened because a stored record is damaged.
action "check" only looks and is free. "repair" recovers unreadable records or sets them aside (nothing is deleted) and "undo" puts a run back; both ask the user first. "runs" lists earlier repairs. Never changes the conversation it is called from.`;

const ACTIONS = ["check", "repair", "undo", "runs"] as const;

interface Arguments {
  readonly action: (typeof ACTIONS)[number];
  readonly sessionID?: string | undefined;
  readonly runID?: string | undefined;
  readonly confirm?: boolean | undefined;
}

/** Not typed in every version: 1.1.25 brought `ask`. */
type AskingContext = ToolContext & { ask?: ToolContext["ask"] };

/** From this version on a tool may return more than text (measured: not in 1.2.27; 1.14.41 ignores the title). */
const RICH_RESULTS_SINCE = "1.14.41";

/** A prompt shows no more than this of what is completed. */
const MOST_CHANGES = 8;

const NOT_CONFIRMED =
  "Nothing was changed. This opencode cannot ask the user; ask them yourself, then call again with confirm: true.";

function requestOf(args: Arguments): RepairRequest {
  switch (args.action) {
    case "check":
    case "repair":
      return { what: args.action, sessionID: args.sessionID ?? null };
    case "undo":
      return { what: "undo", runID: args.runID ?? null };
    case "runs":
      return { what: "runs" };
  }
}

/** The agent's tool. `zod` is loaded when opencode first asks for the tools, not at the start. */
export function sessionRepairTool(context: (sessionID: string) => Promise<RequestContext | null>): ToolDefinition {
  const { z } = zodNow();
  const args = {
    action: z.enum(ACTIONS).describe("what to do; start with check"),
    sessionID: z.string().optional().describe("only this session"),
    runID: z.string().optional().describe("for undo: the run to put back; without it the newest"),
    confirm: z.boolean().optional().describe("only where opencode cannot ask the user: true once the user has agreed"),
  };
  const definition = {
    description: DESCRIPTION,
    args,
    async execute(given: Arguments, tool: AskingContext) {
      const { answerRequest, answerText } = await import("./answer-request.ts");
      const own = await context(tool.sessionID);
      if (own === null) return "There is no opencode storage here.";
      const request = requestOf(given);
      if (request.what === "repair" || request.what === "undo") {
        const refusal = await permission(request, given, tool, own);
        if (refusal !== null) return refusal;
      }
      const answer = await answerRequest(request, own);
      if (!isAtLeast(own.hostVersion, RICH_RESULTS_SINCE)) return answerText(answer);
      return { title: answer.headline, output: answerText(answer), metadata: metadataOf(answer) };
    },
  };
  // The published type is that of the host's own copy of zod.
  return definition as unknown as ToolDefinition;
}

function metadataOf(answer: RequestAnswer) {
  const { runID, changedSessions, remaining } = answer;
  return { runID, changedSessions, remaining: remaining.length };
}

/** Asks through opencode's permission prompt. `null`: allowed. A denial throws, as opencode wants it from a tool. */
async function permission(
  request: RepairRequest,
  given: Arguments,
  tool: AskingContext,
  context: RequestContext,
): Promise<string | null> {
  if (tool.ask !== undefined) {
    const summary = await summaryOf(request, context);
    if (summary === null) return "Nothing to repair: opencode can load everything that was checked.";
    const asking: unknown = tool.ask({
      permission: TOOL_PERMISSION,
      patterns: [summary],
      always: [],
      metadata: { summary },
    });
    // 1.14.41 returns an Effect that only opencode could run: nobody was asked (measured).
    if (isPromise(asking)) {
      await asking;
      return null;
    }
  }
  return given.confirm === true ? null : NOT_CONFIRMED;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** What the user is asked to allow, in one line; `null` where there is nothing to do. */
async function summaryOf(request: RepairRequest, context: RequestContext): Promise<string | null> {
  if (request.what === "undo") return `put back the records of ${request.runID ?? "the newest repair run"}`;
  const { answerRequest } = await import("./answer-request.ts");
  const sessionID = request.what === "repair" ? request.sessionID : null;
  const { remaining } = await answerRequest({ what: "check", sessionID }, context);
  const others = remaining.filter((finding) => finding.sessionID !== context.spare);
  if (others.length === 0) return remaining.length === 0 ? null : "nothing but damage of this very conversation";
  const { isMendable } = await import("../repair/plan.ts");
  const mendable = others.filter(isMendable);
  if (mendable.length === 0) return "nothing: what was found can only be reported";
  const sessions = new Set(mendable.map((finding) => finding.sessionID)).size;
  const { changeLines } = await import("../repair/change-words.ts");
  const changes = changeLines(mendable);
  const shown = changes.slice(0, MOST_CHANGES).join("; ");
  const more = changes.length > MOST_CHANGES ? `; and ${changes.length - MOST_CHANGES} more` : "";
  const detail = changes.length === 0 ? "" : `: ${shown}${more}`;
  return `${toDoWords(mendable)}, in ${plural(sessions, "conversation")} (reversible)${detail}`;
}
