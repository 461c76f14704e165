import { readFileSync, writeFileSync } from "node:fs";

/**
 * The most memory, in bytes, that a process has held so far. Linux only. `maxRSS` would be wrong, because for a new
 * process it starts with the peak of the process that started it. With `maxRSS`, even `/bin/true` would look large if a
 * large test runner started it.
 */
export function peakBytesOf(pid: number | "self"): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  if (kilobytes === undefined) throw new Error(`Linux does not say how much memory process ${pid} took.`);
  return Number(kilobytes) * 1024;
}

/**
 * The environment variable that names a file. A process that was started with `--preload` of this module writes its
 * peak to the file when it ends.
 */
const PEAK_FILE = "TEST_PEAK_MEMORY_FILE";

/** The arguments and the environment that make Bun write its peak to `file` when it ends. */
export function toldAtEnd(file: string): { readonly args: readonly string[]; readonly env: Record<string, string> } {
  return { args: ["--preload", import.meta.path], env: { [PEAK_FILE]: file } };
}

const told = process.env[PEAK_FILE];
if (told !== undefined) process.on("exit", () => writeFileSync(told, String(peakBytesOf("self"))));
