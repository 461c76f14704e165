import { Database } from "bun:sqlite";
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type HostVersion, isJsonHost, minorOf } from "../host/binary.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

/** A store of a real host, changed as if that host had run on Windows. */
export interface WindowsStore extends RealStore {
  /** The folder of the sessions, written with `\`. */
  readonly folder: string;
}

/**
 * Rewrites every folder in a host's store to a folder of Windows. 1.17 and newer write `C:/…` in the columns of
 * sessions and projects (read in opencode-windows-x64 1.18.32). All other places and versions have `C:\…`.
 */
export async function windowsStore(version: HostVersion, folder: string): Promise<WindowsStore> {
  const store = await realStore(version);
  if (isJsonHost(version)) await rewriteFiles(join(store.dataDir, "storage"), store.project, folder);
  else rewriteDatabase(join(store.dataDir, "opencode.db"), store.project, folder, minorOf(version) >= 17);
  return { ...store, folder };
}

async function rewriteFiles(below: string, from: string, to: string): Promise<void> {
  for (const entry of await readdir(below, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, "utf8");
    if (!text.includes(from)) continue;
    const { atime, mtime } = await stat(path);
    await writeFile(path, text.replaceAll(from, inJSON(to)));
    await utimes(path, atime, mtime);
  }
}

function inJSON(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function rewriteDatabase(path: string, from: string, to: string, keepsSlashes: boolean): void {
  using database = new Database(path);
  database.run("pragma foreign_keys = off");
  const tables = database.query("select name from sqlite_master where type = 'table'").all() as { name: string }[];
  const slashed = keepsSlashes ? to.replaceAll("\\", "/") : to;
  database.transaction(() => {
    for (const { name } of tables) {
      const columns = database.query(`pragma table_info("${name}")`).all() as { name: string }[];
      for (const { name: column } of columns) {
        const isPath = ["directory", "worktree", "sandboxes"].includes(column);
        const [plain, json] = isPath ? [slashed, inJSON(slashed)] : [to, inJSON(to)];
        database.run(
          `update "${name}" set "${column}" = replace("${column}", ?1, case when json_valid("${column}") then ?2 else ?3 end)
           where typeof("${column}") = 'text' and instr("${column}", ?1) > 0`,
          [from, json, plain],
        );
      }
    }
  })();
}
