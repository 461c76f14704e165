import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";

/** All environment variables of another program. No variable of this process is added. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProgramOptions {
  readonly folder: string;
  readonly environment: Environment;
  /** If the program still runs after this many milliseconds, it is ended. */
  readonly timeoutMs: number;
}

/** The output of a program. `status`: its exit status; `null` if it could not be started or was ended by a signal. */
export interface ProgramOutput {
  readonly status: number | null;
  readonly output: string;
}

/**
 * Runs a program to its end and keeps its output. The arguments are passed without a shell. A `.cmd` file of Windows
 * can be started too.
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
    // A child of the program may keep the output open after the program has ended, so the output is closed here.
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

/** A program that was started to answer one question of this tool. */
export interface AskedProgram {
  /** The text that the program printed; `null` if the program could not be started, was ended, or failed. */
  readonly answer: Promise<string | null>;
  /** Ends the program at once. */
  end(): void;
}

/**
 * Starts a program, sends it a question on standard input, and collects its answer; `null` if the program cannot be
 * started. `onLine` is called with each complete line before the answer. The answer is the last line, which has no line
 * break.
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
      // The program gets a process group of its own. Then Ctrl-C on a terminal reaches only this process, which ends
      // the program.
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
    // If the program ends before it has read the whole question, writing to the pipe fails. That error is ignored.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(question);
  });
}

/** The possible file names of a program on this system, the likeliest first. */
export function programNames(name: string): string[] {
  return process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
}

/** Whether a program runs and ends with success. Its output is not shown. */
export async function succeeds(
  program: string,
  args: readonly string[],
  environment: Environment,
  timeoutMs: number,
): Promise<boolean> {
  // cross-spawn starts `.cmd` files of Windows with unchanged arguments. `spawn` of Node does not.
  const { default: crossSpawn } = await import("cross-spawn");
  return crossSpawn.sync(program, [...args], { stdio: "ignore", timeout: timeoutMs, env: environment }).status === 0;
}

/**
 * Runs a program with this terminal until it ends.
 * @returns the exit status of the program, or 4 if a signal ended it; `null` if it could not be started
 */
export async function runInTerminal(
  program: string,
  args: readonly string[],
  environment: Environment,
): Promise<number | null> {
  const { default: crossSpawn } = await import("cross-spawn");
  return new Promise((resolve) => {
    const child = crossSpawn(program, [...args], { stdio: "inherit", env: environment });
    // From now on, only the other program reacts to signals. A terminal sends Ctrl-C to both processes, so this process
    // ignores it.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.removeAllListeners(signal);
    process.on("SIGINT", () => undefined);
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    child.on("error", () => resolve(null));
    child.on("exit", (code) => resolve(code ?? 4));
  });
}

const PARENT_LOOK_MS = 20;

/**
 * Ends this process soon after its parent has ended for any reason. On Windows it does nothing, because Windows does
 * not report the end of a parent.
 */
export function endWithParent(parent: number): void {
  if (process.platform === "win32") return;
  const look = () => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  };
  look();
  setInterval(look, PARENT_LOOK_MS).unref();
}
