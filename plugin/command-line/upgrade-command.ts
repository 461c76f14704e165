import { dirname } from "node:path";
import { repairThroughout } from "../repair/converge.ts";
import { type Plan, planRepair, type Selection } from "../repair/plan.ts";
import { settleUnfinished } from "../repair/repair.ts";
import { ACTION } from "../repair/reported-item.ts";
import { checkUpgrade, type UpgradeOutcome, type UpgradeResult } from "../upgrade/check-upgrade.ts";
import { countsText } from "../words/amounts.ts";
import { itemLine } from "../words/answers/check.ts";
import { NOTHING_CHANGED, ORIGINALS_ARE_IN, WHAT_IS_COMPLETED } from "../words/answers/common.ts";
import { findingLines } from "../words/answers/findings.ts";
import { upgradeText } from "../words/answers/upgrade.ts";
import { changeLines } from "../words/changes.ts";
import { doneWords, sentence, toDoWords } from "../words/records.ts";
import { changeAnswer, checkAnswer, findingAnswer, NOT_REACHED } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { withoutResult } from "./checking.ts";
import { isAgreed } from "./confirmation.ts";
import { answer, type CommandContext, commandHere, problem, UNCHECKED } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { resolveSessionsHere } from "./resolve-ids.ts";

type Repair = Command & { name: "repair" };

/** `check --for 2.x`: reports what the import of opencode 2.x would do to each record. Writes nothing. */
export async function checkUpgradeCommand(context: CommandContext, words: readonly string[]): Promise<ExitStatus> {
  const resolved = await resolveSessionsHere(context, words);
  if (!resolved.ok) return problem(context, resolved.message, EXIT.usage);
  const found = await checked(context, resolved.value);
  if (!("findings" in found)) return found.status;
  answer(context, upgradeAnswer(context, found), upgradeText(found, context.terminal));
  return statusOf(found);
}

/** `repair --for 2.x`: completes records, so that opencode 2.x imports them. */
export async function repairUpgradeCommand(context: CommandContext, command: Repair): Promise<ExitStatus> {
  const resolved = await resolveSessionsHere(context, command.sessionIDs);
  if (!resolved.ok) return problem(context, resolved.message, EXIT.usage);
  const sessionIDs = resolved.value;
  const before = await checked(context, sessionIDs);
  if (!("findings" in before)) return before.status;
  const selection: Selection = { codes: command.codes, unasked: false };
  const plan = planRepair(before.findings, selection);
  const operations = operationsOf(plan);
  if (operations.length === 0) {
    if (command.yes && !command.dryRun) await settleUnfinished({ ...context, access: "outside" });
    answer(
      context,
      changed(context, before, { runID: null, manifests: [], items: [] }),
      upgradeText(before, context.terminal),
    );
    return statusOf(before);
  }
  const { terminal } = context;
  const show = context.options.json ? terminal.say : terminal.print;
  if (!command.yes || command.dryRun) {
    const planned = new Set(operations.map(({ locator }) => JSON.stringify(locator)));
    const findings = before.findings.filter(({ locator }) => planned.has(JSON.stringify(locator)));
    show(`Plan: ${toDoWords(operations)}, so that they arrive in opencode 2.x; nothing is deleted.`);
    const lines = changeLines(operations).map((line) => `  ${line}`);
    if (lines.length > 0) show([WHAT_IS_COMPLETED, ...lines, ""].join("\n"));
    if (findings.length <= MOST_LINES)
      show(findingLines(findings, { terminal, names: new Map(), isDetailed: true }).join("\n"));
  }
  if (command.dryRun || !(await confirmed(context, command, sentence(toDoWords(operations))))) {
    const reason = command.dryRun ? "dry run" : "not confirmed";
    const items = operations.map(({ sessionID, recordID, kind, code, remedy, replacement }) => ({
      ...{ id: "", sessionID, recordID, kind, code, action: "skipped" as const, reason, planned: ACTION[remedy] },
      ...(replacement?.changes === undefined ? {} : { changes: replacement.changes }),
    }));
    answer(context, changed(context, before, { runID: null, manifests: [], items }), "");
    return EXIT.findings;
  }
  const { files, located, signal } = context;
  const latest: { check: UpgradeOutcome | null } = { check: null };
  const result = await repairThroughout({
    ...{
      files,
      located,
      access: "outside",
      findings: before.findings,
      selection,
      trigger: "cli",
      hostVersion: null,
      signal,
    },
    findAgain: async () => {
      const check = await checkUpgrade(input(context, sessionIDs));
      latest.check = check;
      return check.ok ? check.result.findings : null;
    },
    confirm: async (next) => command.yes || confirmed(context, command, sentence(toDoWords(operationsOf(next)))),
    onProgress: (done, of) => terminal.progress(`Repairing: ${done} of ${of} …`),
  });
  const after = latest.check ?? { ok: false as const };
  const messages = [...(result.stopped === null ? [] : [result.stopped.message]), ...(after.ok ? [] : [UNCHECKED])];
  const { runID, manifests, items, stopped } = result;
  const message = messages.length === 0 ? {} : { message: messages.join(" ") };
  const document = after.ok
    ? changed(context, after.result, { runID, manifests, items, ...message })
    : changeAnswer({ ...NOT_REACHED, runID, manifests, items, ...message }, context.options);
  const done = items.filter(({ action }) => action !== "skipped");
  const text = [
    done.length === 0 ? NOTHING_CHANGED : `${doneWords(done, "record")}.`,
    ...(items.length <= MOST_LINES ? items.map(itemLine) : []),
    ...(runID === null ? [] : ["", ORIGINALS_ARE_IN, ...manifests.map((path) => `  ${dirname(path)}`)]),
    ...(runID === null ? [] : [`To undo: ${commandHere(context, "restore", runID)}`]),
    ...(after.ok ? ["", upgradeText(after.result, terminal)] : []),
  ];
  answer(context, document, text.join("\n"));
  if (message.message !== undefined) terminal.complain(message.message);
  if (stopped?.kind === "failed") return EXIT.failed;
  if (!after.ok || (stopped !== null && (signal.aborted || runID === null))) return EXIT.refused;
  if (stopped !== null) return EXIT.findings;
  const isRefused = items.length > 0 && done.length === 0;
  return isRefused ? EXIT.refused : statusOf(after.result);
}

