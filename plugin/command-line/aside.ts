import { fileURLToPath } from "node:url";
import type { StoreDescription } from "../model/store-description.ts";
import { entryURL } from "../package-files.ts";
import { askProgram } from "../platform/programs.ts";
import { sizeNow } from "../platform/read-now.ts";
import type { DatabaseSource } from "../stores/sqlite/driver.ts";
import type { Survey } from "../stores/survey.ts";

/** What the other process is told to do with a database. Each is one long step of SQLite. */
export type AsideTask =
  | { readonly what: "survey"; readonly source: DatabaseSource; readonly store: StoreDescription }
  | { readonly what: "damage"; readonly source: DatabaseSource };

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
  if (sizeNow(task.source.path) < WORTH_A_PROCESS_BYTES || signal?.aborted) return null;
  const script = fileURLToPath(entryURL("command-line/aside-process"));
  const asked = askProgram(process.execPath, [...process.execArgv, script], JSON.stringify(task));
  if (asked === null) return null;
  signal?.addEventListener("abort", asked.end, { once: true });
  try {
    const answer = await asked.answer;
    return answer === null ? null : parsed(answer);
  } finally {
    signal?.removeEventListener("abort", asked.end);
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

function parsed(text: string): AsideAnswer | null {
  try {
    return JSON.parse(text) as AsideAnswer;
  } catch {
    return null;
  }
}
