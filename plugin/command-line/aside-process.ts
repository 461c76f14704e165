import { loadDriver } from "../stores/sqlite/driver.ts";
import { firstDamage } from "../stores/sqlite/integrity.ts";
import { readSchema } from "../stores/sqlite/schema.ts";
import { surveyDatabase } from "../stores/sqlite/sqlite-survey.ts";
import type { AsideAnswer, AsideTask } from "./aside.ts";

/** The body of the other process: one task on its input, one answer on its output. Any error ends it without one. */
let text = "";
for await (const piece of process.stdin.setEncoding("utf8")) text += String(piece);
const task = JSON.parse(text) as AsideTask;
const driver = await loadDriver();
if (driver === null) throw new Error("This runtime has no SQLite.");
const connection = driver.open(task.source.path, task.source.mode);
const answer: AsideAnswer =
  task.what === "survey"
    ? { survey: surveyDatabase(connection, readSchema(connection), task.store, true) }
    : { damage: firstDamage(connection, "full") };
connection.close();
process.stdout.write(JSON.stringify(answer));
