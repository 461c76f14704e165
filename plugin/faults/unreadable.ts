import type { Fault } from "./fault.ts";

const quarantined = { remedy: "quarantine", unasked: true } as const;

/** Catalogue entries for records that cannot be read at all. */
export const EMPTY = {
  code: "empty",
  title: "is empty",
  invariant: "A record holds a JSON document.",
  cause:
    "The disk was full. Or the process died after it had emptied the file, before it wrote the new content (0 bytes).",
  advice: "Quarantine the record: its content is lost, but the rest of the session loads again.",
  issues: [7607, 7598, 2135, 5431, 12002, 8825, 13032, 13745, 7733, 7734],
  ...quarantined,
  classes: ["A1", "D7"],
} satisfies Fault;

export const NUL_FILLED = {
  code: "nul-filled",
  title: "holds nothing but NUL bytes",
  invariant: "A record holds a JSON document.",
  cause: "The machine lost power or crashed: the file's length reached the disk, but its content did not.",
  advice: "Quarantine the record: its content never reached the disk.",
  issues: [10904, 9673, 8661],
  ...quarantined,
  classes: ["A2", "D7"],
} satisfies Fault;

export const NUL_TAIL = {
  code: "nul-tail",
  title: "ends in NUL bytes",
  invariant: "Only white space follows the JSON document.",
  cause: "The machine lost power or crashed in the middle of a write.",
  advice: "Use `/repair` or `opencode-session-repair repair`: a complete document before the NUL bytes is kept.",
  issues: [10904],
  ...quarantined,
  classes: ["A2", "D7"],
} satisfies Fault;

export const TRUNCATED = {
  code: "truncated",
  title: "stops in the middle",
  invariant: "The JSON document is complete.",
  cause: "The disk was full or the process died in the middle of a write.",
  advice:
    "Use `/repair` or `opencode-session-repair repair`: a text or a tool call keeps its readable part, with a note that the rest is lost. The original stays in quarantine.",
  issues: [7607, 27843, 28010, 30604, 32802],
  ...quarantined,
  classes: ["A1", "A4", "D7"],
} satisfies Fault;

export const NOT_UTF8 = {
  code: "not-utf8",
  title: "is not UTF-8 text",
  invariant: "A stored text is well-formed UTF-8.",
  cause: "Bytes were overwritten, or another program wrote the text.",
  advice:
    "Use `/repair` or `opencode-session-repair repair`: the readable part is kept. The original bytes stay in quarantine.",
  issues: [],
  ...quarantined,
  classes: ["D7"],
} satisfies Fault;

export const MALFORMED = {
  code: "malformed",
  title: "is not valid JSON",
  invariant: "A record holds exactly one JSON document.",
  cause: "Bytes were overwritten, two writes went into one file, or the file was edited by hand.",
  advice:
    "Use `/repair` or `opencode-session-repair repair`: the readable part is kept, and the original stays in quarantine. A malformed message also stops the upgrade from 1.14 to 1.17 and newer.",
  issues: [7607, 12002],
  ...quarantined,
  classes: ["A1", "A4", "C4", "D7"],
} satisfies Fault;

export const BINARY_VALUE = {
  code: "binary-value",
  title: "is stored as binary data",
  invariant: "SQLite stores each JSON value of a row as a text (storage class TEXT).",
  cause: "A script or tool wrote the value as a BLOB; opencode cannot parse it.",
  advice: "Use `/repair` or `opencode-session-repair repair`: the same bytes are stored as text.",
  issues: [],
  ...quarantined,
  classes: ["D7"],
} satisfies Fault;

export const NOT_AN_OBJECT = {
  code: "not-an-object",
  title: "is JSON of another kind than opencode needs in this place",
  invariant: "The JSON document of a record is an object (or a list, for the kinds that opencode stores as a list).",
  cause: "A person or a script changed the record.",
  advice: "Quarantine the record.",
  issues: [],
  ...quarantined,
  classes: ["A7", "A8"],
} satisfies Fault;

/**
 * `unavailable` is only reported: moving the file would not help, because the system still would not return its bytes.
 */
export const UNAVAILABLE = {
  code: "unavailable",
  title: "cannot be opened at the moment",
  invariant: "The operating system allows the tool to read the record.",
  cause:
    "Another program (such as an antivirus) holds the file open, the file's permissions are wrong, or the disk is failing. The record may be undamaged.",
  remedy: "report",
  unasked: false,
  advice:
    "Close the program that holds the file open, or correct the file's permissions. Then check again. The tool does not move the file.",
  issues: [10533, 8792],
  classes: ["A3"],
} satisfies Fault;
