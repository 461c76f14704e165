import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Terminal } from "./terminal.ts";

/** Set for the second process, so that it never starts a third. */
const HANDED_OVER = "OPENCODE_SESSION_REPAIR_HANDED_OVER";

interface Runtime {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function onPath(name: string): string | null {
  const names = process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const each of names) {
      const path = join(folder, each);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // not here
      }
    }
  }
  return null;
}

/** A runtime with SQLite that is already on this machine: Bun, or the user's own opencode acting as one. */
function findRuntime(): Runtime | null {
  const bun = onPath("bun");
  if (bun !== null) return { name: "Bun", command: bun, args: [], env: {} };
  const opencode = onPath("opencode");
  // Every opencode binary is a Bun: BUN_BE_BUN=1 makes it run a script (measured on eleven releases).
  if (opencode !== null) {
    return { name: "your opencode (as Bun)", command: opencode, args: ["run"], env: { BUN_BE_BUN: "1" } };
  }
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
  const entry = fileURLToPath(new URL("../cli.js", import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(runtime.command, [...runtime.args, entry, ...args], {
      stdio: "inherit",
      env: { ...process.env, ...runtime.env, [HANDED_OVER]: "1" },
    });
    child.on("error", () => resolve(null));
    child.on("exit", (code) => resolve(code ?? 4));
  });
}
