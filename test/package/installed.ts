import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { npm, packedPackage, scratchDirectory } from "./packed.ts";
import type { LoopbackRegistry } from "./registry.ts";

/** The name under which the package is installed. */
export const PACKAGE_NAME = "opencode-session-repair";

/** The packed package in a project of its own, as npm installs it. */
export interface InstalledPackage {
  /** The project's directory. */
  readonly app: string;
  /** The package's directory in it. */
  readonly directory: string;
  readonly version: string;
}

export async function installPackage(registry: LoopbackRegistry): Promise<InstalledPackage> {
  const app = await scratchDirectory("app");
  // Without one npm would install into whichever parent directory has a package.json.
  await writeFile(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await npm(app, "install", await packedPackage(), "--registry", registry.url, "--ignore-scripts");
  const directory = join(app, "node_modules", PACKAGE_NAME);
  const { version } = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as { version: string };
  return { app, directory, version };
}
