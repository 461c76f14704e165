import { nameFolder } from "../words/advice.ts";
import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false, issues: [] as readonly number[] } as const;

/**
 * Catalogue entries for files and folders that opencode or this tool cannot use, although their content may be
 * undamaged.
 */
export const ACCESS_DENIED = {
  ...reported,
  code: "access-denied",
  title: "cannot be read or written by opencode",
  invariant: "The user who runs opencode may read and write everything in the data directory.",
  cause:
    "Another user owns the file (mostly root, because opencode was run with sudo), or the file's mode was changed. Measured: 1.18.33 does not start if it may not write the database, its -wal, its -shm or the folder `log`. 1.1.65 does not start if it may not write the folder `log`. 1.0.152 and 1.1.65 fail on a file that they may not read, and leave out the records of a folder that they may not open.",
  advice:
    "Run the command that is printed with this problem, then check again. This problem alone damages no records. If no command is printed, the file is in a folder of another user: run opencode and this tool as that user.",
  issues: [16029, 10561],
  classes: ["A3", "B3"],
} satisfies Fault;

export const QUARANTINE_DENIED = {
  ...reported,
  code: "quarantine-denied",
  title: "This tool may not use its quarantine: nothing can be repaired or undone",
  invariant: "The user who repairs may read and write the folder `quarantine` in the data directory.",
  cause:
    "A repair was run as another user, mostly with sudo. The files that this repair put into the quarantine belong to that user.",
  advice:
    "Run the command that is printed with this problem, then repair again. opencode itself does not use the quarantine.",
  classes: ["B3"],
} satisfies Fault;

export const READ_ONLY_FILE_SYSTEM = {
  ...reported,
  code: "read-only-file-system",
  title: "The file system of the data directory is read-only: opencode does not start there",
  invariant: "opencode can write in its data directory.",
  cause: "A setting of a container, or the system after a disk error, mounted the file system read-only.",
  advice:
    "Mount the file system for writing, or copy the data directory elsewhere and set XDG_DATA_HOME. If the disk had errors, first make a copy of the data.",
  classes: ["B3"],
} satisfies Fault;

export const DATABASE_IS_FOLDER = {
  ...reported,
  code: "database-is-folder",
  title: "A folder, a device or a link is in the place of a database file, so opencode does not start",
  invariant: "The database, its -wal, -shm and -journal are files. Only the database may be a link to a file.",
  cause:
    "A container was started with a mount of a file that did not exist yet, so the container made a folder with that name. Or a link leads to a disk that is not mounted, or to a file that was moved.",
  advice:
    "Stop opencode and its container. If a mount is wrong, correct it. Remove an empty folder with `rmdir`. If a link leads nowhere, mount the disk to which it leads, or correct the link. If a -wal is a link, move the file to which it leads into the place of the link. opencode makes a missing -shm or -wal again. If the folder had the name of the database, put the database in its place.",
  classes: ["B3"],
} satisfies Fault;

export const FOLDER_IS_FILE = {
  ...reported,
  code: "folder-is-file",
  title: "There is no folder where opencode needs a folder",
  invariant: "Each folder in which opencode 1.0-1.1 keeps records is a folder, or a link to a folder.",
  cause:
    "A copy program or a sync program replaced a folder by a file, or the disk of the link's target is not mounted. Measured on 1.1.65: if storage or storage/project is a file, every request fails. If storage/session is a file, no session is listed. If a file replaces a folder of messages or parts, opencode shows the session without them and gives no error.",
  advice:
    "If there is a link, mount the disk of the link's target. If there is a file, close opencode, move the file away, and restore the folder from a backup. Then check again.",
  classes: ["A3", "B3"],
} satisfies Fault;

export const FILE_IS_FOLDER = {
  ...reported,
  code: "file-is-folder",
  title: "is a link or a folder where opencode 1.0-1.1 needs a file",
  invariant:
    "The record of a session, a message or a part is a file. The file with the diffs of a session, or with the record of a project, is a file, a link to a file, or does not exist.",
  cause:
    "A container, a copy program or a user made a folder or a link with the name of the file. Measured: 1.0.0 to 1.1.65 do not list a session whose record is a link, and do not show such a message or part. Without the diffs of a session, 1.0.61 answers the request for the diffs with an error, and other versions show no changed files. Without the record of a project, 1.0.0 to 1.1.65 answer every request in the folder of the project with an error.",
  advice:
    "Close opencode. If a link leads to the record, put that file in the place of the link. Move other links and folders out of `storage`. opencode writes the record of a project again.",
  classes: ["A3"],
} satisfies Fault;

export const WORKTREE_UNREACHABLE = {
  ...reported,
  code: "worktree-unreachable",
  title: "names another worktree, by a path that the system cannot look up",
  invariant: "Each other worktree of a project (`project.sandboxes`) is a folder, or does not exist.",
  cause:
    "A file took the place of a folder above the worktree, or links form a circle. Measured: 1.3.2, 1.14.41, 1.15.13 and 1.18.33 look up each worktree when they start in the project. If a worktree does not exist, they remove it from the list. If a file or a circle of links is in the path, they answer every request with an error. 1.2.27 and 1.3.0 do not look up worktrees.",
  advice:
    "Run `select sandboxes from project` in the database to see the list. Move the file or link that is in the way. The sessions are complete: at its next start, opencode removes a worktree that does not exist from the list.",
  classes: ["A3", "C5"],
} satisfies Fault;

export const NO_ROOM_FOR_COPY = {
  ...reported,
  code: "no-room-for-copy",
  title: "The database was not read: there is not enough space for a private copy",
  invariant: "The disk has space for a copy of a database that has a -wal but no -shm.",
  cause:
    "The database (often in a backup) has a -wal but no -shm. Reading the database in place would create files beside it. So the tool reads a copy in a temporary folder, and then deletes the copy.",
  advice: `This does not mean that the database is damaged. ${nameFolder("opencode-session-repair check")}`,
  classes: ["B4"],
} satisfies Fault;
