import { join } from "node:path";
import type { FileSystem } from "../../platform/file-system.ts";
import { isFields, textIn } from "../conversation.ts";
import { STORAGE } from "./layout.ts";

/** What the newest readable sessions in JSON files show about the opencode that wrote them. */
export interface NewestSessions {
  /** The version that wrote the newest of these sessions. */
  readonly version: string | null;
  /** The folders of these sessions, the newest first. */
  readonly folders: readonly string[];
}

/** The largest number of sessions that are read. */
const MOST_ASKED = 20;

/** Reads the newest sessions in JSON files. Unreadable sessions are skipped. */
export async function newestSessions(files: FileSystem, dataDir: string): Promise<NewestSessions> {
  const root = join(dataDir, STORAGE, "session");
  const found: { path: string; mtimeMs: number }[] = [];
  for (const project of (await files.list(root).catch(() => null)) ?? []) {
    if (project.type === "file") continue;
    for (const entry of (await files.list(join(root, project.name)).catch(() => null)) ?? []) {
      const path = join(root, project.name, entry.name);
      const stat = entry.type === "file" && entry.name.endsWith(".json") ? await files.stat(path) : null;
      if (stat !== null) found.push({ path, mtimeMs: stat.mtimeMs });
    }
  }
  let version: string | null = null;
  const folders: string[] = [];
  for (const { path } of found.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(0, MOST_ASKED)) {
    const record = await recordIn(files, path);
    const directory = textIn(record, "directory");
    const own = textIn(record, "version");
    if (directory !== null) folders.push(directory);
    if (version === null && own !== null && /^\d+\.\d+\.\d+/.test(own)) version = own;
    if (version !== null && folders.length > 0) break;
  }
  return { version, folders };
}

async function recordIn(files: FileSystem, path: string): Promise<unknown> {
  try {
    const bytes = await files.read(path, 1024 * 1024);
    const value: unknown = typeof bytes === "string" ? null : JSON.parse(bytes.toString("utf8"));
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}
