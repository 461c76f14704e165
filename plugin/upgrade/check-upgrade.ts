import { join } from "node:path";
import { UPGRADE_DROPPED, UPGRADE_STOPS } from "../faults/upgrade.ts";
import type { CheckResult } from "../repair/check.ts";
import type { CheckInput } from "../repair/check-input.ts";
import { databaseFinding } from "../repair/database-finding.ts";
import { openStores } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import type { SourceSession } from "../stores/source-session.ts";
import { withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { readSourceSession, sourceSessionIDs } from "../stores/sqlite/source-rows.ts";
import { type Counts, type DatabaseStore, noCounts, type Store } from "../stores/store.ts";
import { originSentence } from "../words/origins.ts";
import { unreadable } from "../words/refusals.ts";
import type { Outcome } from "./departure.ts";
import { findingsOf } from "./findings-of.ts";
import { asImported } from "./import-contract.ts";
import { importOutcomes, type SessionOutcomes } from "./outcomes.ts";
import type { UpgradeFinding } from "./prescribe-upgrade.ts";

/** What becomes of the records of a 1.x database when opencode 2.x imports them. */
export interface Arrival {
  /** How many sessions, messages and parts have each outcome. */
  readonly records: Readonly<Record<Outcome, number>>;
  /** For each session: the worst outcome of its records. */
  readonly sessions: readonly { readonly sessionID: string; readonly outcome: Outcome }[];
  /** The session at which the import stops for good; `null` if it imports all sessions. */
  readonly stopsAt: string | null;
  /** How many sessions come after that session, and are therefore never imported. */
  readonly sessionsBehind: number;
}

export interface UpgradeResult extends CheckResult {
  readonly findings: readonly UpgradeFinding[];
  readonly arrival: Arrival;
}

export type UpgradeOutcome =
  | { readonly ok: true; readonly result: UpgradeResult }
  /** If the check is not possible, `refusal` says why. */
  | { readonly ok: false; readonly refusal: string }
  | { readonly ok: false; readonly unknownSession: string | null };

const NO_DATABASE =
  "opencode 2.x imports sessions from the database of opencode 1.x, not from the old JSON files. There is no database here. Start opencode 1.18 once, so that it imports these sessions, and run this command again.";

/**
 * Predicts for each record of a 1.x database what the import of opencode 2.x makes of it. If 2.x has already upgraded
 * the database, only sessions that are missing in 2.x are checked. Writes nothing.
 */
export async function checkUpgrade(input: CheckInput): Promise<UpgradeOutcome> {
  const started = performance.now();
  const [database] = input.located.databases;
  if (database === undefined) return { ok: false, refusal: NO_DATABASE };
  const located = { ...input.located, json: "none" as const, databases: [database] };
  const [opened] = await openStores(input.files, located, "outside", input.hostVersion ?? null);
  const store = opened?.state === "ok" ? opened.store.asDatabase : null;
  if (opened?.state !== "ok" || store === null) return { ok: false, refusal: refusalOf(opened) };
  const origin = opened.origin === null ? null : withMessagesOf2x(opened.origin, opened.sessionsOf2x());
  try {
    if (origin?.kind === "newer") {
      return {
        ok: false,
        refusal: `${originSentence(origin)} It is not known how opencode 2.x imports this database.`,
      };
    }
    const counts = noCounts();
    const found = await lookedAt(store, input, counts);
    if (found === null) return { ok: false, unknownSession: null };
    if (typeof found === "string") return { ok: false, unknownSession: found };
    const more = [
      ...previewFindings(opened, origin?.kind === "1.x with messages of 2.x" ? opened.sessionsOf2x() : 0),
      ...(await keyFindings(input)),
    ];
    const findings = [...found.findings, ...(input.sessionIDs.length === 0 ? more : [])];
    const isDamaged = findings.some(({ severity }) => severity === "blocking");
    const result: UpgradeResult = {
      dataDir: input.located.dataDir,
      stores: [{ description: opened.description, state: "ok", origin }],
      counts,
      durationMs: Math.round(performance.now() - started),
      findings,
      verdict: isDamaged ? "damaged" : "healthy",
      notFound: [],
      arrival: found.arrival,
    };
    return { ok: true, result };
  } finally {
    opened.store.close();
  }
}

function refusalOf(opened: OpenedStore | undefined): string {
  if (opened?.state === "unread" && opened.origin.kind === "2.x") {
    return "The database already belongs to opencode 2.x: there is nothing to import.";
  }
  return unreadable("database");
}

interface Looked {
  readonly findings: UpgradeFinding[];
  readonly arrival: Arrival;
}

/**
 * Checks the sessions. Returns `null` if a signal stopped the check. If a requested session does not exist, returns the
 * id of that session.
 */
async function lookedAt(store: DatabaseStore, input: CheckInput, counts: Counts): Promise<Looked | string | null> {
  const imported = store.readAs(asImported(store.description));
  const all = store.query(sourceSessionIDs);
  const there = new Set(all);
  const unknown = input.sessionIDs.find((id) => !there.has(id));
  if (unknown !== undefined) return unknown;
  const isWanted = (id: string) => input.sessionIDs.length === 0 || input.sessionIDs.includes(id);
  const arrived = store.query((connection, { tables }) =>
    tables.get("session_v2")?.includes("id") === true
      ? new Set(connection.all("select id from session_v2").map(({ id }) => String(id)))
      : new Set<string>(),
  );
  const pending = all.filter((id) => !arrived.has(id));
  const records: Record<Outcome, number> = { arrives: 0, changed: 0, dropped: 0, unreadable: 0, stops: 0 };
  const sessions: { sessionID: string; outcome: Outcome }[] = [];
  const findings: UpgradeFinding[] = [];
  for (const id of pending.filter(isWanted)) {
    if (input.signal?.aborted) return null;
    const session = store.query((connection, schema) => readSourceSession(connection, schema, id));
    if (session === null) continue;
    const outcomes = importOutcomes(session, imported.description);
    findings.push(...(await findingsOf(imported, session, outcomes, input)));
    sessions.push({ sessionID: id, outcome: worst(outcomes) });
    count(records, session, outcomes, counts);
    input.onProgress?.(counts, {});
  }
  findings.push(...(await onlyInLog(imported, input)));
  const stopsAt = sessions.find(({ outcome }) => outcome === "stops")?.sessionID ?? null;
  const sessionsBehind = stopsAt === null ? 0 : pending.length - pending.indexOf(stopsAt) - 1;
  return { findings, arrival: { records, sessions, stopsAt, sessionsBehind } };
}

/**
 * Records that exist only in opencode's log. opencode 2.x empties the log before it imports anything, so they must be
 * recovered before the upgrade (from the source code).
 */
async function onlyInLog(store: Store, { sessionIDs }: CheckInput): Promise<UpgradeFinding[]> {
  const { findMissing } = await import("../repair/missing-records.ts");
  const lost = await findMissing(store, sessionIDs.length === 0 ? null : sessionIDs, 0).catch(() => []);
  return lost
    .filter(({ severity }) => severity === "blocking")
    .map((each) => ({ ...each, outcome: "dropped", isByDesign: false }));
}

const ORDER: readonly Outcome[] = ["arrives", "changed", "dropped", "unreadable", "stops"];

function worst({ departures }: SessionOutcomes): Outcome {
  const [last] = departures.map(({ outcome }) => ORDER.indexOf(outcome)).sort((a, b) => b - a);
  return ORDER[last ?? 0] ?? "arrives";
}

function count(
  records: Record<Outcome, number>,
  { messages, parts }: SourceSession,
  { departures }: SessionOutcomes,
  counts: Counts,
): void {
  const departed = new Map<string, Outcome>();
  for (const { kind, recordID, outcome } of departures) {
    const key = `${kind} ${recordID}`;
    const before = departed.get(key) ?? "arrives";
    departed.set(key, ORDER.indexOf(outcome) > ORDER.indexOf(before) ? outcome : before);
  }
  const known = new Set(messages.map((message) => message.id));
  // A part whose message is in another session is counted in that session.
  const own = parts.filter(({ messageID, hasMessage }) => known.has(messageID) || !hasMessage);
  records.arrives += 1 + messages.length + own.length - departed.size;
  for (const outcome of departed.values()) records[outcome] += 1;
  counts.sessions += 1;
  counts.messages += messages.length;
  counts.parts += own.length;
  counts.bytes += [...messages, ...own].reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * The upgrade creates the table `session_message` again without its rows, so sessions of a preview of 2.x are lost
 * (source: migration `loose_psylocke`).
 */
function previewFindings({ description }: OpenedStore, sessions: number): UpgradeFinding[] {
  if (sessions === 0) return [];
  const evidence = `${sessions} session${sessions === 1 ? "" : "s"} of a preview of 2.x: the upgrade empties session_message`;
  const found = { code: UPGRADE_DROPPED.code, severity: "blocking", evidence } as const;
  return [{ ...databaseFinding(found, description, 0), outcome: "dropped", isByDesign: false }];
}

/** opencode 2.x does not start if `auth.json` is not a JSON object (source: migration `import_legacy_credentials`). */
async function keyFindings({ files, located }: CheckInput): Promise<UpgradeFinding[]> {
  const bytes = await files.read(join(located.dataDir, "auth.json"), LARGEST_KEYS_BYTES).catch(() => "absent" as const);
  if (bytes === "absent" || bytes === "too-large" || isObject(bytes.toString("utf8"))) return [];
  const finding: UpgradeFinding = {
    ...{ code: UPGRADE_STOPS.code, severity: "blocking", sessionID: null, kind: "side_file", recordID: null },
    ...{ locator: { path: "auth.json" }, remedy: "report", store: 0, writtenMs: null, seen: null, replacement: null },
    evidence: "auth.json is not a JSON object: opencode 2.x does not start",
    outcome: "stops",
    isByDesign: false,
  };
  return [finding];
}

const LARGEST_KEYS_BYTES = 4 * 1024 * 1024;

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
