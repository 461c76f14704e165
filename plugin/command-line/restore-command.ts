import { settleUnfinished } from "../repair/repair.ts";
import type { ReportedItem } from "../repair/reported-item.ts";
import { planRestore, type RestoreInput, type RestorePlan, type RestoreResult, restore } from "../repair/restore.ts";
import { type RunOnSession, runContents } from "../show/run-contents.ts";
import { plural } from "../words/amounts.ts";
import { itemLine } from "../words/answers/check.ts";
import { STOPPED_AT_ONCE, UNDO_THIS_RUN } from "../words/answers/common.ts";
import { contentLines } from "../words/answers/runs.ts";
import { afterUndo, recordWords, undoneSentences, undoSentences } from "../words/records.ts";
import { changeAnswer, NOT_REACHED } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { checkWithProgress } from "./checking.ts";
import { isAgreed } from "./confirmation.ts";
import { answer, type CommandContext, problem, stopped, UNCHECKED } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { namesForScreen } from "./known-sessions.ts";
import { showProgress } from "./progress-line.ts";
import { resolveRun, resolveSessionsHere } from "./resolve-ids.ts";

type Restore = Command & { name: "restore" };

/**
 * `restore`: undoes a run, so that its records return to their places, byte for byte. A record stays in quarantine if
 * another record has taken its place.
 */
export async function restoreCommand(context: CommandContext, command: Restore): Promise<ExitStatus> {
  const { files, located } = context;
  const { itemIDs } = command;
  const resolved = await resolveRun(context, command.run, "undoable");
  if (!resolved.ok) return problem(context, resolved.message, EXIT.usage);
  const runID = resolved.value;
  const chosen = await resolveSessionsHere(context, command.sessionIDs);
  if (!chosen.ok) return problem(context, chosen.message, EXIT.usage);
  const sessionIDs = chosen.value;
  const input: RestoreInput = { files, located, access: "outside", runID, sessionIDs, itemIDs };
  const planning = await planRestore(input);
  if (!planning.ok) {
    return problem(context, planning.message, planning.reason === "unknown" ? EXIT.usage : EXIT.refused);
  }
  const count = planning.plan.runs.reduce((sum, { items }) => sum + items.length, 0);
  if (count > 0 && !(await confirmed(context, command, planning.plan))) {
    const items = planning.plan.runs.flatMap(({ sessionID, items: own }) =>
      own.map(({ id, recordID, kind, code }) => ({
        id,
        sessionID,
        recordID,
        kind,
        code,
        action: "skipped" as const,
        reason: command.dryRun ? "dry run" : "not confirmed",
      })),
    );
    answer(context, changeAnswer({ runID, manifests: [], items, ...(await current(context)) }, context.options), "");
    return EXIT.findings;
  }
  if (context.signal.aborted) return stopped(context, STOPPED_AT_ONCE);
  if (count === 0 && command.yes) await settleUnfinished(input);
  const onProgress = showProgress(context.terminal, "Undoing", "records");
  const result = await restore({ ...input, onProgress, signal: context.signal }, planning.plan);
  const restored = result.items.filter((item) => item.action === "restored").length;
  const after = await current(context);
  const wasStopped = context.options.json && after.verdict === null;
  const messages = [...(result.stopped === null ? [] : [result.stopped.message]), ...(wasStopped ? [UNCHECKED] : [])];
  const message = messages.length === 0 ? undefined : messages.join(" ");
  const { manifests, items } = result;
  const said = message === undefined ? {} : { message };
  const document = changeAnswer({ runID, manifests, items, ...after, ...said }, context.options);
  answer(context, document, doneText(result).join("\n"));
  if (message !== undefined) context.terminal.complain(message);
  if (result.stopped !== null) return result.stopped.kind === "failed" ? EXIT.failed : EXIT.refused;
  if (wasStopped) return EXIT.refused;
  if (result.items.every((item) => item.action === "restored")) return EXIT.done;
  return restored === 0 ? EXIT.refused : EXIT.findings;
}

/** The answer lists at most this many records. The others are counted. */
const MOST_LINES = 20;

function doneText({ items, undone }: RestoreResult): string[] {
  const refused = items.filter((item) => !isRestored(item));
  const isAnyAdded = undone.some(({ bytes }) => bytes === null);
  const lines = [`Undone: ${isAnyAdded ? undoneSentences(undone) : `${plural(undone.length, "record")} restored.`}`];
  const shown = items.length <= MOST_LINES ? items : refused.slice(0, MOST_LINES);
  const added = new Set(items.filter(isRestored).filter((_, index) => undone[index]?.bytes === null));
  lines.push(...shown.map((item) => (added.has(item) ? removedLine(item) : itemLine(item))));
  const hidden = refused.length - shown.length;
  if (hidden > 0) lines.push(`  … and ${plural(hidden, "record")} more that could not be restored`);
  return lines;
}

function isRestored({ action }: ReportedItem): boolean {
  return action === "restored";
}

/** The line of a record that the run had added. */
function removedLine(item: ReportedItem): string {
  return `  removed ${recordWords(item)} (${item.code})`;
}

/**
 * The state of the store after the undo. Only the JSON document contains it, so the store is not checked for other
 * answers.
 */
async function current(context: CommandContext) {
  if (!context.options.json) return NOT_REACHED;
  const outcome = await checkWithProgress(context, []);
  return outcome.ok ? { remaining: outcome.result.findings, verdict: outcome.result.verdict } : NOT_REACHED;
}

/** The part of a run that a plan undoes. */
function plannedOf(sessions: readonly RunOnSession[], { runs }: RestorePlan): RunOnSession[] {
  return sessions.flatMap((session) => {
    const own = runs.filter(({ sessionID }) => sessionID === session.sessionID);
    const ids = new Set(own.flatMap(({ items }) => items.map(({ id }) => id)));
    return ids.size === 0 ? [] : [{ ...session, records: session.records.filter(({ id }) => ids.has(id)) }];
  });
}

async function confirmed(context: CommandContext, command: Restore, plan: RestorePlan): Promise<boolean> {
  if (command.yes && !command.dryRun) return true;
  const { files, located, terminal } = context;
  const show = context.options.json ? terminal.say : terminal.print;
  const contents = await runContents(files, located.dataDir, plan.runID);
  const sessions = contents.ok ? plannedOf(contents.sessions, plan) : [];
  const records = sessions.flatMap((session) => session.records);
  show(`Plan: undo the run ${plan.runID}. ${undoSentences(records)}`);
  if (contents.ok && !context.options.json) {
    show(contentLines(sessions, await namesForScreen(context), terminal).join("\n"));
  }
  if (command.dryRun) return false;
  return isAgreed(context, `${UNDO_THIS_RUN} ${afterUndo(records)}`);
}
