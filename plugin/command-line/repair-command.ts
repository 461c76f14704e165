import { dirname } from "node:path";
import { TRUNCATED } from "../faults/unreadable.ts";
import { locatorText } from "../model/artifact.ts";
import { type ConfirmedFinding, isNotShown, isUnread } from "../model/finding.ts";
import type { CheckResult } from "../repair/check.ts";
import { repairThroughout } from "../repair/converge.ts";
import { writingRefusal } from "../repair/may-write.ts";
import { type Plan, planRepair, type Selection } from "../repair/plan.ts";
import { type RepairResult, settleUnfinished } from "../repair/repair.ts";
import { ACTION, type ReportedItem } from "../repair/reported-item.ts";
import { unlistedBy, unlistedLine } from "../repair/unlisted.ts";
import { previewOf } from "../show/preview.ts";
import { openStores } from "../stores/open.ts";
import { plural } from "../words/amounts.ts";
import { checkText, isUnreached, itemLine } from "../words/answers/check.ts";
import { andMore, NOTHING_CHANGED, ORIGINALS_ARE_IN, WHAT_IS_COMPLETED } from "../words/answers/common.ts";
import { findingLines, laidOut, type View } from "../words/answers/findings.ts";
import { checkedStoreLine } from "../words/answers/stores.ts";
import { changeLines } from "../words/changes.ts";
import { actionWord, afterRepairText, doneWords, recordWords, sentence, toDoWords } from "../words/records.ts";
import { changeAnswer, NOT_REACHED } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { viewOf } from "./check-view.ts";
import { checkWithProgress, withoutResult } from "./checking.ts";
import { isAgreed } from "./confirmation.ts";
import { answer, type CommandContext, commandHere, problem, UNCHECKED } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { showProgress } from "./progress-line.ts";
import { resolveSessionsHere } from "./resolve-ids.ts";

type Repair = Command & { name: "repair" };

/** `repair`: shows the plan, asks, repairs, checks again. */
export async function repairCommand(context: CommandContext, command: Repair): Promise<ExitStatus> {
  const resolved = await resolveSessionsHere(context, command.sessionIDs);
  if (!resolved.ok) return problem(context, resolved.message, EXIT.usage);
  const sessionIDs = resolved.value;
  const outcome = await checkWithProgress(context, sessionIDs);
  if (!outcome.ok) return withoutResult(context, outcome);
  const before = outcome.result;
  const selection: Selection = { codes: command.codes, unasked: false };
  const plan = planRepair(before.findings, selection);
  if (plan.length === 0) {
    if (command.yes && !command.dryRun) await settleUnfinished({ ...context, access: "outside" });
    return nothingToDo(context, sessionIDs, before);
  }
  const view = await viewOf(context, sessionIDs, before);
  if (!(await confirmed(context, command, before, plan, view))) {
    const reason = command.dryRun ? "dry run" : "not confirmed";
    const items = plan.flatMap((session) => session.operations.map((operation) => notDone(operation, reason)));
    const document = { ...remainingOf(before), runID: null, manifests: [], items };
    answer(context, changeAnswer(document, context.options), "");
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
      latest.check = await checkedAgain(context, sessionIDs, before);
      return latest.check?.findings ?? null;
    },
    confirm: async (next) => command.yes || confirmed(context, command, latest.check ?? before, next, view),
    onProgress: showProgress(context.terminal, "Repairing", "records"),
  });
  const after = latest.check;
  const messages = [
    ...(result.stopped === null ? [] : [result.stopped.message]),
    ...(after === null ? [UNCHECKED] : []),
  ];
  const message = messages.length === 0 ? undefined : messages.join(" ");
  const { runID, manifests, items } = result;
  const left = after === null ? NOT_REACHED : remainingOf(after);
  const said = message === undefined ? {} : { message };
  const unlisted = unlistedAnswer(unlistedBy(result.plans.flat(), result.items), context);
  const document = changeAnswer({ runID, manifests, items, ...left, ...unlisted, ...said }, context.options);
  answer(context, document, await doneText(result, after, result.plans.flat(), sessionIDs, context));
  if (message !== undefined) context.terminal.complain(message);
  return statusOf(context, result, after);
}

/**
 * Checks the named sessions again after a repair. If a session had only damaged records, the repair has removed it from
 * the store, so the check is repeated without it. Returns `null` if the check was stopped.
 */
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

async function nothingToDo(
  context: CommandContext,
  sessionIDs: readonly string[],
  before: CheckResult,
): Promise<ExitStatus> {
  const nothing = { runID: null, manifests: [], items: [], ...remainingOf(before) };
  const document = changeAnswer(nothing, context.options);
  const text =
    before.verdict === "healthy" &&
    !before.findings.some((finding) => isNotShown(finding) || isUnread(finding) || isUnreached(finding))
      ? `${checkedStoreLine(before.stores)}\nNothing to repair: opencode can load everything here.`
      : checkText(before, await viewOf(context, sessionIDs, before));
  answer(context, document, text);
  const refusal = refusedRepair(before);
  if (refusal === null) return before.verdict === "healthy" ? EXIT.done : EXIT.findings;
  context.terminal.complain(refusal);
  return EXIT.refused;
}

