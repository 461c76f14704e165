import type { Finding } from "../model/finding.ts";

/** A finding with the facts about its record that a report may contain. */
export interface ReportedFault {
  readonly finding: Pick<Finding, "code" | "severity" | "kind" | "sessionID" | "evidence">;
  /** Size of the record in bytes; `null` if the finding is about something else than a record. */
  readonly bytes: number | null;
  /** When the record was last written, in milliseconds since the epoch. */
  readonly writtenMs: number | null;
}

/** All findings of one code. */
export interface FaultSummary {
  readonly code: string;
  readonly severity: string;
  readonly records: number;
  readonly sessions: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly bytes: {
    readonly least: number;
    readonly median: number;
    readonly most: number;
    readonly sum: number;
  } | null;
  /**
   * How many records are empty, and how many fill whole memory pages. A full disk and a lost page cache leave such
   * records.
   */
  readonly ofZeroBytes: number;
  readonly ofWholePages: number;
  readonly firstWritten: string | null;
  readonly lastWritten: string | null;
  /** The evidence of the findings without ids and numbers, the most frequent first. */
  readonly evidence: readonly { readonly words: string; readonly count: number }[];
}

/** Damaged records that were last written within minutes of each other. */
export interface Incident {
  readonly from: string;
  readonly until: string;
  readonly records: number;
  readonly sessions: number;
  readonly codes: Readonly<Record<string, number>>;
}

const PAGE_BYTES = 4096;
const SAME_INCIDENT_MS = 5 * 60 * 1000;
const MOST_WORDS = 5;

/** Counts findings by code, the most frequent first. */
export function summarise(faults: readonly ReportedFault[]): FaultSummary[] {
  return [...grouped(faults, ({ finding }) => finding.code)]
    .map(([code, own]) => summary(code, own))
    .sort((a, b) => b.records - a.records || (a.code < b.code ? -1 : 1));
}

function summary(code: string, own: readonly ReportedFault[]): FaultSummary {
  const sizes = own.flatMap(({ bytes }) => bytes ?? []).sort((a, b) => a - b);
  const times = own.flatMap(({ writtenMs }) => writtenMs ?? []).sort((a, b) => a - b);
  const [least, most] = [sizes[0], sizes.at(-1)];
  const median = sizes[Math.floor(sizes.length / 2)];
  return {
    code,
    severity: own.some(({ finding }) => finding.severity === "blocking")
      ? "blocking"
      : (own[0]?.finding.severity ?? ""),
    records: own.length,
    sessions: sessionsIn(own),
    kinds: counts(own.map(({ finding }) => finding.kind)),
    bytes:
      least === undefined || most === undefined || median === undefined
        ? null
        : { least, median, most, sum: sizes.reduce((sum, size) => sum + size, 0) },
    ofZeroBytes: sizes.filter((size) => size === 0).length,
    ofWholePages: sizes.filter((size) => size > 0 && size % PAGE_BYTES === 0).length,
    firstWritten: isoTime(times[0]),
    lastWritten: isoTime(times.at(-1)),
    evidence: Object.entries(counts(own.map(({ finding }) => withoutNames(finding.evidence))))
      .map(([words, count]) => ({ words, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, MOST_WORDS),
  };
}

/** Evidence without ids and numbers, so that equal causes have equal text. */
function withoutNames(evidence: string): string {
  return (
    evidence
      .replace(/, the other is .*$/, "")
      // A process may have any name, so its name could be private and is left out.
      .replace(/\blocked by .*$/, "locked by a process")
      .replace(/\b(?:ses|msg|prt|wrk|evt|per|que)_?[0-9A-Za-z]{6,}/g, "ID")
      .replace(/\b[0-9a-f]{16,}\b/g, "ID")
      .replace(/\d[\d,.]*/g, "N")
  );
}

/**
 * Groups damaged records by the times at which they were last written. Each group shows when damage happened. The
 * larger groups come first.
 */
export function incidents(faults: readonly ReportedFault[]): Incident[] {
  const timed = faults
    .flatMap((fault) => (fault.writtenMs === null ? [] : [{ fault, at: fault.writtenMs }]))
    .sort((a, b) => a.at - b.at);
  const groups: (typeof timed)[] = [];
  for (const each of timed) {
    const last = groups.at(-1);
    const before = last?.at(-1);
    if (last !== undefined && before !== undefined && each.at - before.at <= SAME_INCIDENT_MS) last.push(each);
    else groups.push([each]);
  }
  return groups
    .map((group) => ({
      from: isoTime(group[0]?.at) ?? "",
      until: isoTime(group.at(-1)?.at) ?? "",
      records: group.length,
      sessions: sessionsIn(group.map(({ fault }) => fault)),
      codes: counts(group.map(({ fault }) => fault.finding.code)),
    }))
    .sort((a, b) => b.records - a.records);
}

function sessionsIn(faults: readonly ReportedFault[]): number {
  return new Set(faults.flatMap(({ finding }) => finding.sessionID ?? [])).size;
}

function counts(words: readonly string[]): Record<string, number> {
  return Object.fromEntries([...grouped(words, (word) => word)].map(([word, own]) => [word, own.length]));
}

function grouped<T>(all: readonly T[], keyOf: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each]);
  return groups;
}

/** ISO 8601 to the second. */
function isoTime(timeMs: number | undefined): string | null {
  if (timeMs === undefined || Math.abs(timeMs) > 8.64e15) return null;
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}
