import type { LineName, PathSystem, StoreDescription } from "../model/store-description.ts";
import type { DiffReading, Frame, HostProfile, JournalTable } from "./profile.ts";
import { compareVersions } from "./running-host.ts";
import type { Screen } from "./screen-demand.ts";
import { LINES_OF_1_0 } from "./v1.0/profile.ts";
import { LINES_OF_1_1 } from "./v1.1/profile.ts";
import { LINES_OF_1_2 } from "./v1.2/profile.ts";
import { LINE_1_14 } from "./v1.14/profile.ts";
import { LINES_OF_1_15 } from "./v1.15/profile.ts";
import { LINE_1_17_11, LINES_OF_1_17 } from "./v1.17/profile.ts";

/** Oldest first. */
export const LINES: readonly HostProfile[] = [
  ...LINES_OF_1_0,
  ...LINES_OF_1_1,
  ...LINES_OF_1_2,
  LINE_1_14,
  ...LINES_OF_1_15,
  ...LINES_OF_1_17,
];

/** This line has no end: a version after its last measured one belongs to it. */
export const NEWEST_LINE: HostProfile = LINE_1_17_11;

/** The newer kind of store is first, because a host that has it reads the older kind only once. */
export const JOURNALS: readonly JournalTable[] = [
  ...new Set(LINES.toReversed().flatMap(({ journal }) => journal ?? [])),
];

const byName = new Map<LineName, HostProfile>(LINES.map((line) => [line.name, line]));

export function lineNamed(name: LineName): HostProfile {
  const line = byName.get(name);
  if (line === undefined) throw new Error(`no line of opencode is called ${name}`);
  return line;
}

/** The check of each record asks for the line. To find it by the version costs more than to read a small record. */
const lineOfStore = new WeakMap<StoreDescription, HostProfile>();

/** The line of the host that loads a store. If several lines are possible, this is the likeliest. */
export function hostLine(store: StoreDescription): HostProfile {
  const known = lineOfStore.get(store);
  if (known !== undefined) return known;
  const [named] = store.lines ?? [];
  const line = lineNamed(named ?? lineOfKind(store));
  lineOfStore.set(store, line);
  return line;
}

/** The system whose opencode loads a store. Folders are checked by the rules of that system. */
export function pathSystem(store: StoreDescription): PathSystem {
  return store.system ?? "posix";
}

/** The line for a store whose description names none: files, or records that are only intended for a database. */
function lineOfKind(store: StoreDescription): LineName {
  if (store.generation === "json") return lineOfFiles(store.hostVersion);
  if (store.contract === "strict") return NEWEST_LINE.name;
  return store.sessionDiffReader === "1.14" ? "1.14" : "1.2.20";
}

/** The line of a host that keeps files. A version that was not measured counts as the nearest measured one. */
export function lineOfFiles(version: string | null): LineName {
  const line = version === null ? null : lineOf(version);
  if (line?.journal === null) return line.name;
  return version?.startsWith("1.0.") ? "1.0" : "1.1";
}

/** Every record of a store needs its descriptions and its screens, so they are made once for each store. */
const readingsOfStore = new WeakMap<StoreDescription, readonly StoreDescription[]>();

/** The description of a store for each line of opencode that may load it, the likeliest first. */
export function readings(store: StoreDescription): readonly StoreDescription[] {
  const known = readingsOfStore.get(store);
  if (known !== undefined) return known;
  const { lines } = store;
  const found =
    lines === undefined || lines.length < 2
      ? [store]
      : lines.map((name) => ({ ...store, lines: [name], ...demandsOf(lineNamed(name)) }));
  readingsOfStore.set(store, found);
  return found;
}

const screens = new WeakMap<StoreDescription, readonly Screen[]>();

/** The screens of the hosts that may load the store, if a value can make them close. */
export function screensOf(store: StoreDescription): readonly Screen[] {
  const { lines } = store;
  const known = screens.get(store);
  if (known !== undefined) return known;
  const loading = lines === undefined || lines.length < 2 ? [hostLine(store)] : lines.map(lineNamed);
  const found = loading.flatMap(({ screen }) => screen ?? []);
  screens.set(store, found);
  return found;
}

const UNREAD: DiffReading = { failsUnread: false, isUtf8: false, holds: "anything" };

/** How the host of a store reads its session diffs. */
export function diffReading({ sessionDiffReader }: StoreDescription): DiffReading {
  return (sessionDiffReader === null ? null : lineNamed(sessionDiffReader).sessionDiffs) ?? UNREAD;
}

/** The parts of a store's description that state the requirements of its line for records. */
export function demandsOf(line: HostProfile): Pick<StoreDescription, "contract" | "sessionDiffReader"> {
  return { contract: line.contract, sessionDiffReader: line.sessionDiffs === null ? null : line.name };
}

/** Whether the host of a store checks every record against its schema when it loads it. */
export function checksRecords({ contract }: Pick<StoreDescription, "contract">): boolean {
  return contract === "strict";
}

/**
 * The lines that may load a database. The version of the running host decides, if it is known and can open the
 * database. Otherwise the tables decide; for lines with the same tables, the version of the newest session decides. If
 * tables and version contradict each other, all of these lines are possible. That happens after an upgrade without a
 * new session, or with an older opencode on a newer database.
 */
export function linesOfDatabase(
  frame: Frame,
  runningVersion: string | null,
  newestSessionVersion: string | null,
): readonly LineName[] {
  const journal = JOURNALS.find(({ name }) => frame.tables.has(name)) ?? JOURNALS.at(-1);
  const opens = (version: string | null) => {
    const line = version === null ? null : lineOf(version);
    return line !== null && line.journal === journal ? line.name : null;
  };
  const running = opens(runningVersion);
  if (running !== null) return [running];
  const shaped = LINES.filter((line) => line.shaped(frame)).map(({ name }) => name);
  const newest = opens(newestSessionVersion);
  if (newest === null) return shaped;
  return shaped.includes(newest) ? [newest] : [newest, ...shaped];
}

/** The line of a version; `null` for a version between the last measured one of a line and the first of the next. */
function lineOf(version: string): HostProfile | null {
  return (
    LINES.find(
      (line) =>
        compareVersions(version, line.first) >= 0 && (line === NEWEST_LINE || compareVersions(version, line.last) <= 0),
    ) ?? null
  );
}

/** Whether the rules of a version were measured. If not, the rules of the last measured version are used. */
export function isMeasured(version: string): boolean {
  return compareVersions(version, NEWEST_LINE.last) <= 0;
}

/** The versions of a line in words: `1.15.13`, `1.14.48 to 1.15.4`, `1.17.11 and newer`. */
export function versionsOf(line: HostProfile): string {
  if (line === NEWEST_LINE) return `${line.first} and newer`;
  return line.first === line.last ? line.first : `${line.first} to ${line.last}`;
}
