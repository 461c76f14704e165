import { LARGE_QUARANTINE_BYTES } from "../quarantine/retention.ts";
import { allRuns, type RunSummary, runIDOf } from "../quarantine/runs.ts";
import { folderBytes } from "../quarantine/vault.ts";
import { plural, sizeText } from "../repair/words.ts";
import { listAnswer } from "./answers.ts";
import { answer, type CommandContext } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";

/** One run on one session, as `runs` and `purge` show it. */
export interface ListedRun {
  readonly runID: string;
  readonly sessionID: string | null;
  readonly createdAt: string | null;
  readonly state: string;
  readonly items: number;
  readonly bytes: number;
  readonly folder: string;
  readonly problem?: string;
}

export async function listRun(context: Pick<CommandContext, "files">, run: RunSummary): Promise<ListedRun> {
  const common = { runID: runIDOf(run), bytes: await folderBytes(context.files, run.folder), folder: run.folder };
  if (!run.ok) {
    return { ...common, sessionID: null, createdAt: null, state: "unreadable", items: 0, problem: run.problem };
  }
  const { sessionID, createdAt, state, items } = run.state;
  return { ...common, sessionID, createdAt, state, items };
}

export function runLine(run: ListedRun): string {
  const where = run.sessionID ?? "no session";
  const what = run.problem ?? `${plural(run.items, "item")}, ${sizeText(run.bytes)}`;
  return `${run.runID}  ${run.state.padEnd(11)} ${where}  ${what}`;
}

/** `runs`: what is in quarantine, newest first. */
export async function runsCommand(context: CommandContext): Promise<ExitStatus> {
  const runs: ListedRun[] = [];
  for (const run of await allRuns(context.files, context.located.dataDir)) runs.push(await listRun(context, run));
  const total = runs.reduce((sum, run) => sum + run.bytes, 0);
  const warnings =
    total > LARGE_QUARANTINE_BYTES
      ? [`The quarantine is large: ${sizeText(total)}. purge --older-than 30d deletes what is older than 30 days.`]
      : [];
  const lines = runs.length === 0 ? ["The quarantine is empty."] : [...runs.map(runLine), `${sizeText(total)} in all.`];
  answer(context, listAnswer({ runs, bytes: total, warnings }), [...lines, ...warnings].join("\n"));
  return EXIT.done;
}
