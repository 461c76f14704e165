import { execFile } from "node:child_process";
import { mkdtemp, readdir, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { whenThisProcessDies } from "../host/watchdog.ts";
import { madeOnce } from "./made-once.ts";

const run = promisify(execFile);

/** The root folder of this repository. */
export const REPOSITORY = join(import.meta.dirname, "..", "..");

/**
 * The entries of the package. `require.resolve` tells `bun test --changed` that a test with the package depends on
 * `plugin/`.
 */
const DOORS = [
  require.resolve("../../plugin/server.ts"),
  require.resolve("../../plugin/tui.ts"),
  require.resolve("../../plugin/cli.ts"),
  require.resolve("../../plugin/api.ts"),
];

const inRepository = (name: string) => join(REPOSITORY, name);

/** Everything that the build reads. The lock file stands for the installed dependencies. */
export const BUILD_SOURCES = [
  ...DOORS,
  ...["plugin", "scripts/build.ts", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"].map(
    inRepository,
  ),
];

const PACKED_SOURCES = [...BUILD_SOURCES, ...["docs", "README.md", "LICENSE"].map(inRepository)];

let packing: Promise<string> | undefined;

/** Path of the tarball as it would be published. The tarball is only packed again if its sources changed. */
export function packedPackage(): Promise<string> {
  const pack = async (folder: string) => {
    await npm(REPOSITORY, "pack", "--silent", "--pack-destination", folder);
  };
  packing ??= madeOnce("packed", PACKED_SOURCES, pack).then(onlyArchive);
  return packing;
}

/**
 * Packs installed dependencies as the npm registry has them. Returns the paths of the archives in the order of `names`.
 */
export async function packInstalled(names: readonly string[]): Promise<readonly string[]> {
  const target = await scratchDirectory("dependencies");
  const sources = names.map((name) => join(REPOSITORY, "node_modules", name));
  const printed = await npm(target, "pack", ...sources, "--silent", "--ignore-scripts");
  return printed
    .trim()
    .split("\n")
    .map((file) => join(target, file));
}

/** Runs npm and returns its output. */
export async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const windows = process.platform === "win32";
  const { stdout } = await run(windows ? "npm.cmd" : "npm", [...args, "--no-audit", "--no-fund"], {
    cwd,
    shell: windows,
  });
  return stdout;
}

/** Makes a temporary directory that is removed when this process ends. */
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
