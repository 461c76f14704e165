import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PACKAGE_ROOT } from "../package-files.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { TOOL } from "../tool-identity.ts";
import { readConfigText } from "./config-file.ts";

/**
 * An entry in opencode.json may name a file inside a package. The package's own folder is at most this many levels
 * above that file.
 */
const DEEPEST_ENTRY = 4;

/** One element of the `plugin` array in opencode.json or tui.json: the plugin to load, and its options. */
export interface PluginEntry {
  readonly spec: string;
  readonly options: unknown;
}

/** The elements of a `plugin` array as opencode reads them. Elements that opencode would refuse are left out. */
export function pluginEntries(list: unknown): PluginEntry[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown): PluginEntry[] => {
    const [spec, options] = Array.isArray(entry) ? (entry as unknown[]) : [entry];
    return typeof spec === "string" ? [{ spec, options }] : [];
  });
}

/**
 * Whether an entry loads this package. `unknown` means that neither the entry's text nor its target shows which package
 * it loads.
 */
export type Belonging = "this package" | "another" | "unknown";

/**
 * Whether an entry of a `plugin` array loads this package, or another copy of this package. The entry may be a package
 * name, an address of a repository or archive, or a path. A path may contain links, and is relative to one of
 * `folders`.
 */
export async function belongingOf(files: FileSystem, spec: string, folders: readonly string[]): Promise<Belonging> {
  const path = pathIn(spec);
  if (path !== null) return belongingOfPath(files, path, folders);
  // `alias@npm:name@version` loads the package `name`.
  const [, name = ""] = /^(?:.+@npm:)?(@?[^@]*)/.exec(spec) ?? [];
  if (name === TOOL.name) return "this package";
  // A plain name is the name of a package on npm. Any other text is an address, and the text does not show which
  // package it loads.
  return /^(?:@[\w.~-]+\/)?[\w.~-]+$/.test(name) ? "another" : "unknown";
}

/**
 * The path in an entry; `null` if opencode does not read the entry as a path. opencode does not expand `~` (measured
 * with 1.14.34 to 1.18.34).
 */
function pathIn(spec: string): string | null {
  // npm also accepts `name@file:…`, where a path follows the package name.
  const [, url] = /^(?:@?[^@/:]+(?:\/[^@/:]+)?@)?(file:.*)$/.exec(spec) ?? [];
  if (url !== undefined) return url;
  return /^(?:[./\\]|[A-Za-z]:[\\/])/.test(spec) ? spec : null;
}

async function belongingOfPath(files: FileSystem, path: string, folders: readonly string[]): Promise<Belonging> {
  let isThere = false;
  for (const folder of folders) {
    const place = await placeOf(files, path, folder);
    if (place === null) continue;
    isThere = true;
    if (await isOfThisPackage(files, place)) return "this package";
  }
  // opencode cannot load an entry whose target is missing. An archive, or a plugin file of the user, may load this
  // package in a way that its path does not show.
  if (!isThere) return "another";
  return /\.(?:tgz|tar\.gz|tar)$/i.test(path) || (await speaksOfThisPackage(files, path, folders))
    ? "unknown"
    : "another";
}

async function placeOf(files: FileSystem, path: string, folder: string): Promise<string | null> {
  try {
    return await files.realPath(path.startsWith("file:") ? urlPath(path, folder) : resolve(folder, path));
  } catch {
    return null;
  }
}

/** The path in a `file:` URL. npm reads `file:../folder` as a relative path. */
function urlPath(url: string, folder: string): string {
  return url.startsWith("file://") ? fileURLToPath(url) : resolve(folder, url.slice("file:".length));
}

async function isOfThisPackage(files: FileSystem, place: string): Promise<boolean> {
  let folder = place;
  for (let level = 0; level < DEEPEST_ENTRY; level += 1, folder = dirname(folder)) {
    if (folder === PACKAGE_ROOT) return true;
    const name = await packageName(files, folder);
    if (name !== null) return name === TOOL.name;
  }
  return false;
}

/** The name in the package.json of a folder; `null` if it cannot be read. */
async function packageName(files: FileSystem, folder: string): Promise<string | null> {
  try {
    const text = await readConfigText(files, join(folder, "package.json"));
    if (text === null) return null;
    const { name } = JSON.parse(text) as { readonly name?: unknown };
    return typeof name === "string" ? name : null;
  } catch {
    return null;
  }
}

/**
 * Whether a plugin file of the user mentions this package. Such a file may load this package and export it under
 * another path.
 */
async function speaksOfThisPackage(files: FileSystem, path: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    const place = await placeOf(files, path, folder);
    if (place === null || !/\.[cm]?[jt]sx?$/.test(place)) continue;
    const text = await readConfigText(files, place).catch(() => null);
    if (text?.includes(TOOL.name)) return true;
  }
  return false;
}
