import type { Fault } from "./fault.ts";

/** Catalogue entries for files in folders where opencode 1.0-1.1 expects only records. */
export const STRAY_FILE = {
  code: "stray-file",
  title: "is a file that opencode mistakes for a record",
  invariant:
    "The folders of messages, parts and sessions hold only files named `<id>.json`, and files whose names begin with a dot.",
  cause:
    "Somebody put a backup copy, a temporary file or a note into the folder. opencode cuts five characters off the name of each file, and looks for a record with the rest as its name. Or a sync tool made a copy of a record (`….sync-conflict-….json`, `… (conflicted copy).json`, `… 2.json`), and opencode shows the record twice.",
  remedy: "quarantine",
  unasked: true,
  advice:
    "Quarantine the file: opencode fails only because of the file's place. Only `repair --only stray-file` moves copies of records. Before you run this command, look which of the two files is newer.",
  issues: [7734],
  classes: ["A6"],
} satisfies Fault;
