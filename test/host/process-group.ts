import { type ChildProcess, spawn } from "node:child_process";
import { whenThisProcessDies } from "./watchdog.ts";

export interface ProcessGroup {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** The exit code. `null` if a signal ended the process. */
  readonly exited: Promise<number | null>;
  running(): boolean;
  /**
   * Sends the signal to the first process and waits for its end. If it does not end in time, the whole group is killed.
   */
  end(signal: "SIGTERM" | "SIGINT" | "SIGKILL", graceMs?: number): Promise<void>;
}

const killScript = 'kill -s KILL -- "-$1"';

/** Starts a command as the first process of a new process group, so that it and its children can be ended together. */
export function startGroup(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): ProcessGroup {
  const child = spawn(command, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => out.push(data));
  child.stderr.on("data", (data: Buffer) => err.push(data));
  const release = child.pid === undefined ? () => undefined : whenThisProcessDies(killScript, String(child.pid));
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  exited.then(release, release);
  const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  return {
    pid: child.pid ?? -1,
    stdout: () => Buffer.concat(out).toString("utf8"),
    stderr: () => Buffer.concat(err).toString("utf8"),
    exited,
    running,
    async end(signal, graceMs = 5_000) {
      if (signal === "SIGKILL") killGroup(child);
      else if (running()) child.kill(signal);
      const timer = setTimeout(() => killGroup(child), graceMs);
      // Grandchildren may keep the pipes open, and then "close" never comes. So they are killed when the first process
      // has ended.
      child.once("exit", () => killGroup(child));
      if (!running()) killGroup(child);
      await exited.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group is gone already.
  }
}
