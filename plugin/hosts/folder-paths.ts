import { posix, sep, win32 } from "node:path";
import type { PathSystem } from "../model/store-description.ts";

/**
 * The paths of folders as opencode stores them. A store from Windows may be checked on Linux (WSL, a copy). So all
 * rules follow the system of the opencode that loads the store, not the system of this process. All functions are pure.
 */

/** The project folder of every session outside version control, on every system (read in 1.18.32 for Windows). */
export const NO_WORKTREE = "/";

/** The system this process runs on. */
export const THIS_SYSTEM: PathSystem = sep === win32.sep ? "windows" : "posix";

/** The beginning of a Windows path with a drive (`C:\`, `C:/`) or a server (`\\server`, `//server`). */
const WINDOWS_FOLDER = /^([A-Za-z]:[\\/]|[\\/]{2})/;

/** The kind of system (Windows, or Linux and macOS) in which this path is absolute; `null` if there is none. */
export function systemOfPath(path: string): PathSystem | null {
  if (WINDOWS_FOLDER.test(path)) return "windows";
  return posix.isAbsolute(path) ? "posix" : null;
}

/** Removes `.`, `..` and doubled slashes from a path of Linux or macOS. A path of Windows is not changed. */
export function withoutDots(path: string): string {
  return systemOfPath(path) === "posix" ? posix.normalize(path) : path;
}

/** A folder without slashes at its end. A root (`/`, `C:\`, a shared folder of a server) keeps its slash. */
export function withoutLastSlash(path: string): string {
  const isWindows = systemOfPath(path) === "windows";
  const root = (isWindows ? win32 : posix).parse(path).root;
  return path.length > root.length ? path.replace(isWindows ? /[\\/]+$/ : /\/+$/, "") : path;
}

/**
 * Whether opencode 1.17 and newer treat a path as absolute. On Linux and macOS it must begin with `/`. On Windows
 * opencode first turns each `\` into `/`, then accepts `X:/…` and `/…` (read in 1.18.32 for Windows).
 */
export function isAbsoluteFor(system: PathSystem, path: string): boolean {
  if (system === "posix") return posix.isAbsolute(path);
  const slashed = withSlashes(path);
  return posix.isAbsolute(slashed) || systemOfPath(slashed) === "windows";
}

/** The longest name and the longest path that Linux looks up, in bytes. */
const LONGEST_NAME = 255;
const LONGEST_PATH = 4095;

/** Whether a system can look up a path. If not, the answer is an error, even though nothing can be there. */
export function canBeLookedUp(system: PathSystem, path: string): boolean {
  if (path.includes("\0")) return false;
  if (system === "windows") return true;
  const isShort = (text: string, most: number) => Buffer.byteLength(text) <= most;
  return isShort(path, LONGEST_PATH) && path.split("/").every((name) => isShort(name, LONGEST_NAME));
}

/**
 * Whether a path can be a user's work folder on a system. The path must be absolute on that system, must not be a path
 * of another system, and must not be {@link NO_WORKTREE}.
 */
export function isFolderOf(system: PathSystem, path: unknown): path is string {
  return typeof path === "string" && path !== NO_WORKTREE && systemOfPath(path) === system;
}

/**
 * Whether this process can look for a folder by this path. A path from another system could name an unrelated folder
 * here.
 */
export function isFolderHere(path: string): boolean {
  return systemOfPath(path) === THIS_SYSTEM;
}

/** A path in the form that opencode 1.17 and newer store: with `/`, even on Windows. */
export function storedPath(system: PathSystem, path: string): string {
  return system === "windows" ? withSlashes(path) : path;
}

/**
 * The form in which the columns of 1.17 and newer hold a path: Windows paths with `/`. In events, messages and files,
 * opencode keeps Windows paths with `\`. `directory`, the session's folder, shows whether the session is from Windows.
 */
export function columnPath(path: unknown, directory: unknown): unknown {
  const isWindows = typeof directory === "string" && systemOfPath(directory) === "windows";
  return isWindows && typeof path === "string" ? withSlashes(path) : path;
}

