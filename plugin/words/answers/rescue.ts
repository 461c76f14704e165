import { recordRepair } from "../../rescue/choices.ts";
import type { Cause, HiddenSession, PartlyShownSession } from "../../rescue/hidden.ts";
import type { IncompleteSession } from "../../rescue/incomplete.ts";
import type { ColumnChange } from "../../rescue/relink.ts";
import type { HiddenList } from "../../rescue/rescue.ts";
import { plural } from "../amounts.ts";
import { storeText } from "../records.ts";
import { inOnePiece, printable } from "../text-layout.ts";
import { utcText } from "../times.ts";
import { nextLine } from "./check.ts";
import { ALL_SHOWN, WITHOUT_RECORD } from "./common.ts";
import type { CommandWriter } from "./screen.ts";
/** The advice if nothing may be written to the database. */
export const EXPORT_INSTEAD =
  "`opencode-session-repair rescue --export FOLDER` writes the sessions of other stores to files for `opencode import`.";

const HEADINGS: Readonly<Record<Cause, string>> = {
  legacy: "only in the old JSON storage (--import)",
  "other-database": "only in another database (--import)",
  "put-aside": "only in a copy beside the database, perhaps deleted after that copy (--import, or --session ID)",
  moved: "of folders that do not exist any more",
  "project-changed": "of folders that belong to another project now",
  "parent-missing": "children of a session that is gone: opencode's lists leave them out",
  "record-missing": "without a session record",
  archived: "archived: the web and Desktop apps hide them, a terminal UI lists them (--unarchive)",
};

const CAUSES: readonly Cause[] = [
  ...(["legacy", "other-database", "put-aside"] as const),
  ...(["moved", "project-changed", "parent-missing", "record-missing"] as const),
];

/**
 * The hidden sessions, the reason for each, and the commands that rescue them. `named`: the sessions that the user
 * asked about; empty for all.
 */
export function listText(
  { target, hidden, partlyShown, incomplete, unjudged, limits, unreadStores, notFound, refusal }: HiddenList,
  command: CommandWriter,
  named: readonly string[] = [],
): string {
  const lines: string[] = [];
  const missed = hidden.filter(({ cause }) => cause !== "archived");
  if (missed.length > 0) lines.push(`The opencode of ${target} does not show:`);
  for (const cause of CAUSES) lines.push(...section(hidden, cause, command));
  if (partlyShown.length > 0) {
    const heading = `${plural(partlyShown.length, "session")} that a terminal UI lists, but the web and Desktop apps do not list`;
    if (lines.length > 0) lines.push("");
    lines.push(heading, ...byFolder(partlyShown, command));
  }
  if (incomplete.length > 0) {
    if (lines.length > 0) lines.push("");
    const heading = `${plural(incomplete.length, "session")} that have more messages in another store`;
    lines.push(heading, ...incomplete.flatMap((session) => incompleteText(session, command)));
  }
  const archived = section(hidden, "archived", command);
  lines.push(...(lines.length > 0 ? archived : archived.slice(1)));
  const own = named.length > 0 ? NO_LIMITS : limits;
  const notes = noteLines({ unjudged, limits: own, unreadStores });
  // This note comes first, because it answers the user's question about a named session.
  if (notFound.length > 0)
    notes.unshift(`${notFound.join(", ")}: not among the sessions of opencode 1.x that could be read.`);
  const isUntold = unjudged > 0 || unreadStores.length > 0 || notFound.length > 0;
  const nothingListed = (named.length > 0 ? hidden : missed).length + partlyShown.length + incomplete.length === 0;
  if (nothingListed && (named.length > 0 ? !isUntold : notes.length === 0)) {
    const nothing =
      named.length > 0
        ? `Of the sessions that --session names, none is hidden from the opencode of ${target}.`
        : refusal === null
          ? `Nothing is hidden: the opencode of ${target} ${ALL_SHOWN}`
          : "No session of opencode 1.x is hidden here.";
    // `rescue` does not check whether a session loads, so `check` is the next step.
    const next = `${nextLine(command("check"))} (says whether the sessions load)`;
    lines.push(...(lines.length > 0 ? [""] : []), nothing, "", next);
  } else if (refusal !== null) notes.push(`${refusal} ${EXPORT_INSTEAD}`);
  if (notes.length > 0) lines.push(...(lines.length > 0 ? [""] : []), ...notes);
  return lines.join("\n");
}

