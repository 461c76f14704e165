import { accessSync, constants, lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { errnoCode } from "./file-system.ts";

/** Whether the system has owners and modes that may deny a user a file. */
export const HAS_MODES = process.platform !== "win32";

/** The access that this user lacks to a file or folder, although opencode needs it. */
export interface Refusal {
  readonly what: "read" | "write" | "write-here";
  /** The reason in words without a path: `owned by root, mode 644: may not be written`. On Windows, the attribute. */
  readonly words: string;
}

/**
 * The reason why this user may not read, write or enter a path; `null` if they may, or if the path does not exist.
 * `write-here`: no user may write in this place, because the file system is read-only. Opens nothing.
 */
export function refusalOf(path: string, needs: "read" | "read and write"): Refusal | null {
  const isFolder = statOf(path)?.isDirectory() ?? false;
  const toRead = constants.R_OK | (isFolder ? constants.X_OK : 0);
  const unread = codeOf(path, toRead);
  if (unread === "EACCES" || unread === "EPERM") return { what: "read", words: `${ownership(path)}: may not be read` };
  if (unread !== null || needs === "read") return null;
  const unwritten = codeOf(path, constants.W_OK);
  if (unwritten === "EROFS") return { what: "write-here", words: "mounted read-only" };
  if (unwritten !== "EACCES" && unwritten !== "EPERM") return null;
  return { what: "write", words: `${ownership(path)}: may not be written` };
}

/** Whether this user may start a file as a program. On Windows, whether it exists. */
export function mayExecute(path: string): boolean {
  return codeOf(path, constants.X_OK) === null;
}

/** Whether this user may create entries in a folder. */
export function mayWriteIn(folder: string): boolean {
  return codeOf(folder, constants.W_OK) === null;
}

function codeOf(path: string, mode: number): string | null {
  try {
    accessSync(path, mode);
    return null;
  } catch (error) {
    return errnoCode(error) ?? "UNKNOWN";
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** Whether a path belongs to another user than this process runs as. `false` if the system has no such users. */
export function isOfOtherUser(path: string): boolean {
  const found = HAS_MODES ? statOf(path) : null;
  return found !== null && found.uid !== process.geteuid?.();
}

/** Names of other users are left out, because this text may be part of a report. */
function ownership(path: string): string {
  if (!HAS_MODES) return "it has the read-only attribute";
  const closed = firstClosed(linkTarget(path));
  const found = statOf(closed);
  if (found === null) return "its owner cannot be seen";
  const { uid, mode } = found;
  const owner = uid === process.geteuid?.() ? "this user" : uid === 0 ? "root" : `user ${uid}`;
  const owned = `owned by ${owner}, mode ${(mode & 0o777).toString(8)}`;
  return closed === linkTarget(path) ? owned : `in a folder ${owned}`;
}

/**
 * The command that lets this user read and write a path, ready to paste into a shell of this system. `null` on Windows,
 * unless the path is a file with the read-only attribute. `null` too for a path in another user's closed folder outside
 * the home directory and `dataDir`. A command that changes the owner of such a folder (`/root`) would do harm.
 */
export function correctingCommand(path: string, dataDir: string | null = null): string | null {
  if (!HAS_MODES) return codeOf(path, constants.W_OK) === "EPERM" ? `attrib -R "${path}"` : null;
  const target = linkTarget(path);
  const outer = firstClosed(target);
  const found = statOf(outer);
  const isOurs = found !== null && found.uid === process.geteuid?.();
  const isAround = outer !== target;
  const isWithin = (folder: string | null) => folder !== null && outer.startsWith(`${folder}/`);
  if (isAround && !isOurs && !isWithin(homedir()) && !isWithin(dataDir)) return null;
  const isWhole = found?.isDirectory() === true && !(isAround && isOurs);
  const [flag, what] = [isWhole ? "-R " : "", `'${outer.replaceAll("'", "'\\''")}'`];
  const chmod = `chmod ${flag}u+rwX ${what}`;
  return isOurs ? chmod : `sudo chown ${flag}"$(id -u):$(id -g)" ${what} && ${chmod}`;
}

/** More links in a row than this form a circle. */
const MOST_LINKS = 40;

/** The target of a link, even if this user may not read it. */
function linkTarget(path: string): string {
  let at = path;
  for (let count = 0; count < MOST_LINKS; count += 1) {
    try {
      if (!lstatSync(at).isSymbolicLink()) return at;
      at = resolve(dirname(at), readlinkSync(at));
    } catch {
      return at;
    }
  }
  return path;
}

/** The outermost folder above a path that may not be entered, or otherwise the path itself. */
function firstClosed(path: string): string {
  const names = path.split("/");
  for (let length = 2; length < names.length; length += 1) {
    const folder = names.slice(0, length).join("/");
    if (codeOf(folder, constants.X_OK) !== "EACCES") continue;
    const target = linkTarget(folder);
    return target === folder ? folder : firstClosed(target);
  }
  return path;
}

/**
 * Whether this process can see every process that may write to a file: it is root, or no other user may write. A normal
 * user does not see what root has open.
 */
export function isWrittenByUsAlone(path: string): boolean {
  const us = process.getuid?.();
  if (us === 0) return true;
  const found = statOf(path);
  return found !== null && found.uid === us && (found.mode & 0o022) === 0;
}
