import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { nodeRelease } from "./node-release.ts";

/** The release to fetch if the machine's own Node is too old to read SQLite or to run TypeScript. */
const NODE_VERSION = "24.21.0";

const OLDEST_MINOR_OF_22 = 7;

/**
 * The path of a Node that has `node:sqlite` and runs TypeScript. If the machine's own Node is too old, one from npm is
 * used.
 */
export async function nodeWithSqlite(): Promise<string> {
  const own = await promisify(execFile)("node", ["--version"]).catch(() => ({ stdout: "" }));
  const [, major = "0", minor = "0"] = /^v(\d+)\.(\d+)/.exec(own.stdout) ?? [];
  if (Number(major) > 22 || (Number(major) === 22 && Number(minor) >= OLDEST_MINOR_OF_22)) return "node";
  return nodeRelease(NODE_VERSION);
}
