import type { Fault } from "./fault.ts";

/** Catalogue entries for files in folders where opencode 1.0-1.1 expects only records. */
export const STRAY_FILE = {
  code: "stray-file",
  title: "is a file that opencode mistakes for a record",
  invariant: "Message, part and session folders hold only `<id>.json` and dot-files.",
  cause:
    "A backup copy, a temporary file or a note is there. opencode cuts five characters off any name, and looks for a record of that name. Or a sync tool made copies (`….sync-conflict-….json`, `… (conflicted copy).json`, `… 2.json`). Then opencode shows the record twice.",
  remedy: "quarantine",
  unasked: true,
  advice:
    "Quarantine the file: opencode fails only because of the file's place. Copies are moved only by `repair --only stray-file`; first look which of the two files is newer.",
  issues: [7734],
  classes: ["A6"],
} satisfies Fault;
