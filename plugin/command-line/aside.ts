import { type ChildProcess, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { StoreDescription } from "../model/store-description.ts";
import { entryURL } from "../package-files.ts";
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
  if ((await sizeOf(task.source.path)) < WORTH_A_PROCESS_BYTES || signal?.aborted) return null;
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...process.execArgv, fileURLToPath(entryURL("command-line/aside-process"))], {
      stdio: ["pipe", "pipe", "ignore"],
      // A terminal sends its interrupts to this process alone, which then ends that one.
      detached: process.platform !== "win32",
      windowsHide: true,
    });
  } catch {
    return null;
  }
  const stop = () => void child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await answerOf(child, task);
  } finally {
    signal?.removeEventListener("abort", stop);
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

function answerOf(child: ChildProcess, task: AsideTask): Promise<AsideAnswer | null> {
  return new Promise((resolve) => {
    const said: Buffer[] = [];
    child.stdout?.on("data", (data: Buffer) => said.push(data));
    child.once("error", () => resolve(null));
    child.once("close", (code) => resolve(code === 0 ? parsed(Buffer.concat(said).toString("utf8")) : null));
    // A child that ends before it has read this closes the pipe.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(JSON.stringify(task));
  });
}

function parsed(text: string): AsideAnswer | null {
  try {
    return JSON.parse(text) as AsideAnswer;
  } catch {
    return null;
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
