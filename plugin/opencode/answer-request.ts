import { faultByCode } from "../faults/catalogue.ts";
import { type ConfirmedFinding, FAILING_ON_SCREEN, isFailingHere, type Verdict } from "../model/finding.ts";
import { allRuns, isNoQuarantine, runIDOf } from "../quarantine/runs.ts";
import { type CheckResult, check } from "../repair/check.ts";
import { repairThroughout } from "../repair/converge.ts";
import { writingRefusal } from "../repair/may-write.ts";
import type { ReportedItem } from "../repair/reported-item.ts";
import { planRestore, type RestoreInput, restore } from "../repair/restore.ts";
import { unlistedBy, unlistedLine } from "../repair/unlisted.ts";
import { countsWords, plural, themOrIt } from "../words/amounts.ts";
import {
  andMore,
  failingRecords,
  NO_SUCH_SESSION,
  NOTHING_CHANGED,
  NOTHING_FOUND_IN_READ,
  NOTHING_TO_UNDO,
  OF_THIS_SESSION,
} from "../words/answers/common.ts";
import { notFoundText } from "../words/answers/no-session.ts";
import { changeLines } from "../words/changes.ts";
import { npxCommand, withNpx } from "../words/commands.ts";
import { originsSentence } from "../words/origins.ts";
import { actionWord, afterUndo, doneWords, recordWords, undoneSentences } from "../words/records.ts";
import { RENAME_QUARANTINE } from "../words/refusals.ts";
import { HELP_ANSWER, type RepairRequest, type RequestAnswer, type RequestContext } from "./repair-request.ts";

/** An answer shows at most this many lines. */
const MOST_LINES = 20;

const NO_CHANGE = { runID: null, changedSessions: [], remaining: [], verdict: null } as const;

/**
 * Carries out a request on the sessions of the running opencode. An expected failure becomes an answer. Only a bug
 * throws an error.
 */
export async function answerRequest(request: RepairRequest, context: RequestContext): Promise<RequestAnswer> {
  const answer = await answered(request, context);
  return { ...answer, headline: withNpx(answer.headline), details: answer.details.map(withNpx) };
}

function answered(request: RepairRequest, context: RequestContext): Promise<RequestAnswer> | RequestAnswer {
  switch (request.what) {
    case "help":
      return HELP_ANSWER;
    case "runs":
      return listRuns(context);
    case "undo":
      return undo(request.runID, context);
    case "check":
    case "repair":
      return checkOrRepair(request, context);
  }
}

export function answerText(answer: RequestAnswer): string {
  return [answer.headline, ...answer.details].join("\n");
}

function shortened(lines: readonly string[]): string[] {
  if (lines.length <= MOST_LINES) return [...lines];
  return [...lines.slice(0, MOST_LINES), andMore(lines.length - MOST_LINES)];
}

function findingLine(finding: ConfirmedFinding): string {
  const title = faultByCode(finding.code)?.title ?? finding.code;
  const record = [finding.kind, finding.recordID].filter(Boolean).join(" ");
  return `${finding.sessionID ?? "no session"}: ${record} ${title} (${finding.evidence})`;
}

/** One line for each value that would be added. */
function planLines(findings: readonly ConfirmedFinding[]): string[] {
  return shortened(changeLines(findings));
}

function itemLine(item: ReportedItem): string {
  const title = faultByCode(item.code)?.title ?? item.code;
  const reason = item.reason === undefined ? "" : `: ${item.reason}`;
  return `${item.sessionID ?? "no session"}: ${actionWord(item)} ${recordWords(item)} (${title})${reason}`;
}

/** The findings that keep the server from loading a session, or the terminal UI of this opencode from showing it. */
function failing(result: CheckResult): ConfirmedFinding[] {
  return result.findings.filter(isFailingHere);
}

/**
 * The verdict of an answer to `/repair`. A record that makes the terminal UI close counts as damage here, although
 * `check` on the command line reports such a record only as a warning.
 */
function verdictHere(result: CheckResult): Verdict {
  return result.verdict === "healthy" && failing(result).length > 0 ? "damaged" : result.verdict;
}

async function checkNow(context: RequestContext, sessionID: string | null): Promise<CheckResult | null> {
  const outcome = await check({
    files: context.files,
    located: context.located,
    sessionIDs: sessionID === null ? [] : [sessionID],
    concurrency: context.concurrency,
    access: "beside-host",
    hostVersion: context.hostVersion,
  });
  return outcome.ok ? outcome.result : null;
}

async function checkOrRepair(
  request: RepairRequest & { sessionID: string | null },
  context: RequestContext,
): Promise<RequestAnswer> {
  const before = await checkNow(context, request.sessionID);
  if (before === null) return { ...NO_CHANGE, headline: NO_SUCH_SESSION, details: [] };
  const found = failing(before);
  if (found.length === 0) {
    const what = request.sessionID === null ? "every session" : "this session";
    const others = originsSentence(before.stores);
    const said =
      before.notFound.length > 0
        ? notFoundText(before.notFound)
        : before.verdict === "healthy"
          ? `Nothing to repair: opencode can load ${what}.`
          : NOTHING_FOUND_IN_READ;
    const headline = `${said}${others === null ? "" : ` ${others}`}`;
    return { ...NO_CHANGE, headline, details: [countLine(before)], verdict: before.verdict };
  }
  const refusal = before.stores.map(({ origin }) => writingRefusal(origin)).find((each) => each !== null);
  if (request.what === "check" || refusal !== undefined) {
    const headline = `${failingRecords(found)}. ${refusal ?? "Type `/repair` to repair what can be repaired. Nothing is deleted."}`;
    return {
      ...NO_CHANGE,
      headline,
      details: [...planLines(found), ...shortened(found.map(findingLine))],
      remaining: found,
      verdict: verdictHere(before),
    };
  }
  return repairFound(request.sessionID, context, before, found);
}