/** The reason why this tool may not write to a database that is damaged or was not read; `null` if it may write. */
function refusedRepair({ stores, findings }: CheckResult): string | null {
  for (const [index, { state, origin }] of stores.entries()) {
    const refusal = writingRefusal(origin);
    // A finding in the tables of opencode 2.x states its own reason, so it does not count here.
    const isDamaged = findings.some(
      ({ store, severity, stops }) => store === index && severity === "blocking" && stops === undefined,
    );
    if (refusal !== null && (isDamaged || state === "unread")) return refusal;
  }
  return null;
}

async function confirmed(
  context: CommandContext,
  command: Repair,
  before: CheckResult,
  plan: Plan,
  view: View,
): Promise<boolean> {
  const operations = plan.flatMap((session) => session.operations);
  const planned = new Set(operations.map((operation) => JSON.stringify(operation.locator)));
  const findings = before.findings.filter((finding) => planned.has(JSON.stringify(finding.locator)));
  const { terminal } = context;
  const show = context.options.json ? terminal.say : terminal.print;
  if (!command.yes || command.dryRun) {
    show(checkedStoreLine(before.stores));
    show(`Plan: ${toDoWords(operations)}; nothing is deleted.`);
    const changes = changeLines(operations);
    if (changes.length > 0) show([WHAT_IS_COMPLETED, ...changes.map((line) => `  ${line}`), ""].join("\n"));
    const others = findings.filter((finding) => finding.remedy !== "normalise");
    const listed = findingLines(others.length + MOST_LINES < findings.length ? others : findings, view);
    if (listed.length > 0) show(listed.join("\n"));
    for (const line of await previewLines(context, findings)) show(line);
  }
  if (command.dryRun) return false;
  if (command.yes) return true;
  return isAgreed(context, `${sentence(toDoWords(operations))}?`);
}

/**
 * The readable texts of damaged records are shown before the repair only if there are at most this many. `show` prints
 * all of them.
 */
const MOST_PREVIEWS = 5;

/** The readable text of the records that are cut off, for the user to see before the repair. */
async function previewLines(
  { files, located, terminal, options }: CommandContext,
  findings: readonly ConfirmedFinding[],
): Promise<string[]> {
  const cut = findings.filter(({ kind, code }) => code === TRUNCATED.code && (kind === "part" || kind === "message"));
  if (!terminal.isScreen || options.json || cut.length === 0 || cut.length > MOST_PREVIEWS) return [];
  const opened = await openStores(files, located, "outside").catch(() => []);
  const lines: string[] = [];
  for (const finding of cut) {
    const text = await previewOf(opened, finding);
    if (text !== null) lines.push(...laidOut(`${finding.recordID}: “${text}”`, { terminal }, "  "));
  }
  for (const store of opened) if (store.state === "ok") store.store.close();
  return lines.length === 0 ? [] : ["Readable text of the records that are cut off:", ...lines];
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
  sessionIDs: readonly string[],
  context: CommandContext,
): Promise<string> {
  const done = result.items.filter((item) => item.action !== "skipped");
  const lines = [done.length === 0 ? NOTHING_CHANGED : `${doneWords(done, "record")}.`, ...itemLines(result.items)];
  if (result.runID !== null) {
    lines.push("", ...originalsLines(result.manifests));
    lines.push(`To undo: ${commandHere(context, "restore", result.runID)}`);
  }
  lines.push(...hiddenLines(unlistedBy(plan, result.items), result.runID, context));
  if (after === null) return lines.join("\n");
  const isLeft = after.verdict !== "healthy" || after.findings.some(isNotShown);
  const tried = new Set(plan.flatMap(({ operations }) => operations.map(({ locator }) => locatorText(locator))));
  lines.push(
    "",
    !isLeft ? afterRepairText(result.items) : checkText(after, await viewOf(context, sessionIDs, after, tried)),
  );
  return lines.join("\n");
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
    unlistedLine(sessions),
    ...shown.map((id) => `  To read it: ${commandHere(context, "show", id)}`),
    ...(more === 0 ? [] : [`  ${andMore(more)}`]),
    `  To restore the damaged record: ${commandHere(context, "restore", runID)}`,
  ];
}

/** If there are more folders than this, only the folder that contains all of them is named. */
const MOST_FOLDERS = 5;

function originalsLines(manifests: readonly string[]): string[] {
  const folders = manifests.map((manifest) => dirname(manifest));
  if (folders.length <= MOST_FOLDERS) return [ORIGINALS_ARE_IN, ...folders.map((folder) => `  ${folder}`)];
  const quarantine = dirname(dirname(folders[0] ?? ""));
  return [`The originals are in ${plural(folders.length, "folder")} under this path:`, `  ${quarantine}`];
}

/** The answer lists records one by one up to this number. More records are counted by act, kind and cause. */
const MOST_LINES = 20;

function itemLines(items: readonly ReportedItem[]): string[] {
  if (items.length <= MOST_LINES) return items.map(itemLine);
  const counted = new Map<string, number>();
  for (const item of items) {
    const { kind, column, code, reason } = item;
    const what = recordWords({ kind, recordID: null, ...(column !== undefined && { column }) });
    const words = `${actionWord(item)} ${what} (${code})${reason === undefined ? "" : `: ${reason}`}`;
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
