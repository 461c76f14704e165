import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { entryURL } from "../package-files.ts";
import type { Terminal } from "./terminal.ts";

/** Set for the second process to the number of the first, so that it never starts a third and does not outlive it. */
const HANDED_OVER = "OPENCODE_SESSION_REPAIR_HANDED_OVER";

interface Runtime {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const WINDOWS = process.platform === "win32";

/** Where programs lie whose installers do not always reach the PATH. */
function usualFolders(): string[] {
  const home = process.env.HOME || homedir();
  return [join(home, ".bun", "bin"), join(home, ".opencode", "bin"), "/opt/homebrew/bin", "/usr/local/bin"];
}

function programs(name: string): string[] {
  const names = WINDOWS ? [`${name}.exe`, `${name}.cmd`] : [name];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...usualFolders()];
  return [...new Set(folders.flatMap((folder) => names.map((each) => join(folder, each))))].filter(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Other versions of Node, as the usual version managers keep them, newest first. */
function otherNodes(): string[] {
  const home = process.env.HOME || homedir();
  const managed = [
    [join(home, ".nvm", "versions", "node"), join("bin", "node")],
    [join(home, ".local", "share", "fnm", "node-versions"), join("installation", "bin", "node")],
    [join(home, ".volta", "tools", "image", "node"), join("bin", "node")],
  ] as const;
  return managed.flatMap(([folder, binary]) => versionsIn(folder).map((version) => join(folder, version, binary)));
}

function versionsIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  } catch {
    return [];
  }
}

/** Node 22.5 to 22.12 has SQLite behind this flag; newer ones know the flag too. */
const NODE_FLAGS = ["--experimental-sqlite", "--no-warnings"];

/** Every runtime on this machine that may have SQLite: Bun, a newer Node, or the user's own opencode acting as Bun. */
function* candidates(): Generator<Runtime> {
  for (const command of programs("bun")) yield { name: "Bun", command, args: [], env: {} };
  for (const command of [process.execPath, ...programs("node"), ...otherNodes()]) {
    yield { name: "another Node", command, args: NODE_FLAGS, env: {} };
  }
  for (const command of programs("opencode")) {
    // Every opencode binary is a Bun: BUN_BE_BUN=1 makes it run a script (measured on eleven releases).
    yield { name: "your opencode (as Bun)", command, args: [], env: { BUN_BE_BUN: "1" } };
  }
}

const PROBE_MS = 10_000;

// Not a literal: the Bun of opencode 1.0 resolves every name that it sees before it runs anything.
const PROBE = "await import((process.versions.bun === undefined ? 'node' : 'bun') + ':sqlite')";

/** Whether it runs here and has SQLite: a program of that name may be anything. */
function hasSqlite({ command, args, env }: Runtime): boolean {
  const evaluate =
    "BUN_BE_BUN" in env || command.includes("bun") ? ["-e", PROBE] : ["--input-type=module", "-e", PROBE];
  const found = spawnSync(command, [...args, ...evaluate], {
    stdio: "ignore",
    timeout: PROBE_MS,
    env: { ...process.env, ...env },
    shell: WINDOWS && command.endsWith(".cmd"),
  });
  return found.status === 0;
}

function findRuntime(): Runtime | null {
  for (const runtime of candidates()) if (hasSqlite(runtime)) return runtime;
  return null;
}

/**
 * Runs this command line again in a runtime that can read databases, with the same terminal.
 * @returns its exit status, or `null` where there is no such runtime
 */
export async function inOtherRuntime(args: readonly string[], terminal: Terminal): Promise<number | null> {
  if (process.env[HANDED_OVER] !== undefined) return null;
  const runtime = findRuntime();
  if (runtime === null) return null;
  terminal.say(`This Node has no SQLite; using ${runtime.name} to read the database.`);
  const entry = fileURLToPath(entryURL("cli"));
  return new Promise((resolve) => {
    const child = spawn(runtime.command, [...runtime.args, entry, ...args], {
      stdio: "inherit",
      env: { ...process.env, ...runtime.env, [HANDED_OVER]: String(process.pid) },
      shell: WINDOWS && runtime.command.endsWith(".cmd"),
    });
    // A terminal sends its interrupts to both by itself.
    process.once("SIGTERM", () => child.kill("SIGTERM"));
    child.on("error", () => resolve(null));
    child.on("exit", (code) => resolve(code ?? 4));
  });
}

const PARENT_LOOK_MS = 20;

/** Has the second process die as the first did: whoever kills the command has killed what it does. */
export function endWithParent(): void {
  const parent = Number(process.env[HANDED_OVER]);
  if (WINDOWS || !(parent > 0)) return;
  const look = () => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  };
  look();
  setInterval(look, PARENT_LOOK_MS).unref();
}
