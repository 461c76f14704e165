import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "./binary.ts";

/**
 * Makes a config directory look as if opencode had installed `@opencode-ai/plugin` there. A fresh one makes it do so
 * from the registry before the first answer. From 1.1 it does not when `node_modules` exists and package.json (from
 * 1.14 package-lock.json) names that dependency. 1.0.152 always runs `bun add` and ignores its failure: a package.json
 * that does not parse makes it fail at once.
 */
export async function markInstalled(configDir: string, version: HostVersion): Promise<void> {
  await mkdir(join(configDir, "node_modules"), { recursive: true });
  const dependencies = { "@opencode-ai/plugin": version };
  const manifest = version.startsWith("1.0.") ? "not to be installed" : JSON.stringify({ dependencies });
  await writeFile(join(configDir, "package.json"), manifest);
  const lock = { lockfileVersion: 3, requires: true, packages: { "": { dependencies } } };
  await writeFile(join(configDir, "package-lock.json"), JSON.stringify(lock));
  await writeFile(join(configDir, ".gitignore"), "node_modules\npackage.json\nbun.lock\n.gitignore\n");
}
