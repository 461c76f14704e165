/** Keeps a database open in another process, as a running opencode does. */
import { Database } from "bun:sqlite";
import { join } from "node:path";

export interface Holder {
  stop(): Promise<void>;
}

/**
 * Starts a process that opens the database and runs the statements. The process keeps the database open until it is
 * stopped.
 */
export async function holdDatabase(database: string, ...statements: string[]): Promise<Holder> {
  const script = join(import.meta.dirname, "database-holder.ts");
  const child = Bun.spawn([process.execPath, script, database, ...statements], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  if (Buffer.from(value ?? []).toString() !== "ready") throw new Error("The holder did not open the database.");
  return {
    async stop() {
      child.stdin.end();
      await child.exited;
    },
  };
}

if (import.meta.main) {
  const [database = "", ...statements] = process.argv.slice(2);
  const connection = new Database(database, { readwrite: true });
  for (const statement of statements) connection.query(statement).all();
  process.stdout.write("ready");
  for await (const _ of process.stdin);
  connection.close();
}
