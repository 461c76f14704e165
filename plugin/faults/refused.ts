import type { Fault } from "./fault.ts";

const completed = { remedy: "normalise", unasked: false } as const;

/** Records that can be read, but that the host's schema refuses. */
export const SCHEMA_MISMATCH = {
  code: "schema-mismatch",
  title: "does not have the shape that opencode demands",
  invariant: "A record fits the schema by which opencode 1.17 and newer encode their answers.",
  cause: "A hand edit, a script, another program, or an older opencode. The content is there.",
  advice:
    "Where the right value follows from the session, let it be set. Else the content stays where it is: compare the named place with a healthy record and correct that one value. A part may also leave its session, which then opens without it: `opencode-session-repair repair --only schema-mismatch` moves such parts to quarantine.",
  issues: [29908, 27701, 48539],
  ...completed,
  classes: ["D3", "D8"],
} satisfies Fault;

export const LEGACY_FIELDS = {
  code: "legacy-fields",
  title: "lacks fields that a newer opencode demands",
  invariant: "Every field that opencode 1.17 and newer demand is there.",
  cause: "An older opencode, or an interrupted turn, wrote it. The content is good; the missing values follow from it.",
  ...completed,
  advice: "Let the record be completed; the original stays in quarantine.",
  issues: [29908, 27701, 21489],
  classes: ["D3", "E1"],
} satisfies Fault;

export const NULL_NUMBER = {
  code: "null-number",
  title: "holds null where opencode demands a number",
  invariant: "Costs, token counts and times are numbers or absent.",
  cause: "A number that was not one (NaN): JSON writes it as null.",
  ...completed,
  advice: "Let the number be set to 0, or left out where it may be.",
  issues: [38703, 38702],
  classes: ["D6"],
} satisfies Fault;

export const LEGACY_MODEL = {
  code: "legacy-model",
  title: "names its model in the shape of an older opencode",
  invariant: "A session's model has `id` and `providerID`.",
  cause: 'Written as {"providerID", "modelID"} before the shape changed without a migration.',
  ...completed,
  advice: "Let the model be written in the new shape; one such row keeps the whole list from loading.",
  issues: [26435, 26572],
  classes: ["D4"],
} satisfies Fault;

export const FOREIGN_PART = {
  code: "foreign-part",
  title: "was put there by another program, under an id that opencode refuses",
  invariant: "Part ids begin with `prt`.",
  cause: "Memory plugins add parts of their own to a session. These parts hold nothing that was said in it.",
  ...completed,
  otherwise: "quarantine",
  advice: "Let it get an id that opencode takes, in the same place. Update the plugin that writes such parts.",
  issues: [17289, 17785, 18557, 16966],
  classes: ["D2"],
} satisfies Fault;

export const WRONG_ID = {
  code: "wrong-id",
  title: "has an id that opencode refuses",
  invariant: "Ids begin with `ses`, `msg`, `prt` or `wrk`, according to what they name.",
  cause: "An older opencode (part ids `part_…`), an import, or another program.",
  advice:
    "Let a part get an id that opencode takes, in the same place. Ids of messages and sessions stay: others point to them.",
  issues: [17289, 32093],
  ...completed,
  classes: ["D2"],
} satisfies Fault;

export const ID_DIFFERS = {
  code: "id-differs",
  title: "calls itself by another id than its file does",
  invariant: "The id inside a session's or a project's file is the name of the file.",
  cause: "A copied or hand-edited file. opencode lists it under the one id and looks for it under the other.",
  ...completed,
  advice: "Let the id inside be set to the name of the file.",
  issues: [],
  classes: ["A8"],
} satisfies Fault;

export const NOT_ABSOLUTE = {
  code: "path-not-absolute",
  title: "names a folder by a path that is not absolute",
  invariant: "The folders of sessions and projects are absolute paths of the system that opencode runs on.",
  cause:
    "A client or an import wrote a URL or a relative path, or the database came from another system. The messages are fine.",
  advice:
    "The messages are fine. Let the folder be set where the messages or the project name it; else set the one column by hand. A path of another system (`C:/…` on Linux) is set by `opencode-session-repair rescue --relink --from FOLDER --to FOLDER`.",
  issues: [50401, 35846],
  ...completed,
  classes: ["D5"],
} satisfies Fault;

export const UNKNOWN_WORKSPACE = {
  code: "unknown-workspace",
  title: "belongs to a workspace that is not there",
  invariant: "The workspace that a session names exists.",
  cause: "The workspace was removed, or the session came from another machine.",
  advice: "Let the session be taken out of that workspace.",
  issues: [38303],
  ...completed,
  classes: ["G"],
} satisfies Fault;

export const JSON_SCHEMA_FORMAT = {
  code: "json-schema-format",
  title: "holds an output format, which this opencode cannot show again",
  invariant: "No user message holds `format`, although opencode itself writes it.",
  cause: "A bug of opencode: it cannot encode the format it stored. The record is right.",
  advice:
    "Repair it: the format is left out, and the original stays in quarantine. Or upgrade once a version can read it.",
  issues: [26929],
  ...completed,
  classes: ["D8"],
} satisfies Fault;
