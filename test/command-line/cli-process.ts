import { spawn, spawnSync } from "node:child_process";

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** The whole environment besides PATH; by default there is no opencode to be found in it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as the user `nobody`, who may not do what root may. */
  readonly unprivileged?: boolean;
  /** A command that runs it inside something, such as a mount namespace; it is put before the program. */
  readonly inside?: readonly string[];
  /** Another program than this Bun to run it with, and another entry than the source: the compiled one. */
  readonly runtime?: string;
  readonly entry?: string;
}

/** Resolved rather than joined: `bun test --changed` follows it as it follows an import. */
const ENTRY = require.resolve("../../plugin/cli.ts");

/** Runs the command line, from source where nothing else is said, without a terminal, and waits for its end. */
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

/** Whether this process is root and somebody without privileges could run the command line from where it lies. */
export function canDropPrivileges(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const [command = "", ...rest] = [...AS_NOBODY, process.execPath, ENTRY, "--version"];
  return spawnSync(command, rest, { stdio: "ignore" }).status === 0;
}
