import { execFile } from "node:child_process";
import { mkdtemp, readdir, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { whenThisProcessDies } from "../host/watchdog.ts";
import { madeOnce } from "./made-once.ts";

const run = promisify(execFile);

/** This repository. */
export const REPOSITORY = join(import.meta.dirname, "..", "..");

/** The doors. Resolved rather than joined: `bun test --changed` then runs what uses the package when `plugin/` changes. */
const DOORS = [
  require.resolve("../../plugin/server.ts"),
  require.resolve("../../plugin/tui.ts"),
  require.resolve("../../plugin/cli.ts"),
  require.resolve("../../plugin/api.ts"),
];

const inRepository = (name: string) => join(REPOSITORY, name);

/** What the build reads, other dependencies than those of the lock file apart. */
export const BUILD_SOURCES = [
  ...DOORS,
  ...["plugin", "scripts/build.ts", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"].map(
    inRepository,
  ),
];

const PACKED_SOURCES = [...BUILD_SOURCES, ...["docs", "README.md", "LICENSE"].map(inRepository)];

let packing: Promise<string> | undefined;

/** Path of the package as it would be published: built from the sources, once for each content of what goes into it. */
export function packedPackage(): Promise<string> {
  const pack = async (folder: string) => {
    await npm(REPOSITORY, "pack", "--silent", "--pack-destination", folder);
  };
  packing ??= madeOnce("packed", PACKED_SOURCES, pack).then(onlyArchive);
  return packing;
}

/** Packs installed dependencies as the registry has them. Returns the archives' paths in the order of the names. */
export async function packInstalled(names: readonly string[]): Promise<readonly string[]> {
  const target = await scratchDirectory("dependencies");
  const sources = names.map((name) => join(REPOSITORY, "node_modules", name));
  const printed = await npm(target, "pack", ...sources, "--silent", "--ignore-scripts");
  return printed
    .trim()
    .split("\n")
    .map((file) => join(target, file));
}

/** Runs npm and returns what it printed. Nothing of the user's own npm configuration but its cache has a say. */
export async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const windows = process.platform === "win32";
  const { stdout } = await run(windows ? "npm.cmd" : "npm", [...args, "--no-audit", "--no-fund"], {
    cwd,
    shell: windows,
  });
  return stdout;
}

/** A temporary directory that goes when this process does. */
export async function scratchDirectory(purpose: string): Promise<string> {
  const path = await mkdtemp(join(await realpath(tmpdir()), `opencode-session-repair-${purpose}-`));
  whenThisProcessDies('rm -rf -- "$1"', path);
  return path;
}

async function onlyArchive(directory: string): Promise<string> {
  const archive = (await readdir(directory)).find((name) => name.endsWith(".tgz"));
  if (!archive) throw new Error(`npm pack left no archive in ${basename(directory)}`);
  return join(directory, archive);
}
