import { dirname } from "node:path";
import { openersText } from "../../platform/open-files.ts";
import { thisSystem } from "../../platform/this-system.ts";
import { filesOf, type Located } from "../../stores/locate.ts";
import type { Access } from "../../stores/opened-store.ts";
import { loadDriver } from "../../stores/sqlite/driver.ts";
import { hasOtherConnection, soleUse } from "../../stores/sqlite/sole-use.ts";
import { StoreRefusedError } from "../../stores/writer.ts";

/** From inside opencode nothing tells that no turn runs and no permission or question waits. */
const COMMAND = "npx opencode-session-repair repair --only unfinished-tool --only unfinished-turn";

/**
 * Whether it is certain that no other process has anything of these stores open, so that nobody works on any of their
 * sessions. Where the system does not tell, it is never certain. opencode of every line keeps its log or its database open
 * (measured on six hosts). Reads only.
 */
export async function isLeftAlone(located: Located): Promise<boolean> {
  const { openFiles } = await thisSystem();
  if (openFiles === null || (await openFiles.openersBelow(foldersOf(located))).length > 0) return false;
  const driver = located.databases.length === 0 ? null : await loadDriver();
  if (driver === null) return located.databases.length === 0;
  for (const database of located.databases) {
    if (await hasOtherConnection(filesOf(located), driver, database)) return false;
  }
  return true;
}

/**
 * Why a session of these stores may be in somebody's hands, as a sentence; `null`: it is not. Asks the databases too, by
 * a lock that cannot be had beside another connection, which other users and containers cannot hide from.
 */
export async function inUse(located: Located, access: Access): Promise<string | null> {
  if (access === "beside-host") return `This opencode itself may be working on the session. Quit it, then: ${COMMAND}`;
  const { openFiles } = await thisSystem();
  const openers = (await openFiles?.openersBelow(foldersOf(located))) ?? [];
  if (openers.length > 0) {
    return `A session may be in use: ${openersText(openers)} has opencode's data open. Quit it, then try again.`;
  }
  for (const database of located.databases) {
    if (await isOpenElsewhere(located, database)) {
      return "A session may be in use: another process has the database open. Quit opencode, then try again.";
    }
  }
  return null;
}

function foldersOf({ dataDir, databases }: Located): string[] {
  return [...new Set([dataDir, ...databases.map((database) => dirname(database))])];
}

/** Asked by a lock that cannot be had beside another connection. */
async function isOpenElsewhere(located: Located, database: string): Promise<boolean> {
  try {
    const use = await soleUse(filesOf(located), database);
    await use.release();
    return false;
  } catch (error) {
    // What else keeps it from being opened is for the writer to say.
    return error instanceof StoreRefusedError;
  }
}
