import { execFile } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { whenThisProcessDies } from "../host/watchdog.ts";
import { REPOSITORY } from "./packed.ts";

let building: Promise<string> | undefined;

/** Folder of the compiled package (`server.js`, `tui.js`, `cli.js`), built once for each test process. */
export function builtPackage(): Promise<string> {
  building ??= build(join(REPOSITORY, ".cache", "built", String(process.pid)));
  return building;
}

async function build(root: string): Promise<string> {
  await mkdir(root, { recursive: true });
  whenThisProcessDies('rm -rf -- "$1"', root);
  await copyFile(join(REPOSITORY, "package.json"), join(root, "package.json"));
  const compiler = join(REPOSITORY, "node_modules", ".bin", "tsc");
  const dist = join(root, "dist");
  await promisify(execFile)(compiler, ["-p", join(REPOSITORY, "tsconfig.build.json"), "--outDir", dist]);
  return dist;
}
