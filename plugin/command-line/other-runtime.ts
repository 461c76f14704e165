import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { entryURL } from "../package-files.ts";
import { mayExecute } from "../platform/permissions.ts";
import { programNames, runInTerminal, succeeds } from "../platform/programs.ts";
import { namesOrNone } from "../platform/read-now.ts";
import { homeIn } from "../stores/locate.ts";
import type { Driver } from "../stores/sqlite/driver.ts";
import type { Terminal } from "./terminal.ts";

interface Runtime {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The arguments with which this runtime runs the text of a module, such as `-e`. The text comes after them. */
  readonly evaluate: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Folders in which installers put programs, without always adding the folder to the PATH. */
function usualFolders(): string[] {
  const home = homeIn(process.env);
  return [join(home, ".bun", "bin"), join(home, ".opencode", "bin"), "/opt/homebrew/bin", "/usr/local/bin"];
}

function programs(name: string): string[] {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...usualFolders()];
  return [...new Set(folders.flatMap((folder) => programNames(name).map((each) => join(folder, each))))].filter(
    mayExecute,
  );
}

/** Other versions of Node that version managers installed, the newest first. */
function otherNodes(): string[] {
  const home = homeIn(process.env);
  const managed = [
    [join(home, ".nvm", "versions", "node"), join("bin", "node")],
    [join(home, ".local", "share", "fnm", "node-versions"), join("installation", "bin", "node")],
    [join(home, ".volta", "tools", "image", "node"), join("bin", "node")],
  ] as const;
  return managed.flatMap(([folder, binary]) => versionsIn(folder).map((version) => join(folder, version, binary)));
}

function versionsIn(folder: string): string[] {
  return namesOrNone(folder).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
}

/** SQLite needs this flag in Node 22.5 to 22.12 and 23.0 to 23.3. Newer versions of Node accept the flag too. */
const NODE = { args: ["--experimental-sqlite", "--no-warnings"], evaluate: ["--input-type=module", "-e"], env: {} };

const BUN = { args: [], evaluate: ["-e"] };

/** Every runtime on this machine that may have SQLite: Bun, a newer Node, or the user's own opencode acting as Bun. */
function* candidates(): Generator<Runtime> {
  for (const command of programs("bun")) yield { name: "Bun", command, ...BUN, env: {} };
  for (const command of [process.execPath, ...programs("node"), ...otherNodes()]) {
    yield { name: "another Node", command, ...NODE };
  }
  for (const command of programs("opencode")) {
    // Every opencode binary contains Bun. With BUN_BE_BUN=1 the binary runs a script (measured on eleven releases).
    yield { name: "your opencode (as Bun)", command, ...BUN, env: { BUN_BE_BUN: "1" } };
  }
}

const PROBE_MS = 10_000;

// The module's name is computed, because the Bun of opencode 1.0 loads every literal module name before it runs the
// script.
const LOAD = "const sqlite = await import((process.versions.bun === undefined ? 'node' : 'bun') + ':sqlite')";

/**
 * A script that fails if this runtime cannot read a database in place (`takesURI` in stores/sqlite/driver.ts). The
 * script has one line, because the command line of a `.cmd` file ends at the first line break.
 */
const PROBE = `${LOAD}; if (process.versions.bun === undefined) new sqlite.DatabaseSync('file:///dev/null/none?mode=memory').close()`;

/** Whether a script runs with this program. Another program may have the same name, so this is tried. */
function runs(script: string, { command, args, evaluate, env }: Runtime): Promise<boolean> {
  return succeeds(command, [...args, ...evaluate, script], { ...process.env, ...env }, PROBE_MS);
}

/**
 * The first runtime on this machine that reads databases in place. If there is none and `isAnyBetter` is set, returns
 * the first runtime that has SQLite, even if that runtime can read only a copy of a database.
 */
async function findRuntime(isAnyBetter: boolean): Promise<Runtime | null> {
  for (const runtime of candidates()) if (await runs(PROBE, runtime)) return runtime;
  if (isAnyBetter) for (const runtime of candidates()) if (await runs(LOAD, runtime)) return runtime;
  return null;
}

/**
 * Runs this command line again in a runtime that reads databases better, with the same terminal. `driver` is the SQLite
 * of this runtime. `mark` is the environment variable that marks the second process. @returns the exit status of the
 * second process, or `null` if there is no such runtime
 */
export async function inOtherRuntime(
  args: readonly string[],
  terminal: Terminal,
  driver: Driver | null,
  mark: Readonly<Record<string, string>>,
): Promise<number | null> {
  const runtime = await findRuntime(driver === null);
  if (runtime === null) return null;
  const lack = driver === null ? "has no SQLite" : "can read only a copy of the database";
  terminal.say(`Node ${process.versions.node} ${lack}; using ${runtime.name} to read the database.`);
  const entry = fileURLToPath(entryURL("cli"));
  const environment = { ...process.env, ...runtime.env, ...mark };
  return runInTerminal(runtime.command, [...runtime.args, entry, ...args], environment);
}
