import { NAMES_DATABASE } from "../words/origins.ts";
import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Catalogue entries for sessions that exist but are not shown, or are shown in the wrong place. */
export const FOLDER_MISSING = {
  code: "folder-missing",
  title: "has sessions of folders that no longer exist",
  invariant: "The folder in which a session was used exists.",
  cause: "The project was moved or renamed. opencode lists sessions by project and folder.",
  advice:
    "The sessions are complete. `opencode-session-repair rescue` says where opencode shows these sessions, and names the command that corrects their folder.",
  adviceWithoutDatabase:
    "The sessions are complete. Move the folder to its old place: opencode 1.0-1.1 lists a session by its folder.",
  issues: [33909, 23248, 40677, 35427, 46276, 27822, 49082],
  classes: ["G"],
  ...reported,
} satisfies Fault;

export const PROJECT_MISSING = {
  code: "project-missing",
  title: "has sessions, but no record of its own",
  invariant: "The project of every session has a record.",
  cause: "The record was lost or deleted, or the rows were changed by hand.",
  advice:
    "The sessions are complete, but no list shows them. `opencode-session-repair repair --only project-missing` rebuilds the project's record from its sessions: folder and times. The project's name and icon are lost. Or start opencode once in the project's folder: opencode then writes a new record. Rebuild or write the record before an import into a database, because the import leaves out sessions without a project.",
  issues: [16579, 8661, 29375, 30236],
  classes: ["A8", "C5", "F", "G"],
  remedy: "recover",
  unasked: false,
} satisfies Fault;

export const DUPLICATE_PROJECT = {
  code: "duplicate-project",
  title: "has the same folder as another project",
  invariant: "A folder belongs to one project.",
  cause:
    "The project got another id. opencode derives this id from the first commit or the remote of the repository, or reads it from .git/opencode.",
  advice:
    "The sessions of both projects are complete. `opencode-session-repair rescue` says which of these sessions opencode shows, and names the command for the others.",
  adviceWithoutDatabase:
    "The sessions of both projects are complete. opencode 1.0-1.1 lists only the sessions of the project with the new id.",
  issues: [16579, 8661, 29375],
  classes: ["G"],
  ...reported,
} satisfies Fault;

export const ORPHANS = {
  code: "orphans",
  title: "There are messages or parts whose session or message is gone",
  invariant: "The message of every part exists, and the session of every message exists.",
  cause: "Rows were deleted by hand while SQLite's foreign keys were off, or a table was damaged and restored.",
  advice:
    "These records do no harm. Do not delete these records: nothing else may be left of their sessions. `opencode-session-repair rescue` lists the sessions of these records, with the command for each.",
  issues: [37450, 15884, 36670],
  classes: ["F"],
  ...reported,
} satisfies Fault;

export const NOT_IMPORTED = {
  code: "not-imported",
  title: "There are sessions in storage/ that the database does not have",
  invariant: "Every session of the old storage was imported into the database.",
  cause:
    "opencode 1.17 or newer, which never imports, was started directly after 1.0-1.1. Or the import of 1.2 to 1.15 was interrupted, skipped a project whose record was damaged, or left out many rows because of one bad row.",
  advice:
    "Keep storage/: it may be the only copy, and opencode 1.17 and newer never import it. `opencode-session-repair rescue --import` brings these sessions in.",
  issues: [13654, 13560, 13636, 13818, 36178, 16885, 34445, 31023],
  classes: ["C5"],
  ...reported,
} satisfies Fault;

export const SEVERAL_DATABASES = {
  code: "several-databases",
  title: "There is more than one database with sessions",
  invariant: "All sessions are in the database that opencode opens.",
  cause: "Every release channel has a database of its own (opencode.db, opencode-<channel>.db).",
  advice: `${NAMES_DATABASE} \`opencode-session-repair rescue --import\` brings in the sessions that only the other databases have. OPENCODE_DISABLE_CHANNEL_DB=1 makes every channel use opencode.db.`,
  issues: [21790, 2987, 16562],
  classes: ["B6"],
  ...reported,
} satisfies Fault;

export const DATABASE_COPIES = {
  code: "database-copies",
  title: "There are copies of a database beside it",
  invariant: "All sessions are in the database that opencode opens.",
  cause:
    "The database was renamed to keep it, a sync program made a second copy, or OPENCODE_DB named another database.",
  advice:
    "opencode opens a copy only if OPENCODE_DB names that copy. `opencode-session-repair rescue` lists the sessions that only the copies have.",
  issues: [2987, 31119, 44201],
  classes: ["B6"],
  ...reported,
} satisfies Fault;

export const MESSAGE_ID_WRAP = {
  code: "message-id-wrap",
  title: "has messages whose ids sort in the wrong order, because the clock in the ids overflowed",
  invariant: "The ids of a session's messages sort in the order of time.",
  cause:
    "The 48-bit clock in message ids overflowed at 2026-08-14T11:19:55Z, so newer ids sort before older ids. The data is right.",
  advice:
    "opencode up to 1.18.14 stops answering in a session whose ids sort in the wrong order. Upgrade to 1.18.15 or newer, or fork the session.",
  issues: [42570, 42583, 42608, 42639, 42798, 40990, 43303],
  classes: ["D1"],
  ...reported,
} satisfies Fault;
