import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false, issues: [] as readonly number[] } as const;

/** Reasons why opencode or this tool cannot use a file or folder, although its content may be undamaged. */
export const ACCESS_DENIED = {
  ...reported,
  code: "access-denied",
  title: "opencode may not use this as it must",
  invariant: "The user who runs opencode may read and write everything in the data directory.",
  cause:
    "Another user owns it, mostly root after one run with sudo, or its mode was changed. Measured: 1.18.33 does not start if it may not write the database, its -wal, its -shm or the folder log; 1.1.65 neither without log. 1.0.152 and 1.1.65 fail on a file that they may not read. They leave out the records of a folder that they may not open.",
  advice:
    "Run the command that stands with it, then check again. Nothing in it is damaged by this. If no command stands with it, it is in a folder of another user: run opencode and this tool as that user.",
  issues: [16029, 10561],
  classes: ["A3", "B3"],
} satisfies Fault;

export const QUARANTINE_DENIED = {
  ...reported,
  code: "quarantine-denied",
  title: "This tool may not use its quarantine: nothing can be repaired or undone",
  invariant: "The user who repairs may read and write the folder `quarantine` in the data directory.",
  cause: "A repair was run as another user, mostly with sudo. What it kept there belongs to that user.",
  advice: "Run the command that stands with it, then repair again. Sessions load without the quarantine.",
  classes: ["B3"],
} satisfies Fault;

export const READ_ONLY_FILE_SYSTEM = {
  ...reported,
  code: "read-only-file-system",
  title: "The file system of the data directory may only be read: opencode does not start there",
  invariant: "opencode can write in its data directory.",
  cause: "It was mounted read-only, by a container's setting, or by the system after an error of the disk.",
  advice:
    "Mount it for writing, or copy the data directory elsewhere and set XDG_DATA_HOME. After errors of the disk, make a copy first.",
  classes: ["B3"],
} satisfies Fault;

export const DATABASE_IS_FOLDER = {
  ...reported,
  code: "database-is-folder",
  title: "A folder or a device stands where opencode expects a file of its database: opencode does not start",
  invariant: "The database, its -wal and its -shm are files.",
  cause: "A container was started with a mount of a file that was not there yet: a folder is made in its place.",
  advice:
    "Stop the container and correct the mount. If it is an empty folder, remove it with `rmdir`. A -wal or -shm is made again. In the place of the database, put the database. Measured: 1.18.33 does not start with it.",
  classes: ["B3"],
} satisfies Fault;

export const FOLDER_IS_FILE = {
  ...reported,
  code: "folder-is-file",
  title: "opencode expects a folder here",
  invariant: "The folders of opencode 1.0-1.1 are folders, or links to folders.",
  cause:
    "A copy or a sync made a file of a folder, or the disk that a link leads to is not mounted. Measured on 1.1.65: a file as storage or as storage/project stops every answer. With one as storage/session no session is listed. Messages and parts behind one are left out without a word.",
  advice:
    "If it is a link, mount the disk that it leads to. If it is a file, close opencode, move the file away, and restore the folder in its place from a backup. Then check again.",
  classes: ["A3", "B3"],
} satisfies Fault;

export const NO_ROOM_FOR_COPY = {
  ...reported,
  code: "no-room-for-copy",
  title: "The database was not looked at: there is no room for the private copy that reading it needs",
  invariant: "A database with a write-ahead log and without its shared memory can be copied to be read.",
  cause:
    "A backup holds the -wal and not the -shm. Reading it where it lies would write beside it, so a copy in a temporary folder is read. It is deleted afterwards.",
  advice: "This says nothing of the database. Name a folder with room: `TMPDIR=/folder opencode-session-repair check`.",
  classes: ["B4"],
} satisfies Fault;
