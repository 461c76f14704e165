import type { Fault } from "./fault.ts";

const completed = { remedy: "normalise", unasked: false } as const;

/** Catalogue entries for records that can be read, but that opencode's schema refuses. */
export const SCHEMA_MISMATCH = {
  code: "schema-mismatch",
  title: "does not fit the schema that opencode requires",
  invariant: "A record fits the schema by which opencode 1.17 and newer encode their answers.",
  cause: "A person, a script, another program or an older opencode wrote the record. No content is lost.",
  advice:
    "If the right value follows from the session, `repair` sets this value. If not, `repair` does not change the record: compare the named value with a healthy record, and correct the value by hand. A session can be opened without a refused part, and without a refused value such as `permission`. To move refused parts and values to quarantine, run `opencode-session-repair repair --only schema-mismatch`.",
  issues: [29908, 27701, 48539],
  ...completed,
  classes: ["D3", "D8"],
} satisfies Fault;

export const LEGACY_FIELDS = {
  code: "legacy-fields",
  title: "lacks fields that a newer opencode requires",
  invariant: "A record has every field that opencode 1.17 and newer require.",
  cause:
    "An older opencode wrote the record, or the turn was interrupted. The content is intact, and the missing values can be derived from the session.",
  ...completed,
  advice: "`repair` completes the record, if the missing values follow from the session.",
  issues: [29908, 27701, 21489],
  classes: ["D3", "E1"],
} satisfies Fault;

export const NULL_NUMBER = {
  code: "null-number",
  title: "holds null where opencode requires a number",
  invariant: "Costs, token counts and times are numbers or absent.",
  cause: "opencode stored NaN (not a number), which JSON writes as null.",
  ...completed,
  advice: "`repair` sets the number to 0, or leaves it out if it is optional.",
  issues: [38703, 38702],
  classes: ["D6"],
} satisfies Fault;

export const LEGACY_MODEL = {
  code: "legacy-model",
  title: "names its model in the form of an older opencode",
  invariant: "A session's model has `id` and `providerID`.",
  cause:
    'An older opencode wrote {"providerID", "modelID"}. Later versions require `id` instead of `modelID`, but no migration changed the old rows.',
  ...completed,
  advice:
    "`repair` writes the model in the new form. A single row in the old form keeps the whole session list from loading.",
  issues: [26435, 26572],
  classes: ["D4"],
} satisfies Fault;

export const FOREIGN_PART = {
  code: "foreign-part",
  title: "was added by another program, under an id that opencode refuses",
  invariant: "The id of a part has opencode's own form.",
  cause:
    "Memory plugins add parts of their own to a session. These parts hold nothing that the user or the model said.",
  ...completed,
  otherwise: "quarantine",
  advice:
    "`repair` gives the part an id that opencode accepts. The part keeps its place in the message. Update the plugin that wrote the part.",
  issues: [17289, 17785, 18557, 16966],
  classes: ["D2"],
} satisfies Fault;

export const WRONG_ID = {
  code: "wrong-id",
  title: "has an id that opencode refuses",
  invariant:
    "The id of a session begins with `ses`, of a message with `msg`, of a part with `prt`, and of a workspace with `wrk`.",
  cause: "An older opencode (which wrote part ids such as `part_…`), an import or another program wrote the record.",
  advice:
    "`repair` gives a part an id that opencode accepts. The part keeps its place in the message. Ids of messages and sessions are not changed, because other records name them.",
  issues: [17289, 32093],
  ...completed,
  classes: ["D2"],
} satisfies Fault;

export const ID_DIFFERS = {
  code: "id-differs",
  title: "holds another id than the name of its file",
  invariant: "The id inside a session's or a project's file is the name of the file.",
  cause:
    "The file was copied or edited by hand. opencode lists the record under the id inside the file, but looks for the record by the name of the file.",
  ...completed,
  advice: "`repair` replaces the id inside the file by the id in the file's name.",
  issues: [],
  classes: ["A8"],
} satisfies Fault;

export const NOT_ABSOLUTE = {
  code: "path-not-absolute",
  title: "names a folder by a path that is not absolute",
  invariant: "The folders of sessions and projects are absolute paths of opencode's own system.",
  cause: "A client or an import wrote a URL or a relative path, or the database came from another system.",
  advice:
    "The messages are fine. `repair` sets the folder if the messages or the project name it. If neither names the folder, correct the named column by hand. `opencode-session-repair rescue --relink --from FOLDER --to FOLDER` corrects a path of another system (`C:/…` on Linux).",
  issues: [50401, 35846],
  ...completed,
  classes: ["D5"],
} satisfies Fault;

export const UNKNOWN_WORKSPACE = {
  code: "unknown-workspace",
  title: "belongs to a workspace that does not exist",
  invariant: "The workspace that a session names exists.",
  cause: "The workspace was removed, or the session came from another machine.",
  advice: "`repair` takes the session out of that workspace.",
  issues: [38303],
  ...completed,
  classes: ["G"],
} satisfies Fault;

export const JSON_SCHEMA_FORMAT = {
  code: "json-schema-format",
  title: "holds an output format, which this opencode stores but cannot load",
  invariant: "No user message has the field `format`. opencode itself writes this field, but then cannot load it.",
  cause: "opencode has a bug: it cannot encode the format that it stored itself. The record is not damaged.",
  advice: "`repair` removes the format from the record. Or wait for an opencode version that can read the format.",
  issues: [26929],
  ...completed,
  classes: ["D8"],
} satisfies Fault;