/**
 * The limits of opencode's lists concern all sessions of a database. An answer about named sessions does not mention
 * them.
 */
const NO_LIMITS: HiddenList["limits"] = { beyond: 0, rule: "100 newest", beyondWeb: 0, webAddress: null };

/** Notes about sessions that the list does not cover. */
export function noteLines({
  unjudged,
  limits,
  unreadStores,
}: Pick<HiddenList, "unjudged" | "limits" | "unreadStores">): string[] {
  const notes: string[] = [];
  notes.push(...unreadLines(unreadStores));
  if (unjudged > 0) {
    notes.push(
      `For ${plural(unjudged, "session")} this tool cannot tell whether opencode lists them: their folder cannot be read.`,
    );
  }
  if (limits.beyond > 0) {
    const rule = limits.rule === "30 days" ? "of the last 30 days" : "that are the 100 newest of a project";
    notes.push(
      `A terminal UI lists only the sessions ${rule}, so ${plural(limits.beyond, "older session")} of this database cannot be in its list.`,
      "The search of the terminal UI finds older sessions. `opencode --session ID` opens a session if you run it in the session's folder.",
    );
  }
  if (limits.beyondWeb > 0) {
    notes.push(
      `The web and Desktop apps list only the 55 newest sessions of a folder, so ${plural(limits.beyondWeb, "older session")} cannot be in their lists.`,
      "The web app opens an older session by its address, /FOLDER/session/ID. FOLDER is the session's folder in base64url.",
      ...(limits.webAddress === null
        ? []
        : [`The newest of these sessions has the address http://localhost:PORT${limits.webAddress}`]),
    );
  }
  return notes;
}

