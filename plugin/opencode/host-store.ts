import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { STORAGE } from "../stores/json/layout.ts";
import type { Located } from "../stores/locate.ts";

async function lastWrite(files: FileSystem, ...paths: string[]): Promise<number> {
  const times = await Promise.all(paths.map(async (path) => (await files.stat(path))?.mtimeMs ?? 0));
  return Math.max(0, ...times);
}

/**
 * Finds the store of the running opencode, if a data directory has several databases, or a database and JSON files.
 * opencode writes its project record before it starts plugins. So the store that was written last is the store of this
 * opencode (measured 1.0.152 to 1.18.33).
 */
export async function storesOfHost(files: FileSystem, located: Located, projectID: string | null): Promise<Located> {
  const candidates: { located: Located; written: number }[] = [];
  for (const database of located.databases) {
    const written = await lastWrite(files, database, `${database}-wal`, `${database}-shm`);
    candidates.push({ located: { ...located, databases: [database], json: diffsOnly(located) }, written });
  }
  if (located.json === "records") {
    const projects = join(located.dataDir, STORAGE, "project");
    // If the project is unknown, the change times of two folders are used: the folder of the project records, and the
    // folder that contains the session lists.
    const records =
      projectID === null
        ? [projects, join(located.dataDir, STORAGE, "session")]
        : [join(projects, `${projectID}.json`)];
    const written = await lastWrite(files, ...records);
    candidates.push({ located: { ...located, databases: [] }, written });
  }
  candidates.sort((a, b) => b.written - a.written);
  return candidates[0]?.located ?? located;
}

function diffsOnly(located: Located): Located["json"] {
  return located.json === "none" ? "none" : "diffs";
}
