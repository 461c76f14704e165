import { arch, release } from "node:os";
import { THIS_SYSTEM } from "../hosts/folder-paths.ts";
import { pathSystem } from "../hosts/store-line.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { systemName } from "../platform/this-system.ts";
import { allRuns } from "../quarantine/runs.ts";
import { check } from "../repair/check.ts";
import type { CheckInput } from "../repair/check-input.ts";
import { sessionFacts2x } from "../show/copy-2x.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import type { Located } from "../stores/locate.ts";
import { openStores } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import type { Counts } from "../stores/store.ts";
import { TOOL } from "../tool-identity.ts";
import { type FaultSummary, type Incident, incidents, type ReportedFault, summarise } from "./incidents.ts";
import { installedHostVersion, RELEASE } from "./installed-host.ts";
import { type LogReading, readLogSigns } from "./log-signs.ts";

export interface ReportInput {
  readonly files: FileSystem;
  readonly located: Located;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (counts: Readonly<Counts>) => void;
  readonly surveyAside?: CheckInput["surveyAside"];
}

export interface ReportedStore {
  readonly generation: string;
  /**
   * The file name of the database if opencode itself uses that name, otherwise a neutral text. The name never contains
   * a folder.
   */
  readonly name: string;
  readonly state: string;
  readonly contract: string;
  /** The opencode to which the database belongs; `null` for JSON files, and if the opencode is unknown. */
  readonly origin: string | null;
  /**
   * Whether the sessions name folders of another operating system. Then the check uses the rules of opencode on that
   * system.
   */
  readonly isOfOtherSystem: boolean;
  /** Sizes in bytes. */
  readonly bytes: { readonly database: number; readonly wal: number; readonly shm: number } | null;
  readonly sessions: number | null;
  readonly archived: number | null;
  /** The number of sessions that each version of opencode wrote. */
  readonly versions: Readonly<Record<string, number>>;
  /** The records that only opencode 2.x uses; `null` if there are none, or if their tables have an unknown form. */
  readonly opencode2: { readonly sessions: number; readonly versions: Readonly<Record<string, number>> } | null;
}

/** A damaged session. A number replaces its id, which is private. */
export interface ReportedSession {
  readonly number: number;
  readonly records: number;
  readonly codes: Readonly<Record<string, number>>;
}

/** The facts that may be published: codes, counts, sizes and times. A report holds no path, title, content or id. */
export interface Report {
  readonly createdAt: string;
  readonly tool: { readonly name: string; readonly version: string };
  readonly opencode: { readonly installed: string | null };
  readonly runtime: { readonly bun: string | null; readonly node: string };
  readonly system: {
    readonly platform: string;
    readonly arch: string;
    readonly kernel: string;
    readonly freeBytes: number | null;
  };
  readonly stores: readonly ReportedStore[];
  readonly checked: Readonly<Counts>;
  readonly verdict: string;
  readonly faults: readonly FaultSummary[];
  readonly incidents: readonly Incident[];
  readonly sessions: readonly ReportedSession[];
  readonly pattern: {
    readonly damagedSessions: number;
    /** Codes that occur in more than one session. */
    readonly repeated: readonly string[];
    readonly diskFull: { readonly recordsOfZeroBytes: number; readonly inLog: number; readonly last: string | null };
    /** Turns and tool calls without an end, which a killed process leaves. */
    readonly unfinished: { readonly records: number; readonly last: string | null };
  };
  readonly log: LogReading;
  readonly quarantine: { readonly runs: number; readonly setAside: number; readonly restored: number };
}

const MOST_SESSIONS = 50;
const MOST_INCIDENTS = 20;

/** Makes the report; `null` if a signal stopped its check. Changes nothing. */
export async function makeReport(input: ReportInput): Promise<Report | null> {
  const { files, located } = input;
  const checked = await check({
    files,
    located,
    sessionIDs: [],
    concurrency: input.concurrency,
    ...(input.signal && { signal: input.signal }),
    ...(input.onProgress && { onProgress: input.onProgress }),
    ...(input.surveyAside && { surveyAside: input.surveyAside }),
  });
  if (!checked.ok) return null;
  const { result } = checked;
  const { stores, faults } = await readStores(input, result.findings);
  const summaries = summarise(faults);
  const log = await readLogSigns(files, located.dataDir);
  const damage = faults.filter(({ finding }) => finding.severity === "blocking" && finding.kind !== "database");
  const sessions = damagedSessions(damage);
  return {
    createdAt: new Date().toISOString(),
    tool: TOOL,
    opencode: { installed: await installedHostVersion(files, input.env) },
    runtime: { bun: process.versions.bun ?? null, node: process.versions.node },
    system: {
      platform: systemName(),
      arch: arch(),
      // The text after the numbers of a kernel version can be private, so only the numbers are reported.
      kernel: /^\d+(?:\.\d+)*(?:-\d+)?/.exec(release())?.[0] ?? "unknown",
      freeBytes: await files.freeBytes(located.dataDir).catch(() => null),
    },
    stores,
    checked: result.counts,
    verdict: result.verdict,
    faults: summaries,
    incidents: incidents(damage).slice(0, MOST_INCIDENTS),
    sessions: sessions.slice(0, MOST_SESSIONS),
    pattern: patternOf(summaries, sessions.length, log),
    log,
    quarantine: await quarantineOf(files, located.dataDir),
  };
}

