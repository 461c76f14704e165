import { join } from "node:path";
import type { FileSystem } from "../../platform/file-system.ts";
import { STORAGE } from "./layout.ts";

/** The opencode version that created the newest readable session of a JSON store, or `null`. */
export async function newestSessionVersion(files: FileSystem, dataDir: string): Promise<string | null> {
  const root = join(dataDir, STORAGE, "session");
  let newest: { path: string; mtimeMs: number }[] = [];
  for (const project of (await files.list(root).catch(() => null)) ?? []) {
    if (project.type !== "directory") continue;
    for (const entry of (await files.list(join(root, project.name)).catch(() => null)) ?? []) {
      const path = join(root, project.name, entry.name);
      const found = entry.type === "file" && entry.name.endsWith(".json") ? await files.stat(path) : null;
      if (found !== null) newest.push({ path, mtimeMs: found.mtimeMs });
    }
  }
  newest = newest.sort((a, b) => b.mtimeMs - a.mtimeMs).slice(0, 20);
  for (const { path } of newest) {
    const version = await versionIn(files, path);
    if (version !== null) return version;
  }
  return null;
}

async function versionIn(files: FileSystem, path: string): Promise<string | null> {
  try {
    const bytes = await files.read(path, 1024 * 1024);
    if (typeof bytes === "string") return null;
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    const version = typeof value === "object" && value !== null && "version" in value ? value.version : null;
    return typeof version === "string" && /^\d+\.\d+\.\d+/.test(version) ? version : null;
  } catch {
    return null;
  }
}
