import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "./binary.ts";

/**
 * Makes a config directory look as if opencode had already installed `@opencode-ai/plugin` there. Otherwise opencode
 * installs it from the registry before its first answer. From 1.1 on, it is enough that `node_modules` exists, and that
 * package.json (from 1.14 on package-lock.json) names the package. 1.0.152 always runs `bun add` and ignores its
 * failure, so an invalid package.json makes it fail at once.
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