/** A path in the form that the given opencode versions store. Versions before 1.17 store Windows paths with `\`. */
export function writtenPath(system: PathSystem, path: string, line: { readonly wantsAbsolutePaths: boolean }): string {
  if (line.wantsAbsolutePaths) return storedPath(system, path);
  return system === "windows" && systemOfPath(path) === "windows" ? path.replaceAll("/", "\\") : path;
}

/** The path of a folder below another folder, in the form that opencode stores. */
export function folderBelow(system: PathSystem, folder: string, below: string): string {
  if (system === "posix") return posix.join(folder, below).replace(/(?<=.)\/$/, "");
  const joined = withSlashes(win32.join(folder, below));
  return /^[A-Za-z]:\/$/.test(joined) ? joined : joined.replace(/(?<=.)\/$/, "");
}

/** The relative path from one folder to another, with `/`. The path is empty if both are the same folder. */
export function relativePath(system: PathSystem, from: string, to: string): string {
  if (system === "posix") return posix.relative(from, to);
  // On Windows, `/` means the root of the drive.
  const root = from === NO_WORKTREE ? win32.parse(to).root : from;
  return withSlashes(win32.relative(root, to));
}

/** A key that is equal for two spellings of one folder: Windows ignores case and the kind of slash. */
export function folderKey(system: PathSystem, path: string): string {
  return system === "windows"
    ? withSlashes(path)
        .replace(/(?<=[^:/])\/+$/, "")
        .toLowerCase()
    : path;
}

/**
 * The part of a path that is below a folder, with `/`. The result is empty for the folder itself, and `null` if the
 * path is outside. Windows folders are compared without regard to case, as Windows does.
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

/** The place where WSL (Linux in Windows) mounts a Windows folder; `null` for a path on a server. */
export function mountInWSL(path: string): string | null {
  const [, drive, rest] = /^([A-Za-z]):[\\/](.*)$/.exec(path) ?? [];
  return drive === undefined ? null : `/mnt/${drive.toLowerCase()}/${withSlashes(rest ?? "")}`;
}

/**
 * For one kind of record: the time in milliseconds of the newest record with a Windows path, and of the newest record
 * with a path of Linux or macOS. `null` means that no record has a path of that system.
 */
export interface FolderSigns {
  readonly newestMs: Readonly<Record<PathSystem, number | null>>;
}

/**
 * Makes {@link FolderSigns} from a list of folders, the newest first. The list has no times, so the position in the
 * list is used as the time.
 */
export function signsOf(folders: readonly string[]): FolderSigns {
  const newest = (system: PathSystem) => {
    const index = folders.findIndex((each) => isFolderOf(system, each));
    return index === -1 ? null : folders.length - index;
  };
  return { newestMs: { windows: newest("windows"), posix: newest("posix") } };
}

/**
 * The system whose opencode loads a store, judged by the folders in the store's records. If all paths are of one
 * system, the result is that system. If there are no folders, the result is `here`. opencode on Windows reads the paths
 * of every system, but opencode on Linux and macOS fails on Windows paths. So with paths of both systems, the result is
 * Windows in two cases: if `here` is Windows, or if the newest path of every kind of record is a Windows path.
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

/** Names that Windows reserves for devices, alone or with an extension (`con.json`). */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/**
 * Whether a file on Windows can have this name. Some names would open something else: a `:` names another stream of a
 * file, Windows drops dots and spaces at the end, and some names mean devices.
 */
export function isNameOnWindows(name: string): boolean {
  const hasControl = [...name].some((character) => character < " ");
  return !hasControl && !/[<>:"|?*]|[. ]$/.test(name) && !DEVICE.test(name);
}

/** Whether a file on this system can have this name. Outside Windows, every name without a slash is possible. */
export function isNameHere(name: string): boolean {
  return THIS_SYSTEM !== "windows" || isNameOnWindows(name);
}
