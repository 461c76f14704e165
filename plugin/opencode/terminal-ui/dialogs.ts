import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TuiDialogSelectOption, TuiPluginApi } from "@opencode-ai/plugin/tui";
import { TRUNCATED } from "../../faults/unreadable.ts";
import { type ConfirmedFinding, FAILING_ON_SCREEN, isFailingHere } from "../../model/finding.ts";
import { entryURL } from "../../package-files.ts";
import { LARGE_QUARANTINE_BYTES } from "../../quarantine/retention.ts";
import { allRuns, type ReadableSummary, type RunSummary } from "../../quarantine/runs.ts";
import { folderBytes } from "../../quarantine/vault.ts";
import { bySession } from "../../repair/by-session.ts";
import { check } from "../../repair/check.ts";
import { isRepairable } from "../../repair/plan.ts";
import { repair } from "../../repair/repair.ts";
import { plannedRecords, planRestore, type RestoreInput, restore } from "../../repair/restore.ts";
import { openStores } from "../../stores/open.ts";
import { plural, sizeText } from "../../words/amounts.ts";
import {
  failingRecords,
  NOT_SHOWN_TITLE,
  NOTHING_CHANGED,
  REPAIR_CANNOT,
  UNDO_IN_LIST,
  UNDO_THIS_RUN,
  undoneBefore,
} from "../../words/answers/common.ts";
import { knownCauses, runTitle, writtenText } from "../../words/answers/dialog.ts";
import { type FindingGroup, groupFindings, groupText } from "../../words/answers/finding-groups.ts";
import { changeLines, inOneSentence } from "../../words/changes.ts";
import { originsSentence } from "../../words/origins.ts";
import {
  afterUndo,
  doneWords,
  isSessionRemoved,
  purpose,
  sentence,
  toDoWords,
  undoneSentences,
  undoSentences,
} from "../../words/records.ts";
import type { RequestContext } from "../repair-request.ts";
import { type Choice, type DialogInput, showDefect } from "./dialog-parts.ts";
import { askUser, showList, showText } from "./dialogs-with-commands.ts";
import { type DialogProgress, showDialogProgress } from "./progress.ts";

type Option = TuiDialogSelectOption<Choice>;

/** The `/repair` dialog: the problems, the possible repairs, and the undo of earlier runs. */
export async function openRepairDialog(input: DialogInput): Promise<void> {
  const { api, context } = input;
  const progress = showDialogProgress(api, "Checking every session", { whenClosed: "stop" });
  const outcome = await check({
    files: context.files,
    located: context.located,
    sessionIDs: [],
    concurrency: context.concurrency,
    access: "beside-host",
    hostVersion: context.hostVersion,
    signal: progress.signal,
    onProgress: ({ parts }) => progress.tell(`${plural(parts, "part")} so far`),
  });
  if (progress.signal.aborted) return progress.close();
  if (!outcome.ok) return showDefect(api);
  const found = outcome.result.findings.filter(isFailingHere);
  const runs = (await allRuns(context.files, context.located.dataDir)).filter(isUndoable);
  const { counts } = outcome.result;
  const others = originsSentence(outcome.result.stores);
  const without =
    outcome.result.verdict === "healthy"
      ? `all ${plural(counts.sessions, "session")} can be opened`
      : "no problem in the records that were read";
  const title = `Session repair: ${found.length === 0 ? without : failingRecords(found)}`;
  const undo = undoOptions(input, await sized(input, runs));
  const hidden = hiddenOptions(input);
  const options = [...originOptions(api, others), ...repairOptions(input, found), ...undo, ...hidden, closeOption(api)];
  showList(api, title, options, "Filter");
}

/** Options for a database that does not belong to opencode 1.x alone. */
function originOptions(api: TuiPluginApi, sentence: string | null): Option[] {
  if (sentence === null) return [];
  const value = () => showText(api, "Session repair", sentence);
  return [{ title: sentence, category: "The database", value }];
}

