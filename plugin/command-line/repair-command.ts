import { dirname } from "node:path";
import { isFileLocator, locatorText } from "../model/artifact.ts";
import { isOnScreen } from "../model/finding.ts";
import { ACTION, type ReportedItem } from "../repair/apply.ts";
import { changeLines } from "../repair/change-words.ts";
import type { CheckResult } from "../repair/check.ts";
import { repairThroughout } from "../repair/converge.ts";
import { writingRefusal } from "../repair/origin-words.ts";
import { type Plan, planRepair, type Selection } from "../repair/plan.ts";
import { type RepairResult, settleUnfinished } from "../repair/repair.ts";
import { doneWords, plural, sentence, toDoWords } from "../repair/words.ts";
import { changeAnswer, NOT_REACHED } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { answer, type CommandContext, checkWithProgress, commandHere, UNCHECKED, withoutResult } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { checkText, findingLines, isUnreached, itemLine, obstacle } from "./text.ts";

type Repair = Command & { name: "repair" };

/** `repair`: shows the plan, asks, sets aside what opencode cannot read, checks again. */
export async function repairCommand(context: CommandContext, command: Repair): Promise<ExitStatus> {
  const outcome = await checkWithProgress(context, command.sessionIDs);
  if (!outcome.ok) return withoutResult(context, outcome);
  const before = outcome.result;
  const selection: Selection = { codes: command.codes, unasked: false };
  const plan = planRepair(before.findings, selection);
  if (plan.length === 0) {
    if (command.yes && !command.dryRun) await settleUnfinished({ ...context, access: "outside" });
    return nothingToDo(context, before);
  }
  if (!(await confirmed(context, command, before, plan))) {
    const reason = command.dryRun ? "dry run" : "not confirmed";
    const items = plan.flatMap((session) => session.operations.map((operation) => notDone(operation, reason)));
    answer(context, changeAnswer({ ...remainingOf(before), runID: null, manifests: [], items }), "");
    return EXIT.findings;
  }
  const latest: { check: CheckResult | null } = { check: before };
  const result = await repairThroughout({
    files: context.files,
    located: context.located,
    access: "outside",
    findings: before.findings,
    selection,
    trigger: "cli",
    hostVersion: null,
    signal: context.signal,
    findAgain: async () => {
      latest.check = await checkedAgain(context, command.sessionIDs, before);
      return latest.check?.findings ?? null;
    },
    confirm: async (next) => command.yes || confirmed(context, command, latest.check ?? before, next),
    onProgress: (done, of) => context.terminal.progress(`Repairing: ${amount(done)} of ${amount(of)} …`),
  });
  const after = latest.check;
  const messages = [
    ...(result.stopped === null ? [] : [result.stopped.message]),
    ...(after === null ? [UNCHECKED] : []),
  ];
  const message = messages.length === 0 ? undefined : messages.join(" ");
  const document = changeAnswer({
    runID: result.runID,
    manifests: result.manifests,
    items: result.items,
    ...(after === null ? NOT_REACHED : remainingOf(after)),
    ...unlistedAnswer(unlistedBy(result.plans.flat(), result), context),
    ...(message === undefined ? {} : { message }),
  });
  answer(context, document, await doneText(result, after, result.plans.flat(), context));
  if (message !== undefined) context.terminal.complain(message);
  return statusOf(context, result, after);
}

/** A session that was nothing but damaged records is gone from the store now. `null`: the check was stopped. */
async function checkedAgain(
  context: CommandContext,
  sessionIDs: readonly string[],
  before: CheckResult,
): Promise<CheckResult | null> {
  const left = new Set(sessionIDs);
  do {
    const outcome = await checkWithProgress(context, [...left]);
    if (outcome.ok) return outcome.result;
    if (outcome.unknownSession === null) return null;
    left.delete(outcome.unknownSession);
  } while (left.size > 0);
  return { ...before, findings: [], verdict: "healthy" };
}

function remainingOf(result: CheckResult) {
  return { remaining: result.findings, verdict: result.verdict };
}

async function nothingToDo(context: CommandContext, before: CheckResult): Promise<ExitStatus> {
  const document = changeAnswer({ runID: null, manifests: [], items: [], ...remainingOf(before) });
  const text =
    before.verdict === "healthy" && !before.findings.some((finding) => isOnScreen(finding) || isUnreached(finding))
      ? "Nothing to repair: opencode can load everything here."
      : checkText(before, context.terminal, { obstacle: await obstacle(context) });
  answer(context, document, text);
  const refusal = refusedRepair(before);
  if (refusal === null) return before.verdict === "healthy" ? EXIT.done : EXIT.findings;
  context.terminal.complain(refusal);
  return EXIT.refused;
}

/** Why what was found stays as it is, where it is in a database to which nothing is written; `null`: it is not. */
function refusedRepair({ stores, findings }: CheckResult): string | null {
  for (const [index, { state, origin }] of stores.entries()) {
    const refusal = writingRefusal(origin);
    // Of rows of 2.x each finding says itself why it stays.
    const isDamaged = findings.some(
      ({ store, severity, stops }) => store === index && severity === "blocking" && stops === undefined,
    );
    if (refusal !== null && (isDamaged || state === "unread")) return refusal;
  }
  return null;
}