/** The stores that could not be read, with the commands that say why. */
export function unreadLines(stores: HiddenList["unreadStores"]): string[] {
  if (stores.length === 0) return [];
  const options = [
    ...(stores.some(({ isFolder }) => !isFolder) ? ["--db FILE"] : []),
    ...(stores.some(({ isFolder }) => isFolder) ? ["--data-dir FOLDER"] : []),
  ];
  return [
    `${plural(stores.length, "store")} could not be read, so more sessions may be there:`,
    ...stores.map((each) => `  ${inOnePiece(each.path)}`),
    `${options.map((option) => `\`opencode-session-repair check ${option}\``).join(" or ")} says what is wrong with such a store.`,
  ];
}

function section(hidden: readonly HiddenSession[], cause: Cause, command: CommandWriter): string[] {
  const own = hidden.filter((session) => session.cause === cause);
  if (own.length === 0) return [];
  const isMisplaced = own.some(({ reason }) => reason !== undefined);
  return [
    "",
    `${plural(own.length, "session")} ${HEADINGS[cause]}`,
    ...(isMisplaced ? byFolder(own, command) : own.map(sessionText)),
  ];
}

function incompleteText(session: IncompleteSession, command: CommandWriter): string[] {
  const { sessionID, title, messages, more, isContained } = session;
  const where = storeInOnePiece(storeText(session));
  const facts = `${plural(messages, "message")} here, ${more.toLocaleString("en-US")} more in ${where}`;
  const line = `  ${sessionID}  ${[...(title === null ? [] : [printable(title)]), facts].join(" · ").replaceAll("\n", " ")}`;
  if (!isContained) {
    const words = "    The session was continued in both stores. To bring in the other copy as a separate session:";
    return [line, words, `    ${command("rescue", "--session", sessionID)}`];
  }
  if (messages === 0) return [line, `    ${command("rescue")}`];
  return [
    line,
    "    opencode may have removed these messages, for example after an undo. To bring them in again:",
    `    ${command("rescue", "--session", sessionID)}`,
  ];
}

/** Groups sessions with the same folder and reason, each group with the commands for it. */
function byFolder(sessions: readonly (HiddenSession | PartlyShownSession)[], command: CommandWriter): string[] {
  const groups = new Map<string, (HiddenSession | PartlyShownSession)[]>();
  for (const session of sessions) {
    const { cause, sessionID, directory, reason, suggestion, isArchived } = session;
    // Each session that was started from another session has its own command, so it is a group of its own.
    const named = cause === "parent-missing" ? sessionID : "";
    const key = JSON.stringify([directory, reason, suggestion, isArchived, named]);
    groups.set(key, [...(groups.get(key) ?? []), session]);
  }
  return [...groups.values()].flatMap((group) => [...group.map(sessionText), ...adviceFor(group, command)]);
}

function adviceFor(group: readonly (HiddenSession | PartlyShownSession)[], command: CommandWriter): string[] {
  const [first] = group;
  if (first === undefined) return [];
  const lines = first.reason === undefined ? [] : [`    ${reasonText(first.reason)}`];
  if ("shownFrom" in first)
    lines.push(`    A terminal UI that was started in ${inOnePiece(first.shownFrom)} lists ${theseSessions(group)}.`);
  if (first.isArchived === true) lines.push(`    --unarchive also takes ${theseSessions(group)} out of the archive.`);
  if (first.parentElsewhere !== undefined) {
    return [...lines, `    ${command("rescue", "--session", first.parentElsewhere)}`];
  }
  const bare = group.flatMap(({ withoutRecord }) => withoutRecord ?? []);
  if (bare.length > 0) return [...lines, `    ${command(...recordRepair(bare))}`];
  if (first.cause === "parent-missing") {
    return [...lines, `    ${command("rescue", "--relink", "--session", first.sessionID)}`];
  }
  if (first.target != null) return [...lines, `    ${command("rescue", "--relink")}`];
  return [...lines, ...relinkCommands(first, command).map((line) => `    ${line}`)];
}

/** A reason for a screen. The names of the store in it stay on one line. */
function reasonText(reason: string): string {
  return reason.replace(/(?<= is only in ).*(?=\.$)/s, storeInOnePiece);
}

/** The words of {@link storeText} for a screen: the database and the folder each stay on one line. */
function storeInOnePiece(words: string): string {
  const [store = "", ...folder] = words.split(" in ");
  return [store, ...(folder.length === 0 ? [] : [folder.join(" in ")])].map(inOnePiece).join(" in ");
}

function theseSessions(group: readonly unknown[]): string {
  return group.length === 1 ? "this session" : "these sessions";
}

/** The commands that move sessions to a folder, one for each possible folder. The user chooses. */
function relinkCommands({ directory, candidates = [] }: HiddenSession, command: CommandWriter): string[] {
  if (directory === null) return [];
  const places = candidates.length === 0 ? ["FOLDER"] : candidates;
  return places.map((folder) => command("rescue", "--relink", "--from", directory, "--to", folder));
}

function sessionText(session: HiddenSession): string {
  const { sessionID, title, directory, updatedMs, database, dataDir, suggestion } = session;
  const name = title === null ? WITHOUT_RECORD : printable(title);
  const facts = [
    utcText(updatedMs),
    name,
    directory === null ? null : inOnePiece(directory),
    ...((database ?? dataDir) === undefined ? [] : [storeInOnePiece(storeText(session))]),
  ];
  const known = facts.filter((fact) => fact !== null && fact !== "").map((fact) => fact?.replaceAll("\n", " "));
  return `  ${sessionID}  ${known.join(" · ")}${suggestion === null ? "" : ` → ${inOnePiece(suggestion)}`}`;
}

export function changeText({ table, id, column, from, to }: ColumnChange): string {
  const isTime = column.startsWith("time_") && typeof from === "number";
  const before = isTime ? utcText(from) : from;
  return `  ${table} ${id}: ${column} ${inOnePiece(String(before ?? "nothing"))} → ${inOnePiece(String(to ?? "nothing"))}`;
}

/** The question about a folder that is gone. */
export function whereIsNow(folder: string): string {
  return `Where is ${inOnePiece(folder)} now?`;
}