/**
 * The entry of the list that leads to hidden sessions. opencode without a database leaves no session out of its lists.
 */
function hiddenOptions(input: DialogInput): Option[] {
  if (input.context.located.databases.length === 0) return [];
  const value = async () => {
    const { openHiddenDialog } = await import("./hidden-dialog.ts");
    return openHiddenDialog({ ...input, commandLine: fileURLToPath(entryURL("cli")) });
  };
  return [{ title: NOT_SHOWN_TITLE, description: "look for hidden sessions", category: "Otherwise", value }];
}

function closeOption(api: TuiPluginApi): Option {
  return { title: "Close", category: "Otherwise", value: () => api.ui.dialog.clear() };
}

function repairOptions(input: DialogInput, found: readonly ConfirmedFinding[]): Option[] {
  const repairable = found.filter(isRepairable);
  const options: Option[] = [];
  if (repairable.length > 0) {
    options.push({
      title: `All of it: ${toDoWords(repairable)}`,
      description: "nothing is deleted",
      category: "Repair",
      value: () => confirmRepair(input, repairable),
    });
  }
  const shown = shownSession(input.api);
  const sessions = [...bySession(found, ({ sessionID }) => sessionID)];
  sessions.sort(([one], [other]) => Number(other === shown) - Number(one === shown));
  for (const [sessionID, own] of sessions) options.push(...sessionOptions(input, sessionID, own));
  return options;
}

/** The session that is on the screen behind the dialog. */
function shownSession({ route }: TuiPluginApi): string | undefined {
  const { current } = route;
  const sessionID: unknown = current.name === "session" ? current.params?.sessionID : undefined;
  return typeof sessionID === "string" ? sessionID : undefined;
}

/**
 * The problems of one session: one line for each cause, under the title of the session. opencode's filter finds both
 * the title and the cause.
 */
function sessionOptions(input: DialogInput, sessionID: string | null, found: readonly ConfirmedFinding[]): Option[] {
  // In opencode 1.14.41, `get` is missing.
  const { get }: Partial<TuiPluginApi["state"]["session"]> = input.api.state.session;
  const title = sessionID === null ? undefined : get?.(sessionID)?.title;
  const category = title ?? sessionID ?? "No session";
  const groups = groupFindings(found);
  const repairable = found.filter(isRepairable);
  const options = groups.map((group): Option => {
    const written = writtenText(group);
    return {
      title: groupText(group),
      ...(written !== null && { description: written }),
      category,
      value: () => {
        if (group.findings.every(isRepairable)) return confirmRepair(input, group.findings);
        return showText(input.api, groupText(group), `${NOTHING_CHANGED} ${REPAIR_CANNOT} ${evidenceText(group)}`);
      },
    };
  });
  if (groups.length < 2 || repairable.length < 2) return options;
  const all = `All of this session: ${toDoWords(repairable)}`;
  return [{ title: all, category, value: () => confirmRepair(input, repairable) }, ...options];
}

function evidenceText(group: FindingGroup<ConfirmedFinding>): string {
  const [first] = group.findings;
  return `${knownCauses(group)}${first === undefined ? "" : ` Found: ${first.evidence}.`}`;
}

/** The dialog has room for at most this many likely causes, and for at most this many completed values. */
const MOST_CAUSES = 2;
const MOST_CHANGES = 4;

/** One line for each value that would be added. */
export function changesText(findings: readonly ConfirmedFinding[]): string {
  const changes = changeLines(findings);
  if (changes.length === 0) return "";
  return ` Completed: ${inOneSentence(changes, MOST_CHANGES)}.`;
}

/** The dialog shows the readable text of the damaged records only if there are at most this many. */
const MOST_PREVIEWS = 2;

