import { fileURLToPath } from "node:url";
import type { StoreDescription } from "../model/store-description.ts";
import { entryURL } from "../package-files.ts";
import { askProgram } from "../platform/programs.ts";
import { sizeNow } from "../platform/read-now.ts";
import type { SalvageInput, SalvageReport } from "../salvage/salvage.ts";
import type { DatabaseSource } from "../stores/sqlite/driver.ts";
import type { Survey } from "../stores/survey.ts";

/** What the other process is told to do with a database. Each is one long step of SQLite. */
export type AsideTask =
  | { readonly what: "survey"; readonly source: DatabaseSource; readonly store: StoreDescription }
  | { readonly what: "damage"; readonly source: DatabaseSource };

/** A new database is built from a damaged one. `parent`: the process that asks; without it nothing is built any more. */
export interface SalvageTask extends Pick<SalvageInput, "source" | "target" | "dataDir"> {
  readonly what: "salvage";
  readonly parent: number;
}

/** Of `survey` the survey; of `damage` the first damage that a full check finds, as {@link firstDamage} says it. */
export interface AsideAnswer {
  readonly survey?: Survey;
  readonly damage?: string | null;
}

/** Smaller databases are looked at before another process would have started. */
const WORTH_A_PROCESS_BYTES = 32 * 1024 * 1024;

/**
 * Does a task in another process, which is killed once the signal is aborted: a process that is inside of SQLite feels
 * nothing, and neither Node nor SQLite as both runtimes have it can interrupt it. `null`: the database is small, the task
 * was stopped, or there is no other process to be had.
 */
export async function aside(task: AsideTask, signal: AbortSignal | undefined): Promise<AsideAnswer | null> {
  if (sizeNow(task.source.path) < WORTH_A_PROCESS_BYTES) return null;
  return asked<AsideAnswer>(task, signal);
}

/**
 * Builds the new database in another process, so that a signal ends the work at once and the lock is renewed meanwhile.
 * What was begun stays beside `target` where it is ended. `null`: stopped, failed, or there is no other process to be had.
 */
export function salvageAside(
  input: Pick<SalvageInput, "source" | "target" | "dataDir" | "onProgress" | "signal">,
): Promise<SalvageReport | null> {
  const { source, target, dataDir, onProgress, signal } = input;
  const task: SalvageTask = { what: "salvage", source, target, dataDir, parent: process.pid };
  return asked<SalvageReport>(task, signal, (line) => {
    const told = parsed<Parameters<NonNullable<typeof onProgress>>>(line);
    if (told !== null) onProgress?.(...told);
  });
}

async function asked<Answer>(
  task: AsideTask | SalvageTask,
  signal: AbortSignal | undefined,
  onLine?: (line: string) => void,
): Promise<Answer | null> {
  if (signal?.aborted) return null;
  const script = fileURLToPath(entryURL("command-line/aside-process"));
  const program = askProgram(process.execPath, [...process.execArgv, script], JSON.stringify(task), onLine);
  if (program === null) return null;
  signal?.addEventListener("abort", program.end, { once: true });
  try {
    const answer = await program.answer;
    return answer === null ? null : parsed<Answer>(answer);
  } finally {
    signal?.removeEventListener("abort", program.end);
  }
}

/** {@link aside} as a check asks for it. */
export async function surveyAside(
  source: DatabaseSource,
  store: StoreDescription,
  signal: AbortSignal | undefined,
): Promise<Survey | null> {
  return (await aside({ what: "survey", source, store }, signal))?.survey ?? null;
}

function parsed<Answer>(text: string): Answer | null {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return null;
  }
}
