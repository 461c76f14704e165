/**
 * A plugin for opencode, which `test:live` lists before this project's plugin. It measures each write transaction of
 * this project's plugin inside opencode's process. It appends each duration, in milliseconds, as a line to the file
 * that TIMED_TRANSACTIONS names. It measures only databases that were opened by a URI, because opencode opens its own
 * by a path.
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