/** The readable text of the records that are cut off, for the dialog before the repair. */
async function previewText({ context }: DialogInput, findings: readonly ConfirmedFinding[]): Promise<string> {
  const cut = findings.filter(({ kind, code }) => code === TRUNCATED.code && (kind === "part" || kind === "message"));
  if (cut.length === 0 || cut.length > MOST_PREVIEWS) return "";
  const { previewOf } = await import("../../show/preview.ts");
  const opened = await openStores(context.files, context.located, "beside-host", context.hostVersion).catch(() => []);
  try {
    const texts: string[] = [];
    for (const finding of cut) {
      const text = await previewOf(opened, finding);
      if (text !== null) texts.push(`“${text}”`);
    }
    return texts.length === 0 ? "" : ` The readable text: ${texts.join(" ")}`;
  } finally {
    for (const store of opened) if (store.state === "ok") store.store.close();
  }
}

export async function confirmRepair(input: DialogInput, findings: readonly ConfirmedFinding[]): Promise<void> {
  const causes = [...new Set(groupFindings(findings).map(knownCauses))].slice(0, MOST_CAUSES).join(" ");
  const sessions = new Set(findings.map((finding) => finding.sessionID)).size;
  const removed = findings.filter((finding) => !("column" in finding.locator) && isSessionRemoved(finding)).length;
  const message = `${plural(findings.length, "record")} of ${plural(sessions, "session")}${purpose(sessions, removed)} The originals are kept in quarantine/ of opencode's data directory. Nothing is deleted, and you can undo the repair here.${changesText(findings)} Likely cause: ${causes}${await previewText(input, findings)}`;
  askUser(
    input.api,
    `${sentence(toDoWords(findings))}?`,
    message,
    () => repairNow(input, findings),
    () => input.api.ui.dialog.clear(),
  );
}

async function repairNow(input: DialogInput, findings: readonly ConfirmedFinding[]): Promise<void> {
  const { api, context } = input;
  const progress = showDialogProgress(api, "Repairing", { whenClosed: "go on" });
  progress.tell(`0 of ${plural(findings.length, "record")} done`);
  const result = await repairFindings(context, findings, false, progress);
  const done = result.items.filter((item) => item.action !== "skipped");
  const lines = [done.length === 0 ? NOTHING_CHANGED : `${doneWords(done, "record")}.`];
  if (result.stopped !== null) lines.push(result.stopped.message);
  if (result.runID !== null) {
    lines.push(`The originals are in quarantine/ of opencode's data directory, run ${result.runID}.`);
    lines.push(UNDO_IN_LIST);
  }
  const sessionID = sessionToOpen(input, findings, result.items);
  if (sessionID === null) return showText(api, "Session repair", lines.join(" "));
  const close = () => api.ui.dialog.clear();
  const open = () => {
    close();
    api.route.navigate("session", { sessionID });
  };
  askUser(api, "Open the session?", lines.join(" "), open, close);
}

/**
 * The session that the user may want to open after a repair: the only session that had problems, if all of them were
 * repaired and it is not on the screen already. Otherwise `null`.
 */
function sessionToOpen(
  { api }: DialogInput,
  findings: readonly ConfirmedFinding[],
  items: readonly { readonly action: string }[],
): string | null {
  const [sessionID = null, another] = new Set(findings.map((finding) => finding.sessionID));
  if (sessionID === null || another !== undefined || sessionID === shownSession(api)) return null;
  const { navigate }: Partial<TuiPluginApi["route"]> = api.route;
  const isDone = items.length > 0 && items.every(({ action }) => action !== "skipped");
  return isDone && navigate !== undefined ? sessionID : null;
}

/**
 * The server half may be repairing the same records at this moment. The dialog waits for that repair for this time at
 * most, in milliseconds.
 */
const PATIENCE_MS = 10_000;

