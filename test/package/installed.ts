import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { npm, packedPackage, scratchDirectory } from "./packed.ts";
import type { LoopbackRegistry } from "./registry.ts";

/** The name under which the package is installed. */
export const PACKAGE_NAME = "opencode-session-repair";

/** The packed package in a new project, installed by npm. */
export interface InstalledPackage {
  /** The directory of the project. */
  readonly app: string;
  /** The directory of the package in the project. */
  readonly directory: string;
  readonly version: string;
}

export async function installPackage(registry: LoopbackRegistry): Promise<InstalledPackage> {
  const app = await scratchDirectory("app");
  // Without a package.json here, npm would install into the nearest parent directory that has one.
  await writeFile(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await npm(app, "install", await packedPackage(), "--registry", registry.url, "--ignore-scripts");
  const directory = join(app, "node_modules", PACKAGE_NAME);
  const { version } = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as { version: string };
  return { app, directory, version };
}
