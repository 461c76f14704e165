/** A process that opens a database, commits a row whenever it is told, and says what SQLite refused. */
import { Database } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";

const [database = "", losesLock] = process.argv.slice(2);
let connection: Database | null = null;
try {
  connection = new Database(database, { readwrite: true });
  connection.run("pragma journal_mode = wal");
  connection.run("create table if not exists opener (id integer)");
  connection.query("select * from opener").all();
  // Closing any descriptor of the file gives up what POSIX locks this process has on it.
  if (losesLock === "true") closeSync(openSync(database, "r"));
  process.stdout.write("ready");
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
}
for await (const _ of process.stdin) {
  connection?.run("insert into opener values (1)");
  process.stdout.write("done");
}
connection?.close();
