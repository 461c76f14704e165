import { isFailingHere } from "../../model/finding.ts";
import { allRuns, isNoQuarantine, type RunSummary, runIDOf } from "../../quarantine/runs.ts";
import { check } from "../../repair/check.ts";
import { isRepairable } from "../../repair/plan.ts";
import { plural } from "../../words/amounts.ts";
import { NOTHING_FOUND_IN_READ, NOTHING_TO_UNDO, QUARANTINE_EMPTY, REPAIR_CANNOT } from "../../words/answers/common.ts";
import { causesText, runTitle } from "../../words/answers/dialog.ts";
import { notFoundText } from "../../words/answers/no-session.ts";
import { sentence } from "../../words/records.ts";
import { RENAME_QUARANTINE } from "../../words/refusals.ts";
import { newestUndoable } from "../answer-request.ts";
import { HELP_ANSWER, type RepairRequest } from "../repair-request.ts";
import { type Choice, type DialogInput, showDefect } from "./dialog-parts.ts";
import { confirmRepair, confirmUndo, openRepairDialog } from "./dialogs.ts";
import { showList, showText } from "./dialogs-with-commands.ts";

const TITLE = "Session repair";

/**
 * Carries out the words that the user typed after `/repair`. Dialogs show the answers. Every change needs the user's
 * confirmation.
 */
export async function carryOut(request: RepairRequest, input: DialogInput): Promise<void> {
  switch (request.what) {
    case "help":
      return showText(input.api, TITLE, [HELP_ANSWER.headline, "", ...HELP_ANSWER.details].join("\n"));
    case "runs":
      return showRuns(input);
    case "undo":
      return undo(request.runID, input);
    case "check":
    case "repair":
      return request.sessionID === null ? openRepairDialog(input) : oneSession(request.what, request.sessionID, input);
  }
}

async function oneSession(what: "check" | "repair", sessionID: string, input: DialogInput): Promise<void> {
  const { api, context } = input;
  const outcome = await check({
    files: context.files,
    located: context.located,
    sessionIDs: [sessionID],
    concurrency: context.concurrency,
    access: "beside-host",
    hostVersion: context.hostVersion,
  });
  if (!outcome.ok) return showText(api, TITLE, `There is no session ${sessionID}.`);
  const found = outcome.result.findings.filter(isFailingHere);
  const { notFound, verdict } = outcome.result;
  if (found.length === 0) {
    const isLoaded = verdict === "healthy" && notFound.length === 0;
    const said = notFound.length > 0 ? notFoundText(notFound) : NOTHING_FOUND_IN_READ;
    return showText(api, TITLE, isLoaded ? `opencode can load the session ${sessionID}.` : said);
  }
  const repairable = found.filter(isRepairable);
  if (what === "repair" && repairable.length > 0) return confirmRepair(input, repairable);
  const next = repairable.length > 0 ? `To repair it: /repair ${sessionID}` : REPAIR_CANNOT;
  showText(
    api,
    TITLE,
    `${plural(found.length, "record")} of the session ${sessionID} cannot be loaded. ${sentence(causesText(found))}. ${next}`,
  );
}

/**
 * Asks whether to undo a run. `wanted` is the id of the run; `null` means the newest run that can still be undone, at
 * least in part.
 */
async function undo(wanted: string | null, input: DialogInput): Promise<void> {
  const runID = wanted ?? (await newestUndoable(input.context));
  if (runID === null) return showText(input.api, TITLE, NOTHING_TO_UNDO);
  return confirmUndo(input, runID);
}

async function showRuns(input: DialogInput): Promise<void> {
  const { api, context } = input;
  const runs = await allRuns(context.files, context.located.dataDir);
  if (runs.length === 0) {
    const isNone = await isNoQuarantine(context.files, context.located.dataDir);
    return showText(api, TITLE, isNone ? RENAME_QUARANTINE : QUARANTINE_EMPTY);
  }
  const byID = new Map<string, RunSummary[]>();
  for (const run of runs) byID.set(runIDOf(run), [...(byID.get(runIDOf(run)) ?? []), run]);
  const options = [...byID].map(([runID, own]) => {
    const states = own.flatMap((run) => (run.ok ? [run.state] : []));
    const records = states.reduce((sum, { items }) => sum + items, 0);
    const isUndoable = states.some(({ byState }) => byState.done !== undefined);
    const state = own.some((run) => !run.ok) ? "unreadable" : isUndoable ? "can be undone" : "nothing left to undo";
    const created = states[0]?.createdAt;
    const value: Choice = () => undo(runID, input).catch(() => showDefect(api));
    return {
      title: created === undefined ? runID : runTitle("", Date.parse(created), records, own.length),
      description: `${runID.slice(-8)} · ${state}`,
      value,
    };
  });
  showList(api, `${TITLE}: ${plural(byID.size, "run")} in quarantine`, options, "Filter");
}
