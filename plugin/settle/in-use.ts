import { dirname } from "node:path";
import { openersBelow, openersText } from "../files/openers.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/open.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { sqliteFailure } from "../stores/sqlite/sqlite-error.ts";

/** From inside opencode nothing tells that no turn runs and no permission or question waits. */
const COMMAND = "npx opencode-session-repair repair --only unfinished-tool --only unfinished-turn";

/**
 * Whether it is certain that no other process has anything of these stores open, so that nobody works on any of their
 * sessions. Only Linux tells; elsewhere it is never certain. opencode of every line keeps its log or its database open
 * (measured on six hosts). Reads only.
 */
export async function isLeftAlone(located: Located): Promise<boolean> {
  if (process.platform !== "linux") return false;
  return (await openersBelow(foldersOf(located))).length === 0;
}

/**
 * Why a session of these stores may be in somebody's hands, as a sentence; `null`: it is not. Asks the databases too, by
 * a lock that cannot be had beside another connection, which other users and containers cannot hide from.
 */
export async function inUse(located: Located, access: Access): Promise<string | null> {
  if (access === "beside-host") return `This opencode itself may be working on the session. Quit it, then: ${COMMAND}`;
  const openers = await openersBelow(foldersOf(located));
  if (openers.length > 0) {
    return `A session may be in use: ${openersText(openers)} has opencode's data open. Quit it, then try again.`;
  }
  for (const database of located.databases) {
    if (await isOpenElsewhere(database)) {
      return "A session may be in use: another process has the database open. Quit opencode, then try again.";
    }
  }
  return null;
}

function foldersOf({ dataDir, databases }: Located): string[] {
  return [...new Set([dataDir, ...databases.map((database) => dirname(database))])];
}

/** In WAL mode every connection holds a shared lock on the database; exclusive mode is refused beside it. */
async function isOpenElsewhere(database: string): Promise<boolean> {
  const driver = await loadDriver();
  if (driver === null) return true;
  try {
    const connection = driver.open(database, "write");
    try {
      connection.exec("pragma busy_timeout = 0");
      connection.exec("pragma locking_mode = exclusive");
      connection.exec("begin immediate");
      connection.exec("rollback");
      return false;
    } finally {
      connection.close();
    }
  } catch (error) {
    // What else keeps it from being opened is for the writer to say.
    return sqliteFailure(error) === "busy";
  }
}
