import { execFile } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { madeOnce } from "./made-once.ts";
import { BUILD_SOURCES, REPOSITORY } from "./packed.ts";

let building: Promise<string> | undefined;

/**
 * Folder of the package as it is published (`server.js`, `tui.js`, `cli.js`). The package is built only if its sources
 * changed since the last build.
 */
export function builtPackage(): Promise<string> {
  building ??= madeOnce("built", BUILD_SOURCES, build).then((folder) => join(folder, "dist"));
  return building;
}

async function build(folder: string): Promise<void> {
  await copyFile(join(REPOSITORY, "package.json"), join(folder, "package.json"));
  const script = join(REPOSITORY, "scripts", "build.ts");
  await promisify(execFile)(process.execPath, [script, join(folder, "dist")], { cwd: REPOSITORY });
}
