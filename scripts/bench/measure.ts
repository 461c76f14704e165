import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { median } from "./statistics.ts";

/** One run of a command. */
export interface Run {
  readonly milliseconds: number;
  /** The most memory that it ever had, in MB. */
  readonly peakMB: number;
  readonly stdout: string;
}

export interface Command {
  readonly name: string;
  readonly argv: readonly [program: string, ...args: string[]];
  /** The program that must be installed, where it is not the first. */
  readonly needs?: string;
}

export interface Medians {
  readonly milliseconds: number;
  readonly peakMB: number;
}

/** `xargs` ends with this where its command failed for some: jq refuses records that opencode reads. */
const XARGS_REFUSED = 123;

/** How often the memory of a command is looked at, in milliseconds. */
const LOOK_MS = 10;

/**
 * The most memory that a process ever had, in MB, as Linux keeps it in /proc; 0 where it has ended. `maxRSS` of a child counts
 * what this process had when it started the child.
 */
function peakOf(pid: number): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return (Number(kilobytes ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

/** Runs a command to its end, process start included. A status above 1 counts as failure (1: findings remain). */
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

/** Medians of each command, the commands alternating: whatever slows the machine down meets them all. */
export async function alternating(commands: readonly Command[], runs: number): Promise<ReadonlyMap<string, Medians>> {
  const taken = new Map<string, Run[]>(commands.map(({ name }) => [name, []]));
  // Once for the page cache, which is the same for everybody then.
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

/** Whether a program is on the PATH. */
export async function isInstalled(program: string): Promise<boolean> {
  return new Promise((resolve) => {
    spawn(program, ["--version"], { stdio: "ignore" })
      .on("error", () => resolve(false))
      .on("exit", (status) => resolve(status === 0));
  });
}
