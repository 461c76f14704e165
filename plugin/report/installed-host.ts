import { delimiter, join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { outputOf, programNames } from "../platform/programs.ts";
import { makeTemporaryFolder } from "../platform/temporary-folder.ts";
import { homeIn } from "../stores/locate.ts";

const TIMEOUT_MS = 15_000;

/** The form of a version that was released. The versions of private builds have another form, and are not reported. */
export const RELEASE = /^\d{1,4}\.\d{1,4}\.\d{1,6}$/;

/** Environment variables without which Windows cannot start a program, or cannot start a `.cmd` file. */
const NEEDED_BY_WINDOWS = ["SystemRoot", "ComSpec", "PATHEXT", "TEMP", "TMP"];

/**
 * The version of the opencode that this user would start; `null` if it cannot be found. To print its version, opencode
 * runs with an empty home folder, because opencode creates folders whenever it runs.
 */
export async function installedHostVersion(
  files: FileSystem,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const binary = await findBinary(files, env);
  if (binary === null) return null;
  const { path: home, remove } = await makeTemporaryFolder();
  try {
    const folders = ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"];
    const isolated = Object.fromEntries(folders.map((name) => [name, join(home, name)]));
    const needed = Object.fromEntries(NEEDED_BY_WINDOWS.map((name) => [name, env[name]]));
    const { status, output } = await outputOf(binary, ["--version"], {
      timeoutMs: TIMEOUT_MS,
      folder: home,
      environment: {
        ...{ ...needed, ...isolated },
        ...{ PATH: env.PATH ?? "", HOME: home, USERPROFILE: home, OPENCODE_DISABLE_AUTOUPDATE: "1" },
      },
    });
    const version = output.trim();
    return status === 0 && RELEASE.test(version) ? version : null;
  } finally {
    remove();
  }
}

async function findBinary(
  files: FileSystem,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  folders.push(join(homeIn(env), ".opencode", "bin"));
  for (const path of folders.flatMap((folder) => programNames("opencode").map((name) => join(folder, name)))) {
    const found = await files.stat(path).catch(() => null);
    if (found?.type === "file" || found?.type === "symlink") return path;
  }
  return null;
}
