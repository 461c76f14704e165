import type { Fault } from "./fault.ts";

/** Records that are not where opencode logged them, although it never logged their removal. */
export const LOST_RECORD = {
  code: "lost-record",
  title: "is not where opencode logged it, and was never removed",
  invariant:
    "Every record that opencode logged and did not remove is in its table, under its id, and attached to its parent.",
  cause: "A damaged page of the database, a repair by hand, or another tool that deleted or changed rows.",
  advice:
    "If you did not delete it on purpose, `opencode-session-repair repair --only lost-record` recovers it as logged, undoable. It recovers missing rows, rows attached to the wrong parent, and rows with the same content under an id that no event knows. A check looks for them in a session that is named (`--session`), and in databases of up to 64 MB.",
  remedy: "recover",
  unasked: false,
  issues: [],
  classes: ["F"],
} satisfies Fault;

export const LOST_SESSION = {
  code: "lost-session-record",
  title: "has messages and no record of its own",
  invariant: "Every session that has messages has a record, or it is not listed.",
  cause: "Its record was damaged and quarantined, deleted by hand, or lost with a page of the database.",
  advice:
    "`opencode-session-repair repair --only lost-session-record` rebuilds it from what the messages state: folder, times, and the title Recovered session with its day. Title, parent session and share are not known. Offered where a project of the store has the session's folder.",
  remedy: "recover",
  unasked: false,
  issues: [37450, 15884],
  classes: ["A2", "F"],
} satisfies Fault;

export const LOST_MESSAGE = {
  code: "lost-message-record",
  title: "has parts and no record of its own",
  invariant: "The message of every part has a record. opencode shows no part without one.",
  cause: "Its row was deleted by hand without foreign keys, or lost with a page of the database.",
  advice:
    "`opencode-session-repair repair --only lost-message-record` rebuilds it from its parts and the messages beside it. A damaged message is rebuilt in the same way if you ask for its repair. At the start of opencode nobody is asked, and it is quarantined with its parts. Then `restore RUN` and `repair` make them visible again.",
  remedy: "recover",
  unasked: false,
  issues: [37450, 15884, 36670],
  classes: ["F"],
} satisfies Fault;
