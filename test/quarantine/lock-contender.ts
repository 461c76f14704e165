/**
 * Takes the lock again and again. Each time, it creates a file that only one process can create. This proves that no
 * other process has the lock.
 */
import { appendFileSync, openSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { takeLock } from "../../plugin/quarantine/lock.ts";

const [dataDir = "", most = "0"] = process.argv.slice(2);
const alone = join(dataDir, "alone");
const turns = join(dataDir, "turns");

while ((statSync(turns, { throwIfNoEntry: false })?.size ?? 0) < Number(most)) {
  const taken = await takeLock(nodeFileSystem, dataDir);
  if (!taken.ok) {
    await sleep(Math.random() * 3);
    continue;
  }
  try {
    openSync(alone, "wx");
  } catch {
    appendFileSync(join(dataDir, "collisions"), "x");
  }
  appendFileSync(turns, "x");
  await sleep(Math.random() * 2);
  // Sometimes the process dies while it has the lock. Then other processes must take the lock over.
  const dies = Math.random() < 0.1;
  unlinkSync(alone);
  if (dies) process.kill(process.pid, "SIGKILL");
  await taken.lock.release();
}
