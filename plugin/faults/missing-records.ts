import type { Fault } from "./fault.ts";

/** Records that are not where opencode logged them, although it never logged their removal. */
export const LOST_RECORD = {
  code: "lost-record",
  title: "is not where opencode logged it, and was never removed",
  invariant:
    "Every record that opencode has logged last as written is in its table, under its id, and hangs where it was.",
  cause: "A damaged page of the database, a repair by hand, or another tool that deleted or changed rows.",
  advice:
    "Where it was not deleted on purpose, `opencode-session-repair repair --only lost-record` puts it back as logged, undoable: a row that is gone, one that hangs elsewhere, or one under an id that no event knows and with the same content. Looked for where a session is named (`--session`) and, of everything, in databases of up to 64 MB.",
  remedy: "recover",
  unasked: false,
  issues: [],
  classes: ["F"],
} satisfies Fault;

export const LOST_SESSION = {
  code: "lost-session-record",
  title: "has messages and no record of its own",
  invariant: "Every session that has messages has a record, or it is not listed.",
  cause: "Its record was damaged and set aside, deleted by hand, or lost with a page of the database.",
  advice:
    "`opencode-session-repair repair --only lost-session-record` makes one from what the messages state: folder, times, and the title Recovered session with its day. Title, parent session and share are not known. Offered where a project of the store has the session's folder.",
  remedy: "recover",
  unasked: false,
  issues: [37450, 15884],
  classes: ["A2", "F"],
} satisfies Fault;

export const LOST_MESSAGE = {
  code: "lost-message-record",
  title: "has parts and no record of its own",
  invariant: "The message of every part has a record, or its parts are not shown.",
  cause: "Its row was deleted by hand without foreign keys, or lost with a page of the database.",
  advice:
    "`opencode-session-repair repair --only lost-message-record` makes one from its parts and the messages beside it. A message that is damaged is made anew in the same way where its repair was asked for; at the start of opencode, where nobody is asked, it is set aside with its parts: `restore RUN` and then `repair` keep them visible.",
  remedy: "recover",
  unasked: false,
  issues: [37450, 15884, 36670],
  classes: ["F"],
} satisfies Fault;
