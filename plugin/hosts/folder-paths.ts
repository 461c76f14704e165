import { posix, sep, win32 } from "node:path";
import type { PathSystem } from "../model/store-description.ts";

/*
 * The paths of folders as opencode keeps them in a store. Everything here goes by the system whose opencode loads the
 * store, never by the system that this process runs on: a store of Windows may be looked at from Linux (WSL, a copy). Pure.
 */

/** The folder that opencode gives to everything outside version control, on every system (read in 1.18.32 for Windows). */
export const NO_WORKTREE = "/";

/** The system this process runs on. */
export const THIS_SYSTEM: PathSystem = sep === win32.sep ? "windows" : "posix";

/** A drive (`C:\`, `C:/`), or a server (`\\server`, `//server`). */
const WINDOWS_FOLDER = /^([A-Za-z]:[\\/]|[\\/]{2})/;

/** Whose absolute path it is; `null`: of no system. */
export function systemOfPath(path: string): PathSystem | null {
  if (WINDOWS_FOLDER.test(path)) return "windows";
  return posix.isAbsolute(path) ? "posix" : null;
}

/**
 * Whether opencode takes a path for absolute (1.17 and newer). On Linux and macOS: it begins with `/`. On Windows opencode
 * turns each `\` into `/` first, and takes `X:/…` as well as what begins with `/` (read in 1.18.32 for Windows).
 */
export function isAbsoluteFor(system: PathSystem, path: string): boolean {
  if (system === "posix") return posix.isAbsolute(path);
  const slashed = withSlashes(path);
  return posix.isAbsolute(slashed) || systemOfPath(slashed) === "windows";
}

/** Whether it is the folder of somebody's work on that system: absolute there, of no other system, and not {@link NO_WORKTREE}. */
export function isFolderOf(system: PathSystem, path: unknown): path is string {
  return typeof path === "string" && path !== NO_WORKTREE && systemOfPath(path) === system;
}

/** Whether this process can look at a folder: one of another system may be a folder here that has nothing to do with it. */
export function isFolderHere(path: string): boolean {
  return systemOfPath(path) === THIS_SYSTEM;
}

/** A path as opencode 1.17 and newer keep it: on Windows with `/`. */
export function storedPath(system: PathSystem, path: string): string {
  return system === "windows" ? withSlashes(path) : path;
}

/**
 * A path of a session's record as the columns of 1.17 and newer keep it. `directory`, the session's folder, tells whether
 * it is one of Windows: events, messages and files have it with `\`.
 */
export function columnPath(path: unknown, directory: unknown): unknown {
  const isWindows = typeof directory === "string" && systemOfPath(directory) === "windows";
  return isWindows && typeof path === "string" ? withSlashes(path) : path;
}

/** A path as opencode keeps it, by its line: before 1.17 as Windows itself writes it. */
export function writtenPath(system: PathSystem, path: string, line: { readonly wantsAbsolutePaths: boolean }): string {
  if (line.wantsAbsolutePaths) return storedPath(system, path);
  return system === "windows" && systemOfPath(path) === "windows" ? path.replaceAll("/", "\\") : path;
}

/** A folder below another one, as it is stored. */
export function folderBelow(system: PathSystem, folder: string, below: string): string {
  if (system === "posix") return posix.join(folder, below).replace(/(?<=.)\/$/, "");
  const joined = withSlashes(win32.join(folder, below));
  return /^[A-Za-z]:\/$/.test(joined) ? joined : joined.replace(/(?<=.)\/$/, "");
}

/** What leads from one folder to another, with `/`; empty where both are one. */
export function relativePath(system: PathSystem, from: string, to: string): string {
  if (system === "posix") return posix.relative(from, to);
  // `/` is the root of whatever drive opencode runs on.
  const root = from === NO_WORKTREE ? win32.parse(to).root : from;
  return withSlashes(win32.relative(root, to));
}

/** Equal for two spellings of one folder: Windows knows neither case nor kinds of slashes. */
export function folderKey(system: PathSystem, path: string): string {
  return system === "windows"
    ? withSlashes(path)
        .replace(/(?<=[^:/])\/+$/, "")
        .toLowerCase()
    : path;
}

/**
 * What of a path lies below a folder, with `/`: empty for the folder itself, `null` outside. A folder of Windows is
 * compared as Windows does.
 */
export function pathBelow(directory: string, folder: string): string | null {
  const system = systemOfPath(folder) ?? "posix";
  const slashed = (path: string) => storedPath(system, path);
  const [path, root] = [slashed(directory), slashed(folder)];
  const beginning = path.slice(0, root.length);
  if (folderKey(system, `${beginning}.`) !== folderKey(system, `${root}.`)) return null;
  const rest = path.slice(root.length);
  if (rest === "" || root.endsWith("/")) return rest;
  return posix.isAbsolute(rest) ? rest.slice(1) : null;
}

/** Where WSL shows a folder of Windows; `null` of a path of a server. */
export function mountInWSL(path: string): string | null {
  const [, drive, rest] = /^([A-Za-z]):[\\/](.*)$/.exec(path) ?? [];
  return drive === undefined ? null : `/mnt/${drive.toLowerCase()}/${withSlashes(rest ?? "")}`;
}

/** How the folders of one kind of record tell the system, by the newest of each; times in milliseconds. */
export interface FolderSigns {
  readonly newestMs: Readonly<Record<PathSystem, number | null>>;
}

/** The signs of a few folders, the newest first. */
export function signsOf(folders: readonly string[]): FolderSigns {
  const newest = (system: PathSystem) => {
    const index = folders.findIndex((each) => isFolderOf(system, each));
    return index === -1 ? null : folders.length - index;
  };
  return { newestMs: { windows: newest("windows"), posix: newest("posix") } };
}

/**
 * Which system's opencode loads a store, as the folders in its records say. With paths of one system it is that one. With
 * paths of both (WSL), Windows reads everything and the others fail on its paths: it counts as a store of Windows only
 * where every kind of record was last written there, or `here` is Windows. A store without folders is one of this system.
 */
export function systemOfStore(signs: readonly FolderSigns[], here: PathSystem = THIS_SYSTEM): PathSystem {
  const told = signs.filter(({ newestMs }) => newestMs.windows !== null || newestMs.posix !== null);
  const has = (system: PathSystem) => told.some(({ newestMs }) => newestMs[system] !== null);
  if (!has("windows")) return has("posix") ? "posix" : here;
  if (!has("posix") || here === "windows") return "windows";
  const isNewest = told.every(({ newestMs: { windows, posix: other } }) => (windows ?? -1) > (other ?? -1));
  return isNewest ? "windows" : "posix";
}

function withSlashes(path: string): string {
  return path.replaceAll("\\", "/");
}

/** Names that Windows gives to devices, whatever follows behind a dot. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/**
 * Whether a name is that of one file for Windows. `:` would open another stream of a file, dots and spaces at the end are
 * dropped, and the name of a device is no file.
 */
export function isNameOnWindows(name: string): boolean {
  const hasControl = [...name].some((character) => character < " ");
  return !hasControl && !/[<>:"|?*]|[. ]$/.test(name) && !DEVICE.test(name);
}

/** The same on this system: elsewhere every name without a slash will do. */
export function isNameHere(name: string): boolean {
  return THIS_SYSTEM !== "windows" || isNameOnWindows(name);
}
