import type { Fault } from "./fault.ts";

/** Records that are not there although opencode logged them and never logged their removal. */
export const LOST_RECORD = {
  code: "lost-record",
  title: "is gone although opencode logged it and never removed it",
  invariant: "Every record that opencode has logged last as written is in its table.",
  cause: "A damaged page of the database, a repair by hand, or another tool that deleted rows.",
  advice:
    "Where it was not deleted on purpose, `opencode-session-repair repair --only lost-record` puts it back as logged, undoable. Looked for where a session is named (`--session`) and, of everything, in databases of up to 64 MB.",
  remedy: "recover",
  unasked: false,
  issues: [],
  classes: ["F"],
} satisfies Fault;