function countLine({ counts }: CheckResult): string {
  return `Checked ${countsWords(counts)}.`;
}

async function repairFound(
  sessionID: string | null,
  context: RequestContext,
  before: CheckResult,
  found: readonly ConfirmedFinding[],
): Promise<RequestAnswer> {
  const spared = found.filter((finding) => context.spare !== null && finding.sessionID === context.spare);
  const latest: { check: CheckResult | null } = { check: before };
  const isFree = ({ sessionID: id }: ConfirmedFinding) => context.spare === null || id !== context.spare;
  const result = await repairThroughout({
    files: context.files,
    located: context.located,
    access: "beside-host",
    findings: before.findings.filter(isFree),
    selection: { codes: null, also: FAILING_ON_SCREEN, unasked: false },
    trigger: context.trigger,
    hostVersion: context.hostVersion,
    findAgain: async () => {
      latest.check = await checkNow(context, sessionID);
      return latest.check?.findings.filter(isFree) ?? null;
    },
  });
  const remaining = latest.check === null ? [] : failing(latest.check);
  const done = result.items.filter((item) => item.action !== "skipped");
  const completed = new Set(
    result.items.filter(({ action }) => action === "normalised").map(({ recordID }) => recordID),
  );
  const changed = found.filter(({ remedy, recordID }) => remedy === "normalise" && completed.has(recordID));
  const details = [...planLines(changed), ...shortened(result.items.map(itemLine))];
  const unlisted = unlistedBy(result.plans.flat(), result.items);
  if (unlisted.length > 0) {
    const toRead = unlisted.map((id) => `To read the session in a shell: ${npxCommand("show", id)}`);
    details.push(unlistedLine(unlisted), ...shortened(toRead));
  }
  if (result.runID !== null) details.push(`Undo: /repair undo ${result.runID}`);
  if (spared.length > 0) {
    details.push(
      `Left unchanged: ${plural(spared.length, "record")} of the session that this tool runs in. Use /repair or the command line.`,
    );
  }
  const left = remaining.filter((finding) => !spared.includes(finding));
  if (left.length > 0) details.push("Still there:", ...shortened(left.map(findingLine)));
  const headline =
    result.stopped?.message ??
    (done.length === 0
      ? NOTHING_CHANGED
      : `${doneWords(done, "record")}. Nothing was deleted; the originals are in opencode's data directory, in quarantine.`);
  const changedSessions = [...new Set(done.map((item) => item.sessionID))].filter((id) => id !== null);
  const verdict = latest.check === null ? null : verdictHere(latest.check);
  return { headline, details, runID: result.runID, changedSessions, remaining, verdict };
}

async function listRuns(context: RequestContext): Promise<RequestAnswer> {
  if (await isNoQuarantine(context.files, context.located.dataDir)) {
    return { ...NO_CHANGE, headline: RENAME_QUARANTINE, details: [] };
  }
  const lines = (await allRuns(context.files, context.located.dataDir)).map((run) =>
    run.ok
      ? `${run.state.runID}  ${run.state.state}  ${run.state.sessionID ?? "no session"}  ${plural(run.state.items, "record")}`
      : `${run.runID}  unreadable: ${run.problem}`,
  );
  const headline =
    lines.length === 0
      ? "There are no runs: nothing was ever repaired here."
      : `${plural(lines.length, "run")} in quarantine:`;
  return { ...NO_CHANGE, headline, details: shortened(lines) };
}

async function undo(wanted: string | null, context: RequestContext): Promise<RequestAnswer> {
  const refused = (headline: string): RequestAnswer => ({ ...NO_CHANGE, headline, details: [] });
  const runID = wanted ?? (await newestUndoable(context));
  if (runID === null) return refused(NOTHING_TO_UNDO);
  const { files, located } = context;
  const input: RestoreInput = { files, located, access: "beside-host", runID, sessionIDs: [], itemIDs: [] };
  const planning = await planRestore(input);
  if (!planning.ok) return refused(planning.message);
  if (planning.plan.runs.some(({ sessionID }) => context.spare !== null && sessionID === context.spare)) {
    return refused(OF_THIS_SESSION);
  }
  const result = await restore(input, planning.plan);
  const restored = result.items.filter((item) => item.action === "restored");
  const { undone } = result;
  const headline =
    result.stopped?.message ??
    (undone.length === 0
      ? NOTHING_CHANGED
      : `${undoneSentences(undone)} ${afterUndo(undone)} The plugin leaves ${themOrIt(undone.length)} alone from now on.`);
  const changedSessions = [...new Set(restored.map((item) => item.sessionID))].filter((id) => id !== null);
  return { ...NO_CHANGE, headline, details: shortened(result.items.map(itemLine)), runID, changedSessions };
}

/** The newest run that can still be undone, at least in part; `null` if there is none. */
export async function newestUndoable(context: RequestContext): Promise<string | null> {
  const runs = await allRuns(context.files, context.located.dataDir);
  const newest = runs.find((run) => run.ok && run.state.byState.done !== undefined);
  return newest === undefined ? null : runIDOf(newest);
}
