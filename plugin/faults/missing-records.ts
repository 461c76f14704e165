import type { Fault } from "./fault.ts";

/** Catalogue entries for records that are missing, although opencode never logged that it removed them. */
export const LOST_RECORD = {
  code: "lost-record",
  title: "is missing from the place that opencode's log names, and was never removed",
  invariant:
    "Every record that opencode logged and did not remove is in its table, under its id, and attached to its parent.",
  cause: "A page of the database was damaged, or rows were deleted or changed by hand or by another tool.",
  advice:
    "If you did not delete the record on purpose, `opencode-session-repair repair --only lost-record` restores the record as opencode logged it. You can undo this repair. The repair adds missing rows, and corrects rows with a wrong parent or a wrong id. A check looks for lost records in a session that you name (`--session`), and in all sessions if the database has at most 64 MB.",
  remedy: "recover",
  unasked: false,
  issues: [],
  classes: ["F"],
} satisfies Fault;

export const LOST_SESSION = {
  code: "lost-session-record",
  title: "has messages, but no record of its own",
  invariant: "Every session that has messages has a record, because opencode does not list a session without a record.",
  cause: "The session's record was damaged and quarantined, deleted by hand, or lost with a page of the database.",
  advice:
    "`opencode-session-repair repair --only lost-session-record` rebuilds the record from the messages: folder, times, and the title `Recovered session` with the day. The session loses its own title, the link to its parent session, and its share. The repair is possible only if a project has the session's folder. If a whole copy of the record is in the folder of the project's sessions (such as `ses_x (conflicted copy).json`), the record is restored from the copy, and nothing is lost.",
  remedy: "recover",
  unasked: false,
  issues: [37450, 15884],
  classes: ["A2", "F"],
} satisfies Fault;

export const LOST_MESSAGE = {
  code: "lost-message-record",
  title: "has parts, but no record of its own",
  invariant: "Every part needs the record of its message, because opencode shows no part without its message.",
  cause:
    "The message's row was deleted by hand while SQLite's foreign keys were off, or was lost with a page of the database.",
  advice:
    "`opencode-session-repair repair --only lost-message-record` rebuilds the message from its parts and the messages beside it. `repair` rebuilds a damaged message in the same way. When opencode starts, the plugin cannot ask you, so it moves a damaged message with its parts to quarantine. To see these parts again, run `restore RUN`, then `repair`.",
  remedy: "recover",
  unasked: false,
  issues: [37450, 15884, 36670],
  classes: ["F"],
} satisfies Fault;
