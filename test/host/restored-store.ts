import { existsSync } from "node:fs";
import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { openDatabase } from "./record-place.ts";
import { type RealStore, writtenStore } from "./stored-fixture.ts";

/** Files that opencode keeps open, or that it writes all the time. */
const KEPT = /^(opencode\.db(-wal|-shm)?|log|bin)$/;

/**
 * Restores a store, with its quarantine folder, to the state in which opencode first wrote it. opencode may be running,
 * but must have left the project. It keeps its database open, so all rows are replaced in one transaction.
 */
export async function restoreStore(store: RealStore): Promise<void> {
  const { dataDir } = store;
  const written = writtenStore(store.home.version);
  for (const name of await readdir(dataDir)) {
    if (!KEPT.test(name)) await rm(join(dataDir, name), { recursive: true, force: true });
  }
  const isKept = (source: string) => KEPT.test(source.slice(written.length + 1));
  await cp(written, dataDir, { recursive: true, preserveTimestamps: true, filter: (source) => !isKept(source) });
  if (existsSync(join(written, "opencode.db"))) restoreRows(dataDir, await firstRows(store, written));
}

async function firstRows(store: RealStore, written: string): Promise<string> {
  // The cached database is copied first, because a reader would leave files beside it.
  const first = join(store.home.root, "first");
  if (!existsSync(first)) {
    await cp(written, first, {
      recursive: true,
      filter: (source) => source === written || /\.db(-wal)?$/.test(source),
    });
  }
  return join(first, "opencode.db");
}

/** Replaces all rows of a database by those of another database with the same tables. */
export function restoreRows(dataDir: string, first: string): void {
  using database = openDatabase({ dataDir });
  database.run("pragma foreign_keys = off");
  database.run("attach ? as first", [first]);
  const tables = database
    .query<{ name: string }, []>(
      "select name from first.sqlite_master where type = 'table' and name not like 'sqlite_%'",
    )
    .all();
  database.transaction(() => {
    for (const { name } of tables) {
      database.run(`delete from main."${name}"`);
      database.run(`insert into main."${name}" select * from first."${name}"`);
    }
  })();
}
