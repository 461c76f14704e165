import { type ChildProcess, execFile, spawn } from "node:child_process";

/** The environment of another program: all of it, nothing is added. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProgramOptions {
  readonly folder: string;
  readonly environment: Environment;
  /** It is ended after so many milliseconds. */
  readonly timeoutMs: number;
}

/** What a program printed. `status`: its exit status; `null` where it could not be started, or was ended from outside. */
export interface ProgramOutput {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a program to its end and keeps what it prints. There is no shell between: arguments arrive as they are. */
export function outputOf(
  program: string,
  args: readonly string[],
  { folder, environment, timeoutMs }: ProgramOptions,
): Promise<ProgramOutput> {
  return new Promise((resolve) => {
    try {
      execFile(program, [...args], { cwd: folder, env: environment, timeout: timeoutMs }, (error, output) => {
        const status = error === null ? 0 : typeof error.code === "number" ? error.code : null;
        resolve({ status, output });
      });
    } catch {
      // What cannot even be tried, such as a `.cmd` file.
      resolve({ status: null, output: "" });
    }
  });
}

/** A program of our own that answers a question and ends. */
export interface AskedProgram {
  /** What it printed; `null` where it could not be started, was ended, or failed. */
  readonly answer: Promise<string | null>;
  /** Ends it at once, whatever it does. */
  end(): void;
}

/**
 * Starts a program, gives it a question on its standard input, and collects its answer; `null` where nothing can be started.
 * `onLine` is told of each whole line that comes before the answer. The answer itself ends without a line break.
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
      // A terminal sends its interrupts to this process alone, which then ends that one.
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
    // A child that ends before it has read this closes the pipe.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(question);
  });
}

/** What a program may be called on this system, the likelier first. */
export function programNames(name: string): string[] {
  return process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
}

/** Whether a program runs and ends well. Nothing of what it prints is shown. */
export async function succeeds(
  program: string,
  args: readonly string[],
  environment: Environment,
  timeoutMs: number,
): Promise<boolean> {
  // Starts the `.cmd` files of Windows with arguments as they are, which `spawn` does not.
  const { default: crossSpawn } = await import("cross-spawn");
  return crossSpawn.sync(program, [...args], { stdio: "ignore", timeout: timeoutMs, env: environment }).status === 0;
}

/**
 * Runs a program with this terminal until it ends.
 * @returns its exit status, 4 where a signal ended it; `null` where it could not be started
 */
export async function runInTerminal(
  program: string,
  args: readonly string[],
  environment: Environment,
): Promise<number | null> {
  const { default: crossSpawn } = await import("cross-spawn");
  return new Promise((resolve) => {
    const child = crossSpawn(program, [...args], { stdio: "inherit", env: environment });
    // A terminal sends its interrupts to both by itself.
    process.once("SIGTERM", () => child.kill("SIGTERM"));
    child.on("error", () => resolve(null));
    child.on("exit", (code) => resolve(code ?? 4));
  });
}

const PARENT_LOOK_MS = 20;

/** Has this process end as its parent did, by whatever signal. Windows does not tell that a parent is gone. */
export function endWithParent(parent: number): void {
  if (process.platform === "win32") return;
  const look = () => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  };
  look();
  setInterval(look, PARENT_LOOK_MS).unref();
}
