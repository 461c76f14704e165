import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { FileSystem } from "../files/file-system.ts";
import { PACKAGE_ROOT } from "../package-files.ts";
import { TOOL } from "../tool-identity.ts";

const LARGEST_CONFIG_BYTES = 1024 * 1024;

/** The entry of the package is a file in a folder of it. */
const DEEPEST_ENTRY = 4;

/**
 * Whether the terminal half of this package offers `/repair` in this process: opencode's terminal UI runs its server in
 * a worker, and lists terminal plugins in `tui.json`. Both halves would be offered side by side, and Enter would take
 * the server's (measured 1.18.33).
 */
export async function terminalHalfAnswers(
  files: FileSystem,
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
  argv: readonly string[] = process.argv,
): Promise<boolean> {
  if (!argv.some((argument) => /tui[\\/]worker\.[jt]s$/.test(argument))) return false;
  for (const path of configPaths(env, directory)) {
    if (await namesThisPackage(files, path)) return true;
  }
  return false;
}

/** Where opencode looks for `tui.json`: the global folder, the variable, and `.opencode/` from the project upwards. */
function configPaths(env: Readonly<Record<string, string | undefined>>, directory: string): string[] {
  const folders = [join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "opencode")];
  if (env.OPENCODE_CONFIG_DIR) folders.push(env.OPENCODE_CONFIG_DIR);
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    folders.push(folder, join(folder, ".opencode"));
    if (dirname(folder) === folder) break;
  }
  const paths = folders.flatMap((folder) => [join(folder, "tui.json"), join(folder, "tui.jsonc")]);
  return env.OPENCODE_TUI_CONFIG ? [env.OPENCODE_TUI_CONFIG, ...paths] : paths;
}

async function namesThisPackage(files: FileSystem, path: string): Promise<boolean> {
  try {
    const bytes = await files.read(path, LARGEST_CONFIG_BYTES);
    if (typeof bytes === "string") return false;
    // Searched as text: the file may hold comments.
    const text = bytes.toString("utf8").replace(/^\s*\/\/.*$/gm, "");
    if (text.includes(TOOL.name)) return true;
    for (const [, entry = ""] of text.matchAll(/"((?:file:|[./~])[^"\n]*)"/g)) {
      if (await isThisPackage(files, entry, dirname(path))) return true;
    }
    return false;
  } catch {
    return false;
  }
}

/** An entry of a configuration may be a path, through whatever links, to this package or to another copy of it. */
async function isThisPackage(files: FileSystem, entry: string, folder: string): Promise<boolean> {
  try {
    const named = entry.startsWith("file:")
      ? fileURLToPath(entry)
      : resolve(folder, entry.replace(/^~(?=\/)/, homedir()));
    let place = await realpath(named);
    for (let level = 0; level < DEEPEST_ENTRY; level += 1, place = dirname(place)) {
      if (place === PACKAGE_ROOT || (await packageName(files, place)) === TOOL.name) return true;
    }
    return false;
  } catch {
    return false;
  }
}

async function packageName(files: FileSystem, folder: string): Promise<unknown> {
  try {
    const bytes = await files.read(join(folder, "package.json"), LARGEST_CONFIG_BYTES);
    return typeof bytes === "string" ? null : (JSON.parse(bytes.toString("utf8")) as { readonly name?: unknown }).name;
  } catch {
    return null;
  }
}
