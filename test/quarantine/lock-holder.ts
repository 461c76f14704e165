/**
 * A process that takes the lock of a data directory, and keeps the lock until it is told to release it or is killed.
 */
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { takeLock } from "../../plugin/quarantine/lock.ts";
import { LOCK_TIMES, type LockTimes } from "../../plugin/quarantine/lock-file.ts";

export interface LockHolder {
  readonly answer: string;
  readonly pid: number;
  kill(): Promise<void>;
  /** Asks the holder whether it still has the lock. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Starts a holder. `answer` is `held`, `taken-over` or `refused`. `within` is a command that starts the process, such
 * as `unshare`. `times` are the times of its lock.
 */
export async function startHolder(
  dataDir: string,
  within: readonly string[] = [],
  times: LockTimes = LOCK_TIMES,
): Promise<LockHolder> {
  const command = [...within, process.execPath, import.meta.path, dataDir, JSON.stringify(times)];
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe" });
  const reader = child.stdout.getReader();
  const next = async () => Buffer.from((await reader.read()).value ?? []).toString();
  return {
    answer: await next(),
    pid: child.pid,
    async isHeld() {
      child.stdin.write("?");
      await child.stdin.flush();
      return (await next()) === "yes";
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    async release() {
      child.stdin.end();
      await child.exited;
    },
  };
}

if (import.meta.main) {
  const [dataDir = "", times = ""] = process.argv.slice(2);
  const taken = await takeLock(nodeFileSystem, dataDir, JSON.parse(times));
  process.stdout.write(taken.ok ? (taken.lock.takenOver ? "taken-over" : "held") : "refused");
  for await (const _ of process.stdin) process.stdout.write(taken.ok && (await taken.lock.isHeld()) ? "yes" : "no");
  if (taken.ok) await taken.lock.release();
}
