import { LARGE_QUARANTINE_BYTES } from "../quarantine/retention.ts";
import { allRuns, isNoQuarantine, type RunSummary, runIDOf } from "../quarantine/runs.ts";
import { folderBytes, readRun } from "../quarantine/vault.ts";
import { runContents } from "../show/run-contents.ts";
import { plural, sizeText } from "../words/amounts.ts";
import { QUARANTINE_EMPTY } from "../words/answers/common.ts";
import { causeText, contentLines, type ListedRun, runRows } from "../words/answers/runs.ts";
import { storeLine } from "../words/answers/stores.ts";
import { RENAME_QUARANTINE } from "../words/refusals.ts";
import { listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { answer, type CommandContext, commandHere, problem } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { namesForScreen } from "./known-sessions.ts";
import { isUndoable, resolveRun } from "./resolve-ids.ts";

export async function listRun(context: Pick<CommandContext, "files">, run: RunSummary): Promise<ListedRun> {
  const common = { runID: runIDOf(run), bytes: await folderBytes(context.files, run.folder), folder: run.folder };
  if (!run.ok) {
    return { ...common, sessionID: null, createdAt: null, state: "unreadable", items: 0, problem: run.problem };
  }
  const { sessionID, createdAt, state, items } = run.state;
  return { ...common, sessionID, createdAt, state, items };
}

/** `runs`: lists the quarantine, newest first. With the id of a run, the command shows the records of that run. */
export async function runsCommand(context: CommandContext, { run }: Command & { name: "runs" }): Promise<ExitStatus> {
  return run === null ? listRuns(context) : showRun(context, run);
}

async function listRuns(context: CommandContext): Promise<ExitStatus> {
  const { dataDir } = context.located;
  if (await isNoQuarantine(context.files, dataDir)) return problem(context, RENAME_QUARANTINE, EXIT.failed);
  const found = await allRuns(context.files, dataDir);
  const runs: ListedRun[] = [];
  for (const run of found) runs.push(await listRun(context, run));
  const total = runs.reduce((sum, run) => sum + run.bytes, 0);
  const warnings =
    total > LARGE_QUARANTINE_BYTES
      ? [
          `The quarantine is large: ${sizeText(total)}. To delete runs older than 30 days: ${commandHere(context, "purge", "--older-than", "30d")}`,
        ]
      : [];
  const lines = [storeLine(context.located)];
  if (runs.length === 0) lines.push(QUARANTINE_EMPTY);
  else {
    lines.push("", ...(await listedLines(context, found, runs)), "", `${sizeText(total)} in all.`, ...warnings);
    const next = found.some(isUndoable)
      ? commandHere(context, "restore", "last")
      : commandHere(context, "runs", "last");
    lines.push(`Next: ${next} (${found.some(isUndoable) ? "undoes the newest" : "shows what is in the newest"})`);
  }
  answer(context, listAnswer({ runs, bytes: total, warnings }), lines.join("\n"));
  return EXIT.done;
}

/** Runs as lines of a list, with their causes. On a terminal the lines have the titles of the sessions too. */
export async function listedLines(
  context: CommandContext,
  found: readonly RunSummary[],
  runs: readonly ListedRun[],
): Promise<string[]> {
  if (context.options.json) return [];
  return runRows(runs, await causesOf(context, found), await namesForScreen(context), context.terminal);
}

/** The cause of a run is in its manifest. For a list, at most this many manifests are read. */
const MOST_CAUSES_READ = 500;

async function causesOf(
  { files }: Pick<CommandContext, "files">,
  found: readonly RunSummary[],
): Promise<ReadonlyMap<string, string>> {
  const codes = new Map<string, string[]>();
  for (const summary of found.slice(0, MOST_CAUSES_READ)) {
    if (!summary.ok) continue;
    const { runID } = summary.state;
    const run = await readRun(files, summary.folder, runID);
    if (!run.ok) continue;
    codes.set(runID, [...(codes.get(runID) ?? []), ...run.manifest.items.map(({ code }) => code)]);
  }
  return new Map([...codes].map(([runID, own]) => [runID, causeText(own)]));
}

/** Prints the records that one run changed. */
export async function showRun(context: CommandContext, word: string): Promise<ExitStatus> {
  const resolved = await resolveRun(context, word, "newest");
  if (!resolved.ok) return problem(context, resolved.message, EXIT.usage);
  const runID = resolved.value;
  const contents = await runContents(context.files, context.located.dataDir, runID);
  if (!contents.ok) return problem(context, `That run cannot be read: ${contents.problem}.`, EXIT.failed);
  const { sessions } = contents;
  const records = sessions.flatMap((each) => each.records);
  const undoable = records.filter(({ state }) => state === "done").length;
  const names = await namesForScreen(context);
  const lines = [
    `Run ${runID}: ${plural(records.length, "record")} of ${plural(sessions.length, "session")}.`,
    "",
    ...contentLines(sessions, names, context.terminal),
    "",
    undoable === 0
      ? "Nothing of this run is left to undo."
      : `Next: ${commandHere(context, "restore", runID)} (undoes ${plural(undoable, "record")})`,
  ];
  answer(context, listAnswer({ runID, sessions }), lines.join("\n"));
  return EXIT.done;
}
