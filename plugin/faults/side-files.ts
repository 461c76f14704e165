import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Catalogue entries for files of the data directory that hold no session. */
export const AUTH_UNREADABLE = {
  code: "auth-unreadable",
  title: "auth.json cannot be read",
  invariant: "auth.json holds a JSON object, or does not exist.",
  cause: "The disk was full, or two processes wrote at the same time.",
  advice: "Move the file to a private place, because it holds keys. Then log in again. Do not delete any session.",
  issues: [29628, 27530, 29562],
  classes: ["H"],
  ...reported,
} satisfies Fault;

export const SNAPSHOT_LOCK = {
  code: "snapshot-lock",
  title: "is a lock file that git left in a snapshot repository",
  invariant: "No snapshot repository has an index.lock that is older than an hour.",
  cause: "opencode was killed while it took a snapshot. Sessions load, but undo and diffs stop working.",
  advice: "End all opencode processes, and move the file to another folder.",
  issues: [22275, 28952, 29413],
  classes: ["I"],
  ...reported,
} satisfies Fault;

export const SNAPSHOT_INDEX = {
  code: "snapshot-index",
  title: "is the damaged index of a snapshot repository",
  invariant: "The index file of a git repository begins with the letters DIRC.",
  cause: "The machine lost power. Sessions load, but undo and diffs stop working.",
  advice:
    "Move the file to another folder, and git writes a new index. Never change the folder `objects` beside this file.",
  issues: [42237],
  classes: ["I"],
  ...reported,
} satisfies Fault;
