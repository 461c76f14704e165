import type { LineName, PathSystem, StoreDescription } from "../model/store-description.ts";
import { type Frame, type HostLine, LINES } from "./lines.ts";
import type { ScreenName } from "./screen-demand.ts";

const byName = new Map<LineName, HostLine>(LINES.map((line) => [line.name, line]));

export function lineNamed(name: LineName): HostLine {
  const line = byName.get(name);
  if (line === undefined) throw new Error(`no line of opencode is called ${name}`);
  return line;
}

/** The line of the host that loads a store; where several may, the likeliest. */
export function hostLine(store: StoreDescription): HostLine {
  const [line] = store.lines ?? [];
  return lineNamed(line ?? lineOfKind(store));
}

/** The system whose opencode loads a store: by its rules folders are judged. */
export function pathSystem(store: StoreDescription): PathSystem {
  return store.system ?? "posix";
}

/** A store whose description names no line: files, or records that are only meant for a database. */
function lineOfKind(store: StoreDescription): LineName {
  if (store.generation === "json") return lineOfFiles(store.hostVersion);
  if (store.contract === "strict") return "1.17.11";
  return store.sessionDiffReader === "1.14" ? "1.14" : "1.2.20";
}

/** The line of a host that keeps files; a version that was not measured counts for the nearest. */
export function lineOfFiles(version: string | null): LineName {
  const line = version === null ? null : lineOf(version);
  if (line?.journal === null) return line.name;
  return version?.startsWith("1.0.") ? "1.0" : "1.1";
}

/** The store as each of the lines that may load it sees it, the likeliest first. */
export function readings(store: StoreDescription): readonly StoreDescription[] {
  if (store.lines === undefined || store.lines.length < 2) return [store];
  return store.lines.map((name) => readBy(store, lineNamed(name)));
}

/** The screens of the hosts that may load the store, as far as values end them. */
export function screensOf(store: StoreDescription): readonly ScreenName[] {
  const { lines } = store;
  const loading = lines === undefined || lines.length < 2 ? [hostLine(store)] : lines.map(lineNamed);
  return loading.flatMap(({ screen }) => screen ?? []);
}

/** What the host of a store makes of `storage/session_diff/<id>.json` (docs/host-measurements.md, E). */
export interface DiffReading {
  /** Whether an answer fails where the file cannot be read; else it counts as an empty list. */
  readonly failsUnread: boolean;
  /** Whether it is read as UTF-8 whatever it begins with. */
  readonly isUtf8: boolean;
  /** What must be in it: anything, a list of diffs that name a file, or a list of diffs whose every field is checked. */
  readonly holds: "anything" | "names" | "diffs";
}

const DIFF_READINGS: Readonly<Record<NonNullable<StoreDescription["sessionDiffReader"]>, DiffReading>> = {
  "1.0.61": { failsUnread: true, isUtf8: false, holds: "anything" },
  "1.0": { failsUnread: false, isUtf8: false, holds: "anything" },
  "1.1": { failsUnread: false, isUtf8: false, holds: "names" },
  "1.14": { failsUnread: true, isUtf8: true, holds: "names" },
  "1.15": { failsUnread: true, isUtf8: true, holds: "diffs" },
};

const UNREAD: DiffReading = { failsUnread: false, isUtf8: false, holds: "anything" };

export function diffReading({ sessionDiffReader }: StoreDescription): DiffReading {
  return sessionDiffReader === null ? UNREAD : DIFF_READINGS[sessionDiffReader];
}

/** Whether the host of a store checks every record by its schema when it loads it. */
export function checksRecords({ contract }: Pick<StoreDescription, "contract">): boolean {
  return contract === "strict";
}

function readBy(store: StoreDescription, { name, contract, sessionDiffReader }: HostLine): StoreDescription {
  return { ...store, lines: [name], contract, sessionDiffReader };
}

/**
 * The lines that may load a database. The version of the running host decides, where it is known and can open it. Else
 * its frame tells, and among lines with one frame the version of its newest session. Where both contradict each other
 * (an upgrade without a new session since, or an older opencode on a newer database), all of these may.
 */
export function linesOfDatabase(
  frame: Frame,
  runningVersion: string | null,
  newestSessionVersion: string | null,
): readonly LineName[] {
  const journal = frame.tables.has("migration") ? "migration" : "drizzle";
  const opens = (version: string | null) => {
    const line = version === null ? null : lineOf(version);
    return line?.journal === journal ? line.name : null;
  };
  const running = opens(runningVersion);
  if (running !== null) return [running];
  const shaped = LINES.filter((line) => line.shaped(frame)).map(({ name }) => name);
  const newest = opens(newestSessionVersion);
  if (newest === null) return shaped;
  return shaped.includes(newest) ? [newest] : [newest, ...shaped];
}

/** The line of a version; `null` between the last that was measured of one line and the first of the next. */
function lineOf(version: string): HostLine | null {
  return (
    LINES.find(
      ({ first, last }) =>
        compareVersions(version, first) >= 0 && (last === null || compareVersions(version, last) <= 0),
    ) ?? null
  );
}

/** The newest version whose rules were measured. */
const NEWEST_MEASURED = "1.18.34";

/** Whether the rules of a version are known, and not only taken to be those of the last one that is. */
export function isMeasured(version: string): boolean {
  return compareVersions(version, NEWEST_MEASURED) <= 0;
}

function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((version) => version.split(".").map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The versions of a line, for a person: `1.15.13`, `1.14.48 to 1.15.4`, `1.17.11 and newer`. */
export function versionsOf({ first, last }: HostLine): string {
  if (first === last) return first;
  return last === null ? `${first} and newer` : `${first} to ${last}`;
}
