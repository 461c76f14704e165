import { fileURLToPath } from "node:url";
import type { StoreDescription } from "../model/store-description.ts";
import { entryURL } from "../package-files.ts";
import { sizeNow } from "../platform/read-now.ts";
import type { SalvageInput, SalvageReport } from "../salvage/salvage.ts";
import type { DatabaseSource } from "../stores/sqlite/driver.ts";
import type { Survey } from "../stores/survey.ts";

/** The work that another process does on a database. SQLite does each of these tasks in one long step. */
export type AsideTask =
  | { readonly what: "survey"; readonly source: DatabaseSource; readonly store: StoreDescription }
  | { readonly what: "damage"; readonly source: DatabaseSource };

/**
 * The task of a salvage: it builds a new database from a damaged one. `parent` is the process that started the salvage.
 * When the parent is gone, the work stops.
 */
export interface SalvageTask extends Pick<SalvageInput, "source" | "target" | "dataDir"> {
  readonly what: "salvage";
  readonly parent: number;
}

/**
 * The answer of the other process: for `survey` the counts of the database, for `damage` the first damage that a full
 * check finds, in the form of {@link firstDamage}.
 */
export interface AsideAnswer {
  readonly survey?: Survey;
  readonly damage?: string | null;
}

/** A smaller database is checked in this process, because that takes less time than to start another one. */
const WORTH_A_PROCESS_BYTES = 32 * 1024 * 1024;

/**
 * Runs a task in another process and kills that process when the signal is aborted. A process inside a step of SQLite
 * does not react to signals, and no runtime can interrupt that step. Returns `null` if the database is small, if the
 * task was stopped, or if no other process could be started.
 */
export async function aside(task: AsideTask, signal: AbortSignal | undefined): Promise<AsideAnswer | null> {
  if (sizeNow(task.source.path) < WORTH_A_PROCESS_BYTES) return null;
  return asked<AsideAnswer>(task, signal);
}

/**
 * Builds the new database in another process, so that a signal ends the work at once and this process can renew the
 * lock meanwhile. If the other process is stopped, the unfinished file stays next to `target`. Returns `null` if the
 * work was stopped or failed, or if no other process could be started.
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
  // The code that starts other processes is loaded on demand, because small stores do not need it.
  const { askProgram } = await import("../platform/programs.ts");
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

/** Runs the task `survey` in another process. A check gets this function as an argument. */
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
