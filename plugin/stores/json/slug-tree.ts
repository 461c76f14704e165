import { join, sep } from "node:path";
import type { FileSystem } from "../../platform/file-system.ts";
import { isFields, parseDocument, textIn } from "../conversation.ts";
import { STORAGE } from "./layout.ts";

/**
 * opencode 0.x kept one tree of folders for each project: `project/<slug>/storage/session/{info,message,part,share}`.
 * This module shows such a tree as if it were the single tree of opencode 1.0. The documents are the same, only the
 * folders differ, as in opencode's own migration (read in 0.5.29 and 1.0.152).
 */
export interface SlugTree {
  /** The path that `files` shows as a data directory of opencode 1.0. */
  readonly root: string;
  readonly files: FileSystem;
}

/**
 * The project that opencode uses for folders without a project of their own. When opencode is started in the folder of
 * a session, opencode moves the session to the right project.
 */
const PROJECT = "global";

const PROJECTS = "project";

/** The trees of opencode 0.x in a data directory that contain at least one session. */
export async function findSlugTrees(files: FileSystem, dataDir: string): Promise<SlugTree[]> {
  const trees: SlugTree[] = [];
  for (const { name, type } of (await files.list(join(dataDir, PROJECTS))) ?? []) {
    if (type !== "directory") continue;
    const root = join(dataDir, PROJECTS, name);
    const sessions = (await files.list(join(root, STORAGE, "session", "info"))) ?? [];
    if (sessions.some((entry) => entry.name.endsWith(".json"))) trees.push({ root, files: await shown(files, root) });
  }
  return trees;
}

async function shown(files: FileSystem, root: string): Promise<FileSystem> {
  const storage = join(root, STORAGE);
  const folder = (await worktreeOf(files, storage)) ?? "/";
  const sessionOf = new Map<string, string>();
  for (const session of (await files.list(join(storage, "session", "part"))) ?? []) {
    for (const { name } of (await files.list(join(storage, "session", "part", session.name))) ?? []) {
      sessionOf.set(name, session.name);
    }
  }
  /** The real file for a path in the tree of opencode 1.0; `null` if there is no such file. */
  const place = (path: string): string | null => {
    if (!path.startsWith(storage + sep)) return null;
    const [kind = "", ...rest] = path.slice(storage.length + 1).split(sep);
    if (kind === "session") return rest[0] === PROJECT ? join(storage, "session", "info", ...rest.slice(1)) : null;
    if (kind === "message") return join(storage, "session", "message", ...rest);
    if (kind === "session_share") return join(storage, "session", "share", ...rest);
    const session = sessionOf.get(rest[0] ?? "");
    return kind === "part" && session !== undefined ? join(storage, "session", "part", session, ...rest) : null;
  };
  const project = join(storage, PROJECTS, `${PROJECT}.json`);
  const isSession = (path: string) => path.startsWith(join(storage, "session", PROJECT) + sep);
  return {
    ...files,
    async list(path) {
      if (path === join(storage, "session")) return [{ name: PROJECT, type: "directory" }];
      const real = place(path);
      return real === null ? null : files.list(real);
    },
    async stat(path) {
      const real = path === project ? storage : place(path);
      const found = real === null ? null : await files.stat(real);
      return path === project && found !== null ? { ...found, type: "file" } : found;
    },
    async read(path, largest) {
      if (path === project) return Buffer.from(JSON.stringify({ id: PROJECT, worktree: folder }));
      const real = place(path);
      const bytes = real === null ? "absent" : await files.read(real, largest);
      if (typeof bytes === "string" || !isSession(path)) return bytes;
      // Sessions of 0.x do not name their project and folder, so both are added.
      const parsed = parseDocument({ bytes, storage: "file" });
      if (!parsed.ok || !isFields(parsed.value)) return bytes;
      return Buffer.from(JSON.stringify({ directory: folder, ...parsed.value, projectID: PROJECT }));
    },
  };
}

/**
 * The folder of the project. It is read from the first answer that names a folder, as opencode's own migration does.
 */
async function worktreeOf(files: FileSystem, storage: string): Promise<string | null> {
  const messages = join(storage, "session", "message");
  for (const session of (await files.list(messages)) ?? []) {
    for (const { name } of (await files.list(join(messages, session.name))) ?? []) {
      const bytes = await files.read(join(messages, session.name, name), LARGEST_MESSAGE);
      const parsed = typeof bytes === "string" ? null : parseDocument({ bytes, storage: "file" });
      const folder = parsed?.ok === true && isFields(parsed.value) ? textIn(parsed.value, "path", "root") : null;
      if (folder !== null && folder !== "/") return folder;
    }
  }
  return null;
}

const LARGEST_MESSAGE = 16 * 1024 * 1024;
