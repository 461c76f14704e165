/** A process that takes the lock of a data directory and keeps it until it is told or killed. */
import { nodeFileSystem } from "../../plugin/files/file-system.ts";
import { takeLock } from "../../plugin/quarantine/lock.ts";

export interface LockHolder {
  readonly answer: string;
  kill(): Promise<void>;
  release(): Promise<void>;
}

/** Starts one; `answer` is `held`, `taken-over` or `refused`. */
export async function startHolder(dataDir: string): Promise<LockHolder> {
  const child = Bun.spawn([process.execPath, import.meta.path, dataDir], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return {
    answer: Buffer.from(value ?? []).toString(),
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
  const taken = await takeLock(nodeFileSystem, process.argv[2] ?? "");
  process.stdout.write(taken.ok ? (taken.lock.takenOver ? "taken-over" : "held") : "refused");
  for await (const _ of process.stdin);
  if (taken.ok) await taken.lock.release();
}
