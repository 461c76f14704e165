// Runs in Node for Windows: holds a file open as SQLite does, shared for reading and writing and not for deleting, until
// it is told to stop.
import { existsSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const [path, ready, stop] = process.argv.slice(2);
const database = new DatabaseSync(path);
try {
  database.prepare("select count(*) from sqlite_schema").all();
} catch {
  // It is not a database: the file is open all the same.
}
writeFileSync(ready, "");
const timer = setInterval(() => {
  if (!existsSync(stop)) return;
  clearInterval(timer);
  database.close();
}, 50);
