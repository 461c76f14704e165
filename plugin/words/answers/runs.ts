import { faultByCode } from "../../faults/catalogue.ts";
import type { ChangedRecord, RunOnSession } from "../../show/run-contents.ts";
import { plural, sizeText } from "../amounts.ts";
import { actionWord, recordWords } from "../records.ts";
import { madeBy } from "../sources.ts";
import { clipped, columns, printable } from "../text-layout.ts";
import { minuteText } from "../times.ts";
import type { Screen } from "./screen.ts";
import { type SessionNames, sessionLines } from "./sessions.ts";

/** The changes of one run to one session, for the lists of `runs` and `purge`. */
export interface ListedRun {
  readonly runID: string;
  readonly sessionID: string | null;
  readonly createdAt: string | null;
  readonly state: string;
  readonly items: number;
  readonly bytes: number;
  readonly folder: string;
  readonly problem?: string;
}

/** One run, with the changes to all of its sessions together. */
interface RunRow {
  readonly runID: string;
  readonly sessions: readonly string[];
  readonly createdMs: number | null;
  readonly state: string;
  readonly records: number;
  readonly bytes: number;
  readonly problem: string | null;
}

/** One screen line for each run: date, session, cause and size, then the shortest part of the id that identifies it. */
export function runRows(
  runs: readonly ListedRun[],
  causes: ReadonlyMap<string, string>,
  names: SessionNames,
  screen: Screen,
): string[] {
  const rows = byRun(runs);
  const short = shortestBeginnings(rows.map(({ runID }) => runID));
  return rows.map((row) => {
    const id = screen.isScreen ? (short.get(row.runID) ?? row.runID) : row.runID;
    const when = row.createdMs === null ? "unknown time" : minuteText(row.createdMs);
    const size = `${plural(row.records, "record")}, ${sizeText(row.bytes)}`;
    const cause = row.problem ?? causes.get(row.runID) ?? "";
    const session = sessionsText(row.sessions, names);
    const count = row.sessions.length > 1 ? plural(row.sessions.length, "session") : "";
    const rest = [session, count, cause, size, stateText(row.state)].filter((each) => each !== "");
    if (!screen.isScreen) return [row.runID, when, ...rest].join("  ");
    const head = `${when}  ${id}  `;
    const room = screen.width - columns(head);
    // On a narrow terminal, a run is shown by its session, because users recognise the run by it.
    return room < 30
      ? clipped(`${head}${session}`, screen.width, screen.ellipsis)
      : `${screen.style("dim", head)}${fitted(rest, room, screen.ellipsis)}`;
  });
}

/** Shows as many of these facts as fit. The first fact is shortened if that helps. */
function fitted([first = "", ...others]: readonly string[], room: number, ellipsis: string): string {
  const kept: string[] = [];
  for (const fact of others.toReversed()) {
    const taken = kept.reduce((sum, each) => sum + columns(each) + 3, 0);
    if (taken + columns(fact) + 3 + Math.min(columns(first), 20) <= room) kept.unshift(fact);
  }
  const taken = kept.reduce((sum, each) => sum + columns(each) + 3, 0);
  return [clipped(first, room - taken, ellipsis), ...kept].join(" · ");
}

function byRun(runs: readonly ListedRun[]): RunRow[] {
  const rows = new Map<string, ListedRun[]>();
  for (const run of runs) rows.set(run.runID, [...(rows.get(run.runID) ?? []), run]);
  return [...rows].map(([runID, own]) => {
    const created = own.find(({ createdAt }) => createdAt !== null)?.createdAt;
    const states = new Set(own.map(({ state }) => state));
    return {
      runID,
      sessions: [...new Set(own.flatMap(({ sessionID }) => (sessionID === null ? [] : [sessionID])))],
      createdMs: created == null ? null : Date.parse(created),
      state: states.size === 1 ? (own[0]?.state ?? "") : "partly restored",
      records: own.reduce((sum, { items }) => sum + items, 0),
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      problem: own.find(({ problem }) => problem !== undefined)?.problem ?? null,
    };
  });
}

const STATES: Readonly<Record<string, string>> = {
  done: "",
  planned: "unfinished",
  restored: "undone",
  "rolled-back": "changed nothing",
  unreadable: "unreadable",
};

function stateText(state: string): string {
  return STATES[state] ?? state;
}

function sessionsText(sessions: readonly string[], names: SessionNames): string {
  const [first] = sessions;
  if (first === undefined) return "the store itself";
  const title = names.get(first)?.title;
  const name = title == null || title === "" ? printable(first) : printable(title).replaceAll("\n", " ");
  return name;
}

/**
 * For each run, the shortest beginning of its id that no other run has. Each beginning contains at least the day and
 * the minute.
 */
function shortestBeginnings(ids: readonly string[]): ReadonlyMap<string, string> {
  const LEAST = "20261123T0215".length;
  const found = new Map<string, string>();
  for (const id of ids) {
    let length = LEAST;
    while (length < id.length && ids.some((other) => other !== id && other.startsWith(id.slice(0, length))))
      length += 1;
    found.set(id, id.slice(0, length));
  }
  return found;
}

/** The most frequent cause among codes, and how many others there are. */
export function causeText(codes: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  if (most === undefined) return "";
  const others = counts.size - 1;
  const title = faultByCode(most[0])?.title ?? most[0];
  return `${title}${others > 0 ? `, and ${plural(others, "other cause")}` : ""}`;
}

/** If one session has more records than this, its records are counted by cause. */
const MOST_RECORDS = 20;

/**
 * The contents of a run, session by session: the action on each record, its cause, and the readable text of the
 * original.
 */
export function contentLines(sessions: readonly RunOnSession[], names: SessionNames, screen: Screen): string[] {
  return sessions.flatMap(({ sessionID, records }) => {
    const head = sessionID === null ? ["  The store itself"] : sessionLines(sessionID, names, screen);
    return [...head, ...recordLines(records, screen)];
  });
}

function recordLines(records: readonly ChangedRecord[], screen: Screen): string[] {
  const lines = records.slice(0, MOST_RECORDS).flatMap((record) => {
    const { id, code, bytes, action, state, source, text } = record;
    // The code of a rescued record describes a project or a whole store, so it does not fit a line about one session.
    const title = action === "rescued" ? "" : ` ${faultByCode(code)?.title ?? code}`;
    const size = bytes === null ? "added" : sizeText(bytes);
    // The source text of a rebuilt or closed record begins with `rebuilt` or `closed`, so that word is not printed
    // again.
    const isMade = action === "recovered" && madeBy(source) !== null;
    const from =
      source === null || isMade ? "" : ` (${action === "quarantined" ? "replaced by" : "source:"} ${source})`;
    const act = isMade ? source : `${actionWord({ action })}${from}`;
    const since = state === "done" ? "" : ` (${stateText(state) || state})`;
    const facts = `    ${id}  ${recordWords(record)}${title}: ${act}, ${size}${since}`;
    if (text === null) return [facts];
    const quote = clipped(text, screen.isScreen ? screen.width - 14 : 100, screen.ellipsis);
    return [facts, `          ${screen.style("dim", `“${quote}”`)}`];
  });
  if (records.length > MOST_RECORDS) {
    const rest = records.slice(MOST_RECORDS);
    lines.push(`    … and ${plural(rest.length, "record")} more: ${causeText(rest.map(({ code }) => code))}`);
  }
  return lines;
}
