import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseWithComments, readConfigText } from "../configuration/config-file.ts";
import { findOptions, readSettings } from "../configuration/options.ts";
import { belongingOf, type PluginEntry, pluginEntries } from "../configuration/package-entry.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { homeIn } from "../stores/locate.ts";
import { TOOL } from "../tool-identity.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** How this plugin is installed: its entries in opencode's configuration files, and its versions on this machine. */
export interface Installation {
  /** The entries in opencode.json, which load the plugin into opencode's server. */
  readonly server: readonly PluginEntry[];
  /** The entries in tui.json, which load the plugin into opencode's terminal UI. */
  readonly terminal: readonly PluginEntry[];
  /** The paths of configuration files that cannot be read. */
  readonly unreadable: readonly string[];
  /** One sentence for each option that is unknown or wrong. */
  readonly warnings: readonly string[];
  /** The versions of this plugin that opencode has downloaded, or that are in the folders named by the entries. */
  readonly versions: readonly string[];
}

/** Reads the configuration files that opencode would read if it were started in `folder`. Changes nothing. */
export async function findInstallation(files: FileSystem, env: Environment, folder: string): Promise<Installation> {
  const folders = await configFolders(files, env, folder);
  const unreadable: string[] = [];
  const read = (paths: readonly string[]) => entriesIn(files, paths, folders, unreadable);
  const extra = (path: string | undefined) => (path ? [resolve(path)] : []);
  const named = (names: readonly string[]) => folders.flatMap((each) => names.map((name) => join(each, name)));
  const server = await read([
    ...named(["opencode.json", "opencode.jsonc", "config.json"]),
    ...extra(env.OPENCODE_CONFIG),
  ]);
  const terminal = await read([...named(["tui.json", "tui.jsonc"]), ...extra(env.OPENCODE_TUI_CONFIG)]);
  const entries = [...server, ...terminal];
  const warnings = new Set<string>();
  for (const { options } of entries.length === 0 ? [] : entries) {
    for (const warning of readSettings(await findOptions(options, files, env)).warnings) warnings.add(warning);
  }
  const versions = await installedVersions(files, env, entries, folders);
  return { server, terminal, unreadable, warnings: [...warnings], versions };
}

/** The folders in which opencode looks for configuration files. The user's own folders come first. */
async function configFolders(files: FileSystem, env: Environment, folder: string): Promise<string[]> {
  const home = homeIn(env);
  const folders = [join(env.XDG_CONFIG_HOME || join(home, ".config"), "opencode"), join(home, ".opencode")];
  if (env.OPENCODE_CONFIG_DIR) folders.push(env.OPENCODE_CONFIG_DIR);
  for (let at = resolve(folder); ; at = dirname(at)) {
    folders.push(at, join(at, ".opencode"));
    // opencode looks for configuration files in each parent folder, up to the root of the git worktree.
    if ((await files.stat(join(at, ".git")).catch(() => null)) !== null || dirname(at) === at) break;
  }
  return [...new Set(folders)];
}

async function entriesIn(
  files: FileSystem,
  paths: readonly string[],
  folders: readonly string[],
  unreadable: string[],
): Promise<PluginEntry[]> {
  const found: PluginEntry[] = [];
  for (const path of paths) {
    try {
      const text = await readConfigText(files, path);
      if (text === null) continue;
      const config = parseWithComments(text) as { readonly plugin?: unknown } | null;
      for (const entry of pluginEntries(config?.plugin)) {
        const belonging = await belongingOf(files, entry.spec, [dirname(path), ...folders]);
        if (belonging === "this package") found.push(entry);
      }
    } catch {
      unreadable.push(path);
    }
  }
  return found;
}

/** The versions of this plugin in opencode's download cache, and in the folders that the entries name. */
async function installedVersions(
  files: FileSystem,
  env: Environment,
  entries: readonly PluginEntry[],
  folders: readonly string[],
): Promise<string[]> {
  const cache = join(env.XDG_CACHE_HOME || join(homeIn(env), ".cache"), "opencode");
  const places = [join(cache, "node_modules", TOOL.name)];
  for (const { name } of (await files.list(join(cache, "packages")).catch(() => null)) ?? []) {
    if (name === TOOL.name || name.startsWith(`${TOOL.name}@`)) {
      places.push(join(cache, "packages", name, "node_modules", TOOL.name));
    }
  }
  for (const { spec } of entries) {
    const path = spec.startsWith("file://") ? fileURLToPath(spec) : spec;
    if (!/^[./\\]|^[A-Za-z]:[\\/]/.test(path)) continue;
    for (const folder of folders) places.push(...upwards(resolve(folder, path)));
  }
  const versions = new Set<string>();
  for (const place of places) {
    const version = await versionIn(files, place);
    if (version !== null) versions.add(version);
  }
  return [...versions];
}

/** The folders that may hold the package.json, because an entry may name a file inside a package. */
function upwards(path: string): string[] {
  return [path, dirname(path), dirname(dirname(path))];
}

async function versionIn(files: FileSystem, folder: string): Promise<string | null> {
  try {
    const text = await readConfigText(files, join(folder, "package.json"));
    const { name, version } = JSON.parse(text ?? "{}") as { readonly name?: unknown; readonly version?: unknown };
    return name === TOOL.name && typeof version === "string" ? version : null;
  } catch {
    return null;
  }
}

/** Compares two versions for a sort that puts the newest last. A release is newer than its own previews. */
export function comparePackageVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(/[.+-]/));
  for (let index = 0; index < Math.max(a?.length ?? 0, b?.length ?? 0); index += 1) {
    const [left, right] = [a?.[index], b?.[index]];
    // A version that has no suffix is a release, which is newer than its previews: `1.0.0` is newer than `1.0.0-rc.1`.
    if (left === undefined || right === undefined) return left === undefined ? 1 : -1;
    const difference = Number(left) - Number(right);
    const order = Number.isNaN(difference) ? left.localeCompare(right) : difference;
    if (order !== 0) return order;
  }
  return 0;
}
