import { nodeFileSystem } from "../platform/file-system.ts";
import { type Driver, loadDriver } from "../stores/sqlite/driver.ts";
import { firstDamage } from "../stores/sqlite/integrity.ts";
import { readSchema } from "../stores/sqlite/schema.ts";
import { surveyDatabase } from "../stores/sqlite/sqlite-survey.ts";
import { NO_SQLITE } from "../words/refusals.ts";
import type { AsideAnswer, AsideTask, SalvageTask } from "./aside.ts";

/**
 * This program runs in a process of its own, for one long task on a database. It reads the task from its input and
 * writes one answer to its output. Lines before the answer report progress. After an error, the process ends without an
 * answer.
 */
let text = "";
for await (const piece of process.stdin.setEncoding("utf8")) text += String(piece);
const task = JSON.parse(text) as AsideTask | SalvageTask;
const driver = await loadDriver();
if (driver === null) throw new Error(NO_SQLITE);
const answer = task.what === "salvage" ? await salvaged(task, driver) : lookedAt(task, driver);
process.stdout.write(JSON.stringify(answer));

function lookedAt(task: AsideTask, driver: Driver): AsideAnswer {
  const connection = driver.open(task.source.path, task.source.mode);
  try {
    return task.what === "survey"
      ? { survey: surveyDatabase(connection, readSchema(connection), task.store, true) }
      : { damage: firstDamage(connection, "full") };
  } finally {
    connection.close();
  }
}

async function salvaged({ source, target, dataDir, parent }: SalvageTask, driver: Driver) {
  const { salvage } = await import("../salvage/salvage.ts");
  return salvage({
    ...{ files: nodeFileSystem, driver, source, target, dataDir },
    onProgress: (...told) => {
      // The parent has ended, so another salvage may already write to the same path.
      if (process.ppid !== parent) process.exit(1);
      process.stdout.write(`${JSON.stringify(told)}\n`);
    },
  });
}
