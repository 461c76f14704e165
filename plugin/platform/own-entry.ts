import { spawn } from "node:child_process";

/** The output of a program, and how it ended. */
export interface Printed {
  readonly status: number | null;
  readonly stdout: string;
}

/**
 * Runs a module of this package in a process of its own, with the runtime of this process. An opencode binary contains
 * Bun, which runs a module if `BUN_BE_BUN=1` is set (measured on eleven releases). `null` if the process could not be
 * started, or was stopped.
 */
export function runEntry(path: string, args: readonly string[], signal?: AbortSignal): Promise<Printed | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path, ...args], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, BUN_BE_BUN: "1" },
      windowsHide: true,
      ...(signal && { signal }),
    });
    const said: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => said.push(data));
    child.once("error", () => resolve(null));
    child.once("close", (status) => resolve({ status, stdout: Buffer.concat(said).toString("utf8") }));
  });
}
