import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";

/** The whole environment of another program. Nothing is added. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProgramOptions {
  readonly folder: string;
  readonly environment: Environment;
  /** The program is ended after this many milliseconds. */
  readonly timeoutMs: number;
}

/** The output of a program. `status`: its exit status; `null` if it could not be started or was ended by a signal. */
export interface ProgramOutput {
  readonly status: number | null;
  readonly output: string;
}

/**
 * Runs a program to its end and keeps its output. No shell splits the arguments, and a `.cmd` file of Windows is started
 * too.
 */
export async function outputOf(
  program: string,
  args: readonly string[],
  { folder, environment, timeoutMs }: ProgramOptions,
): Promise<ProgramOutput> {
  const { default: crossSpawn } = await import("cross-spawn");
  let child: ChildProcess;
  try {
    const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
    child = crossSpawn(program, [...args], { cwd: folder, env: environment, stdio, windowsHide: true });
  } catch {
    return { status: null, output: "" };
  }
  return new Promise((resolve) => {
    let output = "";
    // What the program itself has started may keep its output open for longer.
    const timer = setTimeout(() => {
      child.kill();
      child.stdout?.destroy();
      resolve({ status: null, output });
    }, timeoutMs);
    const end = (result: ProgramOutput) => {
      clearTimeout(timer);
      resolve(result);
    };
    child.stdout?.setEncoding("utf8").on("data", (data: string) => {
      output += data;
    });
    child.once("error", () => end({ status: null, output: "" }));
    child.once("close", (status) => end({ status, output }));
  });
}

/** A program that answers one question of this tool, and ends. */
export interface AskedProgram {
  /** The output of the program; `null` if it could not be started, was ended, or failed. */
  readonly answer: Promise<string | null>;
  /** Ends the program at once. */
  end(): void;
}

/**
 * Starts a program, sends it a question on standard input, and collects its answer; `null` if nothing can be started.
 * `onLine` is called with each complete line before the answer. The answer itself ends without a line break.
 */
export function askProgram(
  program: string,
  args: readonly string[],
  question: string,
  onLine: (line: string) => void = () => undefined,
): AskedProgram | null {
  let child: ChildProcess;
  try {
    child = spawn(program, [...args], {
      stdio: ["pipe", "pipe", "ignore"],
      // A terminal then sends its interrupts only to this process, which ends the other one.
      detached: process.platform !== "win32",
      windowsHide: true,
    });
  } catch {
    return null;
  }
  return { answer: answerOf(child, question, onLine), end: () => void child.kill("SIGKILL") };
}

function answerOf(child: ChildProcess, question: string, onLine: (line: string) => void): Promise<string | null> {
  return new Promise((resolve) => {
    let said = "";
    child.stdout?.setEncoding("utf8").on("data", (data: string) => {
      const lines = `${said}${data}`.split("\n");
      said = lines.pop() ?? "";
      lines.forEach(onLine);
    });
    child.once("error", () => resolve(null));
    child.once("close", (code) => resolve(code === 0 ? said : null));
    // If a child ends before it has read everything, the pipe is closed.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(question);
  });
}

/** The possible names of a program on this system, the likelier first. */
export function programNames(name: string): string[] {
  return process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
}

/** Whether a program runs and succeeds. Its output is not shown. */
export async function succeeds(
  program: string,
  args: readonly string[],
  environment: Environment,
  timeoutMs: number,
): Promise<boolean> {
  // cross-spawn starts `.cmd` files of Windows with unchanged arguments, which `spawn` does not.
  const { default: crossSpawn } = await import("cross-spawn");
  return crossSpawn.sync(program, [...args], { stdio: "ignore", timeout: timeoutMs, env: environment }).status === 0;
}

/**
 * Runs a program with this terminal until it ends. @returns its exit status, or 4 if a signal ended it; `null` if it
 * could not be started
 */
export async function runInTerminal(
  program: string,
  args: readonly string[],
  environment: Environment,
): Promise<number | null> {
  const { default: crossSpawn } = await import("cross-spawn");
  return new Promise((resolve) => {
    const child = crossSpawn(program, [...args], { stdio: "inherit", env: environment });
    // From now on, only the other process reacts to signals. A terminal sends its interrupts to both processes by
    // itself.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.removeAllListeners(signal);
    process.on("SIGINT", () => undefined);
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    child.on("error", () => resolve(null));
    child.on("exit", (code) => resolve(code ?? 4));
  });
}

const PARENT_LOOK_MS = 20;

/** Ends this process when its parent has ended for any reason. Windows does not report the end of a parent. */
export function endWithParent(parent: number): void {
  if (process.platform === "win32") return;
  const look = () => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  };
  look();
  setInterval(look, PARENT_LOOK_MS).unref();
}