async function readStores(
  { files, located }: ReportInput,
  findings: readonly ConfirmedFinding[],
): Promise<{ readonly stores: ReportedStore[]; readonly faults: ReportedFault[] }> {
  const opened = await openStores(files, located, "outside");
  const stores: ReportedStore[] = [];
  const faults: ReportedFault[] = [];
  try {
    for (const store of opened) stores.push(await reportedStore(files, store));
    for (const finding of findings) faults.push(await reportedFault(opened[finding.store], finding));
  } finally {
    for (const store of opened) if (store.state === "ok") store.store.close();
  }
  return { stores, faults };
}

async function reportedFault(store: OpenedStore | undefined, finding: ConfirmedFinding): Promise<ReportedFault> {
  const plain = { finding, bytes: finding.seen?.bytes ?? null, writtenMs: null };
  if (store?.state !== "ok" || finding.seen === null) return plain;
  const evidence = await store.store.examine(finding).catch(() => null);
  return { ...plain, writtenMs: evidence?.updatedMs ?? null };
}

async function reportedStore(files: FileSystem, opened: OpenedStore): Promise<ReportedStore> {
  const { description, state, origin } = opened;
  const { database } = description;
  const size = async (suffix: string) => (await files.stat(`${database}${suffix}`).catch(() => null))?.size ?? 0;
  const facts = opened.state === "ok" ? await opened.store.conversations.sessionFacts().catch(() => null) : null;
  return {
    generation: description.generation,
    name: database === undefined ? "storage" : publicName(database),
    state,
    contract: description.contract,
    origin: origin?.kind ?? null,
    isOfOtherSystem: pathSystem(description) !== THIS_SYSTEM,
    bytes:
      database === undefined ? null : { database: await size(""), wal: await size("-wal"), shm: await size("-shm") },
    sessions: facts?.length ?? null,
    archived: facts?.filter(({ archivedMs }) => archivedMs !== null).length ?? null,
    versions: versionsOf(facts ?? []),
    opencode2: await reportedHalf2x(opened).catch(() => null),
  };
}

function versionsOf(sessions: readonly SessionFacts[]): Record<string, number> {
  const versions: Record<string, number> = {};
  for (const { version } of sessions) {
    const name = version !== null && RELEASE.test(version) ? version : "other";
    versions[name] = (versions[name] ?? 0) + 1;
  }
  return versions;
}

async function reportedHalf2x(opened: OpenedStore): Promise<ReportedStore["opencode2"]> {
  if (opened.state === "unusable" || opened.half2x === null || opened.origin === null) return null;
  const ofPreview = opened.state === "ok" ? opened.sessionsOf2x() : 0;
  if (ofPreview > 0) return { sessions: ofPreview, versions: {} };
  if (opened.origin.kind !== "2.x" && opened.origin.kind !== "1.x and 2.x") return null;
  const sessions = await sessionFacts2x(opened.half2x, opened.origin);
  return sessions === null ? null : { sessions: sessions.length, versions: versionsOf(sessions) };
}

/** The name of a database if opencode itself uses it. Other names are private. */
function publicName(database: string): string {
  const name = database.replace(/^.*[\\/]/, "");
  return /^opencode(?:-(?:latest|beta|prod|dev|stable|local))?\.db$/.test(name) ? name : "a database of another name";
}

function damagedSessions(damage: readonly ReportedFault[]): ReportedSession[] {
  const bySession = new Map<string, Record<string, number>>();
  for (const { finding } of damage) {
    if (finding.sessionID === null) continue;
    const codes = bySession.get(finding.sessionID) ?? {};
    codes[finding.code] = (codes[finding.code] ?? 0) + 1;
    bySession.set(finding.sessionID, codes);
  }
  const total = (codes: Readonly<Record<string, number>>) =>
    Object.values(codes).reduce((sum, count) => sum + count, 0);
  return [...bySession.values()]
    .sort((a, b) => total(b) - total(a))
    .map((codes, index) => ({ number: index + 1, records: total(codes), codes }));
}

function patternOf(summaries: readonly FaultSummary[], damaged: number, log: LogReading): Report["pattern"] {
  const full = log.signs.filter(({ about }) => about === "disk full");
  const unfinished = summaries.filter(({ code }) => code === "unfinished-tool" || code === "unfinished-turn");
  const latest = (times: readonly (string | null)[]) =>
    times
      .filter((time) => time !== null)
      .sort()
      .at(-1) ?? null;
  return {
    damagedSessions: damaged,
    repeated: summaries
      .filter(({ sessions, severity }) => severity === "blocking" && sessions > 1)
      .map(({ code }) => code),
    diskFull: {
      recordsOfZeroBytes: summaries.reduce((sum, each) => sum + each.ofZeroBytes, 0),
      inLog: full.reduce((sum, { count }) => sum + count, 0),
      last: latest(full.map(({ last }) => last)),
    },
    unfinished: {
      records: unfinished.reduce((sum, { records }) => sum + records, 0),
      last: latest(unfinished.map(({ lastWritten }) => lastWritten)),
    },
  };
}

async function quarantineOf(files: FileSystem, dataDir: string): Promise<Report["quarantine"]> {
  const runs = await allRuns(files, dataDir);
  const count = (state: "done" | "restored") =>
    runs.reduce((sum, run) => sum + (run.ok ? (run.state.byState[state] ?? 0) : 0), 0);
  return { runs: runs.length, setAside: count("done"), restored: count("restored") };
}