function operationsOf(plan: Plan) {
  return plan.flatMap((session) => session.operations);
}

/** The answer has a line for each record if there are at most this many. */
const MOST_LINES = 50;

function input(context: CommandContext, sessionIDs: readonly string[]) {
  return {
    files: context.files,
    located: context.located,
    sessionIDs,
    concurrency: context.options.concurrency,
    signal: context.signal,
    onProgress: (counts: Parameters<typeof countsText>[0]) =>
      context.terminal.progress(`Checking for 2.x: ${countsText(counts)} …`),
  };
}

async function checked(
  context: CommandContext,
  sessionIDs: readonly string[],
): Promise<UpgradeResult | { readonly status: ExitStatus }> {
  const outcome = await checkUpgrade(input(context, sessionIDs));
  if (outcome.ok) return outcome.result;
  if ("refusal" in outcome) {
    const isNoStore = context.located.databases.length === 0;
    return { status: problem(context, outcome.refusal, isNoStore ? EXIT.usage : EXIT.refused) };
  }
  return { status: await withoutResult(context, { ok: false, unknownSession: outcome.unknownSession }) };
}

function statusOf({ verdict }: UpgradeResult): ExitStatus {
  return verdict === "healthy" ? EXIT.done : EXIT.findings;
}

function upgradeAnswer({ options }: CommandContext, result: UpgradeResult): object {
  return { ...checkAnswer(result, options), ...upgradeFields(result, options) };
}

function changed(
  { options }: CommandContext,
  result: UpgradeResult,
  change: Pick<Parameters<typeof changeAnswer>[0], "runID" | "manifests" | "items" | "message">,
): object {
  const { findings, verdict } = result;
  const { findings: remaining, ...rest } = upgradeFields(result, options);
  return { ...changeAnswer({ ...change, remaining: findings, verdict }, options), remaining, ...rest };
}

/** Further fields of the JSON answers, under the names that docs/contract.md gives them. */
function upgradeFields({ findings, arrival }: UpgradeResult, given: CommandContext["options"]) {
  return {
    for: "2.x",
    findings: findings.map((each) => ({
      ...findingAnswer(each, given),
      outcome: each.outcome,
      byDesign: each.isByDesign,
      reason: each.evidence,
    })),
    arrival,
  };
}

async function confirmed(context: CommandContext, { yes }: Repair, what: string): Promise<boolean> {
  return yes || isAgreed(context, `${what}?`);
}