/** Repairs findings. Records that the user restored are repaired again only if the user asks, never `unasked`. */
export function repairFindings(
  context: RequestContext,
  findings: readonly ConfirmedFinding[],
  unasked: boolean,
  progress: DialogProgress | null = null,
) {
  return repair({
    files: context.files,
    located: context.located,
    access: "beside-host",
    findings,
    selection: { codes: null, also: unasked ? [] : FAILING_ON_SCREEN, unasked },
    trigger: "tui",
    hostVersion: context.hostVersion,
    patienceMs: PATIENCE_MS,
    ...(progress && {
      signal: progress.signal,
      onProgress: (done: number, of: number) =>
        progress.tell(`${done.toLocaleString("en-US")} of ${plural(of, "record")} done`),
    }),
  });
}

type SizedRun = ReadableSummary & { readonly bytes: number };

async function sized({ context }: DialogInput, runs: readonly ReadableSummary[]): Promise<SizedRun[]> {
  const measured: SizedRun[] = [];
  for (const run of runs) measured.push({ ...run, bytes: await folderBytes(context.files, run.folder) });
  return measured;
}

function isUndoable(run: RunSummary): run is ReadableSummary {
  return run.ok && run.state.byState.done !== undefined;
}

/** The runs that the user can undo: one line for each run, although a run may have changed several sessions. */
function undoOptions(input: DialogInput, runs: readonly SizedRun[]): Option[] {
  const byID = new Map<string, SizedRun[]>();
  const total = runs.reduce((sum, { bytes }) => sum + bytes, 0);
  const category =
    total > LARGE_QUARANTINE_BYTES ? `Undo (${sizeText(total)} in quarantine, see the command purge)` : "Undo";
  for (const run of runs) byID.set(run.state.runID, [...(byID.get(run.state.runID) ?? []), run]);
  return [...byID].map(([runID, own]) => {
    const items = own.reduce((sum, { state }) => sum + (state.byState.done ?? 0), 0);
    const when = Date.parse(own[0]?.state.createdAt ?? "");
    return {
      title: runTitle("Undo ", when, items, own.length),
      description: `${runID.slice(-8)} · ${sizeText(own.reduce((sum, { bytes }) => sum + bytes, 0))}`,
      category,
      value: () => confirmUndo(input, runID),
    };
  });
}

/** Asks whether to undo a run. */
export async function confirmUndo(input: DialogInput, runID: string): Promise<void> {
  const { api, context } = input;
  const { files, located } = context;
  const planning = await planRestore({ files, located, access: "beside-host", runID, sessionIDs: [], itemIDs: [] });
  if (!planning.ok) return showText(api, "Session repair", planning.message);
  const records = plannedRecords(planning.plan);
  if (records.length === 0) return showText(api, "Session repair", undoneBefore(runID));
  askUser(
    api,
    UNDO_THIS_RUN,
    `${undoSentences(records)} ${afterUndo(records)}`,
    () => undoNow(input, runID),
    () => api.ui.dialog.clear(),
  );
}

/** The screen needs this time, in milliseconds, to draw a text. Work that follows at once would block the drawing. */
const PAINT_MS = 50;

async function undoNow(input: DialogInput, runID: string): Promise<void> {
  const { api, context } = input;
  const { files, located } = context;
  const request: RestoreInput = { files, located, access: "beside-host", runID, sessionIDs: [], itemIDs: [] };
  const planning = await planRestore(request);
  if (!planning.ok) return showText(api, "Session repair", planning.message);
  showText(api, "Session repair", "The records are being restored …");
  await sleep(PAINT_MS);
  const result = await restore(request, planning.plan);
  const refused = result.items.filter((item) => item.action !== "restored");
  const lines = [result.undone.length === 0 ? NOTHING_CHANGED : undoneSentences(result.undone)];
  if (result.stopped !== null) lines.push(result.stopped.message);
  if (refused[0]?.reason !== undefined)
    lines.push(`${plural(refused.length, "record")} could not be restored: ${refused[0].reason}.`);
  showText(api, "Session repair", lines.join(" "));
}
