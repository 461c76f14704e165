import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { median } from "./statistics.ts";

/** The result of one run of a command. */
export interface Run {
  readonly milliseconds: number;
  /** The largest amount of memory that the command used, in MB. */
  readonly peakMB: number;
  readonly stdout: string;
}

export interface Command {
  readonly name: string;
  readonly argv: readonly [program: string, ...args: string[]];
  /** The program that must be installed, if it is not the first word of the command. */
  readonly needs?: string;
}

export interface Medians {
  readonly milliseconds: number;
  readonly peakMB: number;
}

/** `xargs` ends with this status if a command failed for some files. jq refuses some records that opencode reads. */
const XARGS_REFUSED = 123;

/** How often the memory of a running command is read, in milliseconds. */
const LOOK_MS = 10;

/**
 * The largest amount of memory that a process has used so far, in MB, from /proc. If the process has ended, the result
 * is 0. `maxRSS` would be wrong, because it also counts memory of this process at the start of the child.
 */
function peakOf(pid: number): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return (Number(kilobytes ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

/**
 * Runs a command to its end. The time includes the start of the process. Status 1 is no failure, because it means that
 * problems were found.
 */
export async function runOnce({ name, argv: [program, ...args] }: Command): Promise<Run> {
  const started = performance.now();
  const child = Bun.spawn([program, ...args], { stdout: "pipe", stderr: "ignore", stdin: "ignore" });
  let peakMB = 0;
  const look = setInterval(() => {
    peakMB = Math.max(peakMB, peakOf(child.pid));
  }, LOOK_MS);
  const stdout = await new Response(child.stdout).text();
  const status = await child.exited;
  clearInterval(look);
  if (status > 1 && status !== XARGS_REFUSED) throw new Error(`${name} ended with status ${status}`);
  return { milliseconds: performance.now() - started, peakMB, stdout };
}

/**
 * Runs several commands in turn, and returns the medians of each. A change in the machine's load then affects all
 * commands.
 */
export async function alternating(commands: readonly Command[], runs: number): Promise<ReadonlyMap<string, Medians>> {
  const taken = new Map<string, Run[]>(commands.map(({ name }) => [name, []]));
  // One uncounted run of each command fills the page cache, so that all commands have the same conditions.
  for (const command of commands) await runOnce(command);
  for (let run = 0; run < runs; run += 1) {
    for (const command of commands) taken.get(command.name)?.push(await runOnce(command));
  }
  return new Map(
    [...taken].map(([name, all]) => [
      name,
      { milliseconds: median(all.map((run) => run.milliseconds)), peakMB: median(all.map((run) => run.peakMB)) },
    ]),
  );
}

/** Whether a program is in the PATH. */
export async function isInstalled(program: string): Promise<boolean> {
  return new Promise((resolve) => {
    spawn(program, ["--version"], { stdio: "ignore" })
      .on("error", () => resolve(false))
      .on("exit", (status) => resolve(status === 0));
  });
}
