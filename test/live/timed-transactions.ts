/**
 * A plugin of opencode's for `test:live`, listed before ours: says how long each write transaction of ours takes inside
 * opencode's process, a line of milliseconds each in the file that TIMED_TRANSACTIONS names. Ours are told by their
 * connections: they are opened by a URI, opencode's by a path.
 */
import { Database } from "bun:sqlite";
import { appendFileSync } from "node:fs";

const file = process.env.TIMED_TRANSACTIONS ?? "";
const original = Database.prototype.exec;
const begun = new WeakMap<Database, number>();

function timed(this: Database, ...args: Parameters<Database["exec"]>): ReturnType<Database["exec"]> {
  const changes = original.apply(this, args);
  const [sql] = args;
  const since = begun.get(this);
  if (sql === "begin immediate" && this.filename.startsWith("file:")) begun.set(this, performance.now());
  else if (since !== undefined && (sql === "commit" || sql === "rollback")) {
    begun.delete(this);
    appendFileSync(file, `${performance.now() - since}\n`);
  }
  return changes;
}
Database.prototype.exec = timed as Database["exec"];

export default async () => ({});
