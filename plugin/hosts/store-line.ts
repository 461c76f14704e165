import type { LineName, PathSystem, StoreDescription } from "../model/store-description.ts";
import type { DiffReading, HostProfile, JournalTable, SchemaFrame } from "./profile.ts";
import { compareVersions } from "./running-host.ts";
import type { ScreenDemands } from "./screen-demand.ts";
import { LINES_OF_1_0 } from "./v1.0/profile.ts";
import { LINES_OF_1_1 } from "./v1.1/profile.ts";
import { LINES_OF_1_2 } from "./v1.2/profile.ts";
import { LINE_1_14 } from "./v1.14/profile.ts";
import { LINES_OF_1_15 } from "./v1.15/profile.ts";
import { LINE_1_17_11, LINES_OF_1_17 } from "./v1.17/profile.ts";

/** All lines of opencode, the oldest first. A line is a range of versions that read records in the same way. */
export const LINES: readonly HostProfile[] = [
  ...LINES_OF_1_0,
  ...LINES_OF_1_1,
  ...LINES_OF_1_2,
  LINE_1_14,
  ...LINES_OF_1_15,
  ...LINES_OF_1_17,
];

/**
 * The newest version range. Unlike the others, this range has no end: versions that are too new to be measured also
 * belong to it.
 */
export const NEWEST_LINE: HostProfile = LINE_1_17_11;

/**
 * The tables in which opencode records migrations. The newer table is first, because an opencode that uses the newer
 * table reads the older one only once.
 */
export const JOURNALS: readonly JournalTable[] = [
  ...new Set(LINES.toReversed().flatMap(({ journal }) => journal ?? [])),
];

const byName = new Map<LineName, HostProfile>(LINES.map((line) => [line.name, line]));

export function lineNamed(name: LineName): HostProfile {
  const line = byName.get(name);
  if (line === undefined) throw new Error(`no version range of opencode is called ${name}`);
  return line;
}

/**
 * The version range of the opencode that loads each store. It is kept because the check of every record asks for it,
 * and a search by version would cost more than reading a small record.
 */
const lineOfStore = new WeakMap<StoreDescription, HostProfile>();

/**
 * The version range of the opencode that loads a store. If several version ranges are possible, the likeliest is
 * returned.
 */
export function hostLine(store: StoreDescription): HostProfile {
  const known = lineOfStore.get(store);
  if (known !== undefined) return known;
  const [named] = store.lines ?? [];
  const line = lineNamed(named ?? lineOfKind(store));
  lineOfStore.set(store, line);
  return line;
}

/**
 * The kind of system (Windows, or Linux and macOS) whose opencode loads a store. Folders are checked by the rules of
 * that system.
 */
export function pathSystem(store: StoreDescription): PathSystem {
  return store.system ?? "posix";
}

/**
 * The version range for a store whose description names none. That is a store of JSON files, or a description made for
 * records that have no database yet.
 */
function lineOfKind(store: StoreDescription): LineName {
  if (store.generation === "json") return lineOfFiles(store.hostVersion);
  if (store.contract === "strict") return NEWEST_LINE.name;
  return store.sessionDiffReader === "1.14" ? "1.14" : "1.2.20";
}

/**
 * The version range for an opencode that keeps sessions in files. A version that was not measured counts as the nearest
 * measured one.
 */
export function lineOfFiles(version: string | null): LineName {
  const line = version === null ? null : lineOf(version);
  if (line?.journal === null) return line.name;
  return version?.startsWith("1.0.") ? "1.0" : "1.1";
}

/** The result of {@link readings} for each store, kept because the check of every record needs it. */
const readingsOfStore = new WeakMap<StoreDescription, readonly StoreDescription[]>();

/** The descriptions of a store, one for each version range of opencode that may load the store, the likeliest first. */
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

/** The result of {@link screensOf} for each store, kept because the check of every record needs it. */
const screens = new WeakMap<StoreDescription, readonly ScreenDemands[]>();

/**
 * The requirements of each terminal UI that may show the sessions of a store. A UI that never closes because of a value
 * is left out.
 */
export function screensOf(store: StoreDescription): readonly ScreenDemands[] {
  const { lines } = store;
  const known = screens.get(store);
  if (known !== undefined) return known;
  const loading = lines === undefined || lines.length < 2 ? [hostLine(store)] : lines.map(lineNamed);
  const found = loading.flatMap(({ screen }) => screen ?? []);
  screens.set(store, found);
  return found;
}

const UNREAD: DiffReading = { failsUnread: false, failsUnopened: false, isUtf8: false, holds: "anything" };

/** How the opencode of a store reads the store's session diffs. */
export function diffReading({ sessionDiffReader }: StoreDescription): DiffReading {
  return (sessionDiffReader === null ? null : lineNamed(sessionDiffReader).sessionDiffs) ?? UNREAD;
}

/** The fields of a store's description that state what a version range of opencode requires of records. */
export function demandsOf(line: HostProfile): Pick<StoreDescription, "contract" | "sessionDiffReader"> {
  return { contract: line.contract, sessionDiffReader: line.sessionDiffs === null ? null : line.name };
}

/** Whether opencode checks every record of the store against a schema when it loads the record. */
export function checksRecords({ contract }: Pick<StoreDescription, "contract">): boolean {
  return contract === "strict";
}

/**
 * The version ranges of opencode that may load a database. If the version of the running opencode is known and can open
 * the database, that version decides. Otherwise the tables decide. If several version ranges have the same tables, the
 * version of the newest session decides. That version may not fit the tables, for example after an upgrade without a
 * new session. Then the version range of the newest session and those with these tables are all possible.
 */
export function linesOfDatabase(
  frame: SchemaFrame,
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

/**
 * The version range that contains a version. 1.3.2 is in two ranges, and the later one counts. `null` if the version is between two ranges, because such a version was
 * not measured.
 */
function lineOf(version: string): HostProfile | null {
  return (
    LINES.findLast(
      (line) =>
        compareVersions(version, line.first) >= 0 && (line === NEWEST_LINE || compareVersions(version, line.last) <= 0),
    ) ?? null
  );
}

/**
 * Whether a version of opencode is at most as new as the last measured one. For newer versions, the rules of the last
 * measured version are used.
 */
export function isMeasured(version: string): boolean {
  return compareVersions(version, NEWEST_LINE.last) <= 0;
}

/** The versions of a version range in words: `1.15.13`, `1.14.48 to 1.15.4`, `1.17.11 and newer`. */
export function versionsOf(line: HostProfile): string {
  if (line === NEWEST_LINE) return `${line.first} and newer`;
  return line.first === line.last ? line.first : `${line.first} to ${line.last}`;
}
