import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The release that is fetched where the machine's own Node is too old to read SQLite and TypeScript. */
const NODE_VERSION = "24.21.0";

const OLDEST_MINOR_OF_22 = 7;

/** Path of a Node that has `node:sqlite` and runs TypeScript: the machine's, else one from npm, kept in `.cache/node`. */
export async function nodeWithSqlite(): Promise<string> {
  const own = await run("node", ["--version"]).catch(() => ({ stdout: "" }));
  const [, major = "0", minor = "0"] = /^v(\d+)\.(\d+)/.exec(own.stdout) ?? [];
  if (Number(major) > 22 || (Number(major) === 22 && Number(minor) >= OLDEST_MINOR_OF_22)) return "node";
  const cached = join(import.meta.dirname, "..", "..", ".cache", "node", NODE_VERSION);
  const binary = join(cached, ...(process.platform === "win32" ? ["bin", "node.exe"] : ["bin", "node"]));
  if (!(await isFile(binary))) await fetchInto(cached, binary);
  return binary;
}

async function fetchInto(cached: string, binary: string): Promise<void> {
  await mkdir(join(cached, ".."), { recursive: true });
  const stage = await mkdtemp(`${cached}-`);
  const platform = process.platform === "win32" ? "win" : process.platform;
  try {
    await run("npm", ["pack", `node-${platform}-${process.arch}@${NODE_VERSION}`, "--silent"], {
      cwd: stage,
      shell: process.platform === "win32",
    });
    const archive = (await readdir(stage)).find((name) => name.endsWith(".tgz"));
    if (archive === undefined) throw new Error("npm pack wrote no archive");
    await run("tar", ["-xzf", archive], { cwd: stage });
    await rename(join(stage, "package"), cached).catch(async (error: unknown) => {
      // Another process may have put its own copy in place meanwhile.
      if (!(await isFile(binary))) throw error;
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
