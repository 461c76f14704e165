import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { whenThisProcessDies } from "../host/watchdog.ts";
import { REPOSITORY } from "./packed.ts";

let building: Promise<string> | undefined;

/**
 * Folder of the package as it is published (`server.js`, `tui.js`, `cli.js`), built once for each test file. The files of one run
 * share a process: a folder named after it would be removed by the watchdog of the file before.
 */
export function builtPackage(): Promise<string> {
  building ??= build();
  return building;
}

async function build(): Promise<string> {
  const parent = join(REPOSITORY, ".cache", "built");
  await mkdir(parent, { recursive: true });
  const root = await mkdtemp(join(parent, "package-"));
  whenThisProcessDies('rm -rf -- "$1"', root);
  await copyFile(join(REPOSITORY, "package.json"), join(root, "package.json"));
  const dist = join(root, "dist");
  await promisify(execFile)(process.execPath, [join(REPOSITORY, "scripts", "build.ts"), dist], { cwd: REPOSITORY });
  return dist;
}
