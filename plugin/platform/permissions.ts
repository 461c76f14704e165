import { accessSync, constants, lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { errnoCode } from "./file-system.ts";

/** Whether the system has owners and modes of files, which may deny a file to a user. */
export const HAS_MODES = process.platform !== "win32";

/** The access to a file or folder that opencode needs and this user does not have. */
export interface MissingAccess {
  readonly what: "read" | "write" | "write-here";
  /**
   * The reason in words without a path: `owned by root, mode 644: may not be written`. On Windows, the words name the
   * read-only attribute.
   */
  readonly words: string;
}

/**
 * The reason why this user may not read, write or enter a path; `null` if the user may, or if the path does not exist.
 * `write-here`: no user may write in this place, because the file system is read-only. Opens no file.
 */
export function refusalOf(path: string, needs: "read" | "read and write"): MissingAccess | null {
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

/** Whether this user may start a file as a program. On Windows, only whether the file exists. */
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

/**
 * Whether a path belongs to another user than the one this process runs as. `false` if the system has no file owners.
 */
export function isOfOtherUser(path: string): boolean {
  const found = HAS_MODES ? statOf(path) : null;
  return found !== null && found.uid !== process.geteuid?.();
}

/** Describes who owns a path. Other users are named by number, because this text may be part of a report. */
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
 * The command that lets this user read and write a path, ready to paste into a shell of this system. On Windows, there
 * is a command only for the read-only attribute. `null` for a path inside a folder of another user, if that folder is
 * outside the home directory and `dataDir`. Changing the owner of such a folder (`/root`) would do harm.
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

/** If more links than this follow each other, they form a circle. */
const MOST_LINKS = 40;

/** The path to which a symbolic link leads, even if this user may not read it. */
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

/** The outermost folder above a path that this user may not enter. If there is none, the path itself. */
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
 * Whether this process can see every process that may write to a file: this process is root, or no other user may
 * write. An ordinary user cannot see which files root has open.
 */
export function isWrittenByUsAlone(path: string): boolean {
  const us = process.getuid?.();
  if (us === 0) return true;
  const found = statOf(path);
  return found !== null && found.uid === us && (found.mode & 0o022) === 0;
}
