// Runs in Node for Windows. Holds a file open as SQLite does until it is told to stop. Other processes may read and
// write the file, but not delete it.
import { existsSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const [path, ready, stop] = process.argv.slice(2);
const database = new DatabaseSync(path);
try {
  database.prepare("select count(*) from sqlite_schema").all();
} catch {
  // The file is not a database, but it stays open all the same.
}
writeFileSync(ready, "");
const timer = setInterval(() => {
  if (!existsSync(stop)) return;
  clearInterval(timer);
  database.close();
}, 50);
