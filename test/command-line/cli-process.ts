import { spawn, spawnSync } from "node:child_process";

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** The whole environment except PATH. By default, the command line finds no opencode in it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the command line runs as the user `nobody`, who has fewer permissions than root. */
  readonly unprivileged?: boolean;
  /**
   * A command that runs the command line inside something, for example a mount namespace. It is put before the program.
   */
  readonly inside?: readonly string[];
  /** The program that runs the command line instead of this Bun, and the entry that it runs instead of the source. */
  readonly runtime?: string;
  readonly entry?: string;
}

/** Uses `require.resolve` because `bun test --changed` follows it like an import. */
const ENTRY = require.resolve("../../plugin/cli.ts");

/** Runs the command line without a terminal, and waits for its end. By default, this Bun runs it from its source. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const own = [options.runtime ?? process.execPath, options.entry ?? ENTRY, ...args];
  const [command = "", ...rest] =
    options.unprivileged === true ? [...AS_NOBODY, ...own] : [...(options.inside ?? []), ...own];
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", ...options.env };
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { env, stdio: ["ignore", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => out.push(data));
    child.stderr.on("data", (data: Buffer) => err.push(data));
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString("utf8"), stderr: Buffer.concat(err).toString("utf8") }),
    );
  });
}

const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Whether this process is root, and the user `nobody` can run the command line from its folder. */
export function canDropPrivileges(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const [command = "", ...rest] = [...AS_NOBODY, process.execPath, ENTRY, "--version"];
  return spawnSync(command, rest, { stdio: "ignore" }).status === 0;
}
