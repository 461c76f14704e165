import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheDirectory } from "../host/cache.ts";
import { builtPackage } from "../package/built.ts";
import { nodeForWindows } from "../stores/node-release.ts";

/** The newest release of Node for Windows that ran in Wine 8 (24.21.0 exits with status 3). */
export const NODE_VERSION = "22.23.3";

/**
 * Whether this machine can run the tests for Windows. On CI, a Linux without Wine is an error. Elsewhere these tests
 * are skipped.
 */
export const HAS_WINE = hasWine();

function hasWine(): boolean {
  const isSupported = process.platform === "linux" && process.arch === "x64";
  if (isSupported && Bun.which("wine") !== null) return true;
  const why = "test/windows: there is no Wine here (Debian: wine wine64), so nothing of Windows is tried.";
  if (isSupported && process.env.CI) throw new Error(why);
  process.stderr.write(`${why}\n`);
  return false;
}

/** The path of a file as Windows sees it. Drive Z is the root of this system. */
export function onDriveZ(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

export interface StepResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A process of Windows. Its output goes to two files, because Node under Wine dies when it writes to a pipe of this
 * system.
 */
export interface WindowsProcess {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status of the process. `null` if the process was killed. */
  readonly ended: Promise<number | null>;
  kill(): void;
}

/** Runs the published command in Node for Windows. */
export class WindowsCommand {
  readonly #node: string;
  readonly #dist: string;
  readonly #prefix: string;
  readonly #scratch: string;
  #started = 0;
  #idle: WindowsProcess | null = null;

  private constructor(node: string, dist: string, prefix: string, scratch: string) {
    this.#node = node;
    this.#dist = dist;
    this.#prefix = prefix;
    this.#scratch = scratch;
  }

  static async start(version: string = NODE_VERSION): Promise<WindowsCommand> {
    const [node, dist, prefix] = await Promise.all([nodeForWindows(version), builtPackage(), winePrefix()]);
    const scratch = await mkdtemp(join(tmpdir(), "opencode-session-repair-wine-"));
    const windows = new WindowsCommand(node, dist, prefix, scratch);
    // While another process runs, each start takes only a third of the time.
    windows.#idle = windows.node(join(import.meta.dirname, "idle.mjs"), scratch);
    return windows;
  }

  /** The folder that Windows sees as drive C. */
  get driveC(): string {
    return join(this.#prefix, "drive_c");
  }

  /**
   * Runs commands one after another in one process, because a start of Windows costs more than a check. A command with
   * the word `EACH_RUN` runs once for each run that the previous `runs --json` listed. `NAME=value` before a command
   * sets a variable of the environment.
   */
  async steps(...steps: readonly (readonly string[])[]): Promise<StepResult[]> {
    const work = await mkdtemp(join(this.#scratch, "steps-"));
    const [asked, answered] = [join(work, "asked.json"), join(work, "answered.json")];
    await writeFile(asked, JSON.stringify(steps.map((args) => args.map(translated))));
    const driver = join(import.meta.dirname, "steps.mjs");
    const child = this.node(driver, join(this.#dist, "cli.js"), asked, answered);
    const status = await child.ended;
    const text = await readFile(answered, "utf8").catch(() => "");
    if (text === "") throw new Error(`Node for Windows ended with ${status}: ${await readFile(child.stderr, "utf8")}`);
    return JSON.parse(text) as StepResult[];
  }

  /** Starts the command in a new process. */
  command(...args: readonly string[]): WindowsProcess {
    return this.node(join(this.#dist, "cli.js"), ...args);
  }

  /** Starts the command with another PATH. `path` has the form of Windows. */
  commandWithPath(path: string, ...args: readonly string[]): WindowsProcess {
    return this.node(join(import.meta.dirname, "with-path.mjs"), path, join(this.#dist, "cli.js"), ...args);
  }

  /** Starts a script. Arguments that are paths of this system are translated to paths of Windows. */
  node(...args: readonly string[]): WindowsProcess {
    this.#started += 1;
    const [stdout, stderr] = [join(this.#scratch, `${this.#started}.out`), join(this.#scratch, `${this.#started}.err`)];
    const [out, err] = [openSync(stdout, "w"), openSync(stderr, "w")];
    const child = spawn("wine", [this.#node, ...args.map(translated)], {
      env: wineEnvironment(this.#prefix),
      stdio: ["ignore", out, err],
    });
    closeSync(out);
    closeSync(err);
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", resolve);
    });
    return { stdout, stderr, ended, kill: () => child.kill("SIGKILL") };
  }

  async stop(): Promise<void> {
    this.#idle?.kill();
    await this.#idle?.ended;
    await rm(this.#scratch, { recursive: true, force: true });
  }
}

function translated(argument: string): string {
  return argument.startsWith("/") ? onDriveZ(argument) : argument;
}

function wineEnvironment(prefix: string): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, WINEPREFIX: prefix, WINEDEBUG: "-all", WINEARCH: "win64", LC_ALL: "C.UTF-8" };
}

/** The one Wine installation of Windows on this machine. It is made once (20 s) and kept in `.cache/wine`. */
async function winePrefix(): Promise<string> {
  const prefix = cacheDirectory(join("wine", "prefix-1"));
  if (existsSync(prefix)) return prefix;
  await mkdir(dirname(prefix), { recursive: true });
  const stage = await mkdtemp(`${prefix}-`);
  // Node refuses the Windows version that Wine reports by default.
  const set = ["reg", "add", "HKCU\\Software\\Wine", "/v", "Version", "/d", "win10", "/f"];
  await ended("wine", set, stage);
  await ended("wineserver", ["-w"], stage);
  await rename(stage, prefix).catch(async (error: unknown) => {
    // Another process may have made the installation in the meantime.
    if (!existsSync(prefix)) throw error;
    await rm(stage, { recursive: true, force: true });
  });
  return prefix;
}

function ended(program: string, args: readonly string[], prefix: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: wineEnvironment(prefix), stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}`))));
  });
}
