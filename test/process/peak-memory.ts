import { readFileSync, writeFileSync } from "node:fs";

/**
 * The most memory, in bytes, that a process ever held, from Linux. Not `maxRSS`: Linux begins that of a new process with
 * the peak of the process that started it, so that `/bin/true` started by a large test runner counts as large.
 */
export function peakBytesOf(pid: number | "self"): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  if (kilobytes === undefined) throw new Error(`Linux does not say how much memory process ${pid} took.`);
  return Number(kilobytes) * 1024;
}

/** Names the file that a process started with `--preload` of this module writes its peak to when it ends. */
const PEAK_FILE = "TEST_PEAK_MEMORY_FILE";

/** How to start Bun so that its peak can be read from `file` when it has ended. */
export function toldAtEnd(file: string): { readonly args: readonly string[]; readonly env: Record<string, string> } {
  return { args: ["--preload", import.meta.path], env: { [PEAK_FILE]: file } };
}

const told = process.env[PEAK_FILE];
if (told !== undefined) process.on("exit", () => writeFileSync(told, String(peakBytesOf("self"))));
