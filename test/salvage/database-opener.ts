/**
 * A process that opens a database and commits a row each time it is told. It also prints what SQLite refused. `how` can
 * be `loses-lock`, `journal` (without a WAL) or `reads`.
 */
import { Database } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";

const [database = "", how] = process.argv.slice(2);
let connection: Database | null = null;
try {
  if (how === "reads") {
    connection = new Database(database, { readonly: true });
    connection.query("select count(*) from sqlite_schema").all();
  } else {
    connection = new Database(database, { readwrite: true });
    connection.run(`pragma journal_mode = ${how === "journal" ? "delete" : "wal"}`);
    connection.run("create table if not exists opener (id integer)");
    connection.query("select * from opener").all();
  }
  // If a process closes any descriptor of a file, it loses all its POSIX locks on that file.
  if (how === "loses-lock") closeSync(openSync(database, "r"));
  process.stdout.write("ready");
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
}
for await (const _ of process.stdin) {
  try {
    connection?.run("insert into opener values (1)");
    process.stdout.write("done");
  } catch (error) {
    process.stdout.write(String((error as { code?: unknown }).code));
  }
}
connection?.close();
