import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { nodeRelease } from "./node-release.ts";

/** The release that is fetched where the machine's own Node is too old to read SQLite and TypeScript. */
const NODE_VERSION = "24.21.0";

const OLDEST_MINOR_OF_22 = 7;

/** Path of a Node that has `node:sqlite` and runs TypeScript: the machine's, else one from npm. */
export async function nodeWithSqlite(): Promise<string> {
  const own = await promisify(execFile)("node", ["--version"]).catch(() => ({ stdout: "" }));
  const [, major = "0", minor = "0"] = /^v(\d+)\.(\d+)/.exec(own.stdout) ?? [];
  if (Number(major) > 22 || (Number(major) === 22 && Number(minor) >= OLDEST_MINOR_OF_22)) return "node";
  return nodeRelease(NODE_VERSION);
}