async function confirmed(context: CommandContext, command: Repair, before: CheckResult, plan: Plan): Promise<boolean> {
  const operations = plan.flatMap((session) => session.operations);
  const planned = new Set(operations.map((operation) => JSON.stringify(operation.locator)));
  const findings = before.findings.filter((finding) => planned.has(JSON.stringify(finding.locator)));
  const { terminal } = context;
  const show = context.options.json ? terminal.say : terminal.print;
  if (!command.yes || command.dryRun) {
    show(`Plan: ${toDoWords(operations)}; nothing is deleted.`);
    const changes = changeLines(operations);
    if (changes.length > 0) show(["What is completed:", ...changes.map((line) => `  ${line}`), ""].join("\n"));
    const others = findings.filter((finding) => finding.remedy !== "normalise");
    show(findingLines(others.length + MOST_LINES < findings.length ? others : findings, terminal).join("\n"));
  }
  if (command.dryRun) return false;
  if (command.yes) return true;
  if (!terminal.interactive) {
    show("Nothing was changed. Add --yes to do this.");
    return false;
  }
  const yes = await terminal.ask(`${sentence(toDoWords(operations))}?`);
  if (!yes) show("Nothing was changed.");
  return yes;
}

function notDone(operation: Plan[number]["operations"][number], reason: string): ReportedItem {
  const { sessionID, recordID, kind, code, remedy, replacement } = operation;
  const changes = replacement?.changes;
  const planned = { planned: ACTION[remedy], ...(changes === undefined ? {} : { changes }) };
  return { id: "", sessionID, recordID, kind, code, action: "skipped", reason, ...planned };
}

async function doneText(
  result: RepairResult,
  after: CheckResult | null,
  plan: Plan,
  context: CommandContext,
): Promise<string> {
  const done = result.items.filter((item) => item.action !== "skipped");
  const lines = [
    done.length === 0 ? "Nothing was changed." : `${doneWords(done, "record")}.`,
    ...itemLines(result.items),
  ];
  if (result.runID !== null) {
    const folders = result.manifests.map((manifest) => `  ${dirname(manifest)}`);
    lines.push("", "The originals are in:", ...folders);
    lines.push(`To undo: ${commandHere(context, "restore", result.runID)}`);
  }
  lines.push(...hiddenLines(unlistedBy(plan, result), result.runID, context));
  if (after === null) return lines.join("\n");
  const left = after.findings.filter((finding) => finding.severity === "blocking");
  const tried = new Set(plan.flatMap(({ operations }) => operations.map(({ locator }) => locatorText(locator))));
  const advice = { obstacle: await obstacle(context), tried };
  lines.push(
    "",
    left.length === 0 ? "opencode can load everything that was checked." : checkText(after, context.terminal, advice),
  );
  return lines.join("\n");
}

/** Sessions whose record is in quarantine as a whole, and that opencode therefore lists no more. Only files leave so. */
function unlistedBy(plan: Plan, { items }: RepairResult): string[] {
  const left = new Set(items.filter(({ action }) => action === "quarantined").map(({ recordID }) => recordID));
  const records = plan.flatMap(({ operations }) => operations);
  return records.flatMap(({ kind, recordID, locator }) =>
    kind === "session" && isFileLocator(locator) && recordID !== null && left.has(recordID) ? [recordID] : [],
  );
}

function unlistedAnswer(sessions: readonly string[], context: CommandContext): object {
  if (sessions.length === 0) return {};
  return { unlisted: sessions.map((sessionID) => ({ sessionID, command: commandHere(context, "show", sessionID) })) };
}

function hiddenLines(sessions: readonly string[], runID: string | null, context: CommandContext): string[] {
  if (sessions.length === 0 || runID === null) return [];
  const shown = sessions.slice(0, MOST_LINES);
  const more = sessions.length - shown.length;
  return [
    "",
    `opencode no longer lists ${plural(sessions.length, "session")}: nothing of the record could be used. Messages stay where they are.`,
    ...shown.map((id) => `  To read it: ${commandHere(context, "show", id)}`),
    ...(more === 0 ? [] : [`  … and ${amount(more)} more`]),
    `  To bring the damaged record back: ${commandHere(context, "restore", runID)}`,
  ];
}

/** More lines than this, and those of the most frequent outcome are counted instead. */
const MOST_LINES = 50;

function itemLines(items: readonly ReportedItem[]): string[] {
  if (items.length <= MOST_LINES) return items.map(itemLine);
  const counted = new Map<string, number>();
  for (const { action, kind, code, reason } of items) {
    const words = `${action} ${kind} (${code})${reason === undefined ? "" : `: ${reason}`}`;
    counted.set(words, (counted.get(words) ?? 0) + 1);
  }
  return [...counted].map(([words, count]) => `  ${amount(count)} × ${words}`);
}

function amount(count: number): string {
  return count.toLocaleString("en-US");
}

function statusOf({ signal }: CommandContext, result: RepairResult, after: CheckResult | null): ExitStatus {
  const changed = result.runID !== null;
  if (result.stopped?.kind === "failed") return EXIT.failed;
  if (after === null || (result.stopped !== null && signal.aborted)) return EXIT.refused;
  if (result.stopped?.kind === "refused") return changed ? EXIT.findings : EXIT.refused;
  if (after.verdict === "healthy") return EXIT.done;
  const allSkipped = result.items.length > 0 && result.items.every((item) => item.action === "skipped");
  return allSkipped ? EXIT.refused : EXIT.findings;
}
