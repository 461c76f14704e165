import { dirname } from "node:path";
import { openersText } from "../../platform/open-files.ts";
import { thisSystem } from "../../platform/this-system.ts";
import { filesOf, type Located } from "../../stores/locate.ts";
import type { Access } from "../../stores/opened-store.ts";
import { loadDriver } from "../../stores/sqlite/driver.ts";
import { DatabaseOpenError, hasOtherConnection, soleUse } from "../../stores/sqlite/sole-use.ts";
import { StoreRefusedError } from "../../stores/writer.ts";
import { npxCommand } from "../../words/commands.ts";

/**
 * The command that a user needs if this tool runs inside opencode. Inside opencode, the plugin cannot see whether a
 * turn is running, or whether a permission or question is open.
 */
const COMMAND = npxCommand("repair", "--only", "unfinished-tool", "--only", "unfinished-turn");

/**
 * Whether it is certain that no other process has a file of these stores open. Then no process can be working on their
 * sessions. If the operating system does not show open files, the answer is always `false`. A running opencode keeps
 * its log or its database open (measured on six versions). Reads only.
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
 * A sentence about another process that may be working on these sessions; `null` if there is none. Each database is
 * also tested with a lock that excludes every other connection. So a process of another user or in a container is
 * noticed too.
 */
export async function inUse(located: Located, access: Access): Promise<string | null> {
  if (access === "beside-host")
    return `This opencode itself may be working on the session. Quit opencode, then run: ${COMMAND}`;
  const { openFiles } = await thisSystem();
  const openers = (await openFiles?.openersBelow(foldersOf(located))) ?? [];
  if (openers.length > 0) {
    return `A session may be in use: ${openersText(openers)} has opencode's data open. Quit that process, then try again.`;
  }
  for (const database of located.databases) {
    const refusal = await refusalOfSoleUse(located, database);
    if (refusal === "open") {
      return "A session may be in use: another process has the database open. Quit opencode, then try again.";
    }
    if (refusal !== null) return `A session may be in use. ${refusal}`;
  }
  return null;
}

function foldersOf({ dataDir, databases }: Located): string[] {
  return [...new Set([dataDir, ...databases.map((database) => dirname(database))])];
}

/** Tries to lock a database against every other connection. Returns the reason if that fails; `null` if it succeeds. */
async function refusalOfSoleUse(located: Located, database: string): Promise<string | null> {
  try {
    const use = await soleUse(filesOf(located), database);
    await use.release();
    return null;
  } catch (error) {
    if (error instanceof DatabaseOpenError) return "open";
    // A database that cannot be opened for another reason is reported later, when the repair writes to it.
    return error instanceof StoreRefusedError ? error.message : null;
  }
}
