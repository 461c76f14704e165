/** Takes the lock again and again, and proves each time that nobody else has it: a file that only one may create. */
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
  // Now and then it dies while it holds the lock, and leaves it to the others.
  const dies = Math.random() < 0.1;
  unlinkSync(alone);
  if (dies) process.kill(process.pid, "SIGKILL");
  await taken.lock.release();
}
