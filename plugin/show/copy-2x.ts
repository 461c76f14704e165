import { messageProblem, type ProblemOf2x, sessionProblems } from "../faults/diagnose-2x.ts";
import type { Profile } from "../hosts/v2/profile.ts";
import type { Origin } from "../model/origin.ts";
import type { RowOf2x } from "../model/row-2x.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import type { Half2x } from "../stores/opened-store.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import { profileFor } from "../stores/sqlite/profile-2x.ts";
import { readRowsOf2x } from "../stores/sqlite/v2-rows.ts";
import type { QuarantinedRecord } from "./quarantined.ts";
import type { KnownFault, TranscriptMessage } from "./transcript.ts";
import { type MessageOf2x, transcribe2x } from "./transcript-2x.ts";

/** A session as opencode 2.x stores it. */
export interface Copy2x {
  readonly facts: SessionFacts;
  readonly recordFaults: readonly KnownFault[];
  readonly messages: readonly TranscriptMessage[];
}

/**
 * Reads a session from the tables of opencode 2.x; `null` if it does not exist there. Quarantined records are among the
 * messages.
 */
export async function copyOf2x(
  half: Half2x,
  origin: Origin,
  sessionID: string,
  quarantined: readonly QuarantinedRecord[],
): Promise<Copy2x | null> {
  const profile = profileFor(origin, half.schema);
  if (profile === null) return null;
  return half.read((connection) => {
    const [row] = [...sessionRows(connection, half, profile, [sessionID])];
    if (row === undefined) return null;
    const messages = [...messagesOf(connection, half, profile, sessionID), ...movedOf(quarantined)];
    messages.sort((a, b) => a.seq - b.seq);
    return {
      facts: factsOf(row),
      recordFaults: sessionProblems(profile, row).map((problem) => faultOf(problem, profile, sessionID)),
      messages: messages.map(({ message }) => message),
    };
  });
}

/**
 * The facts about every session of opencode 2.x; `null` if its tables are missing or have an unknown form. The preview
 * of 2.x keeps its sessions in the table of 1.x.
 */
export async function sessionFacts2x(half: Half2x, origin: Origin): Promise<SessionFacts[] | null> {
  const profile = profileFor(origin, half.schema);
  if (profile === null || profile.sessionTable === "session") return null;
  return half.read((connection) => [...sessionRows(connection, half, profile, null)].map(factsOf));
}

function* sessionRows(
  connection: Connection,
  { schema }: Half2x,
  { sessionTable, jsonColumns }: Profile,
  ids: readonly string[] | null,
): Iterable<RowOf2x> {
  const columns = schema.tables.get(sessionTable) ?? [];
  const selected = ids === null ? null : { column: "id", values: ids };
  for (const rows of readRowsOf2x(connection, sessionTable, columns, jsonColumns, selected)) yield* rows;
}

interface Placed {
  readonly seq: number;
  readonly message: TranscriptMessage;
}

function* messagesOf(
  connection: Connection,
  { schema }: Half2x,
  profile: Profile,
  sessionID: string,
): Iterable<Placed> {
  const columns = schema.tables.get("session_message") ?? [];
  const selected = { column: "session_id", values: [sessionID] };
  for (const rows of readRowsOf2x(connection, "session_message", columns, ["data"], selected)) {
    for (const row of rows) {
      const problem = messageProblem(profile, row);
      const known = problem && { evidence: problem.evidence, code: problem.fault.code, title: problem.fault.title };
      const message = rowOf(row);
      yield { seq: message.seq, message: transcribe2x(message, known, null) };
    }
  }
}

function rowOf({ values, json }: RowOf2x): MessageOf2x {
  const data = json.get("data");
  return {
    id: String(values.id),
    type: String(values.type),
    seq: Number(values.seq),
    timeMs: numberOf(values.time_created),
    size: data?.size ?? 0,
    bytes: data?.bytes ?? null,
  };
}

function* movedOf(quarantined: readonly QuarantinedRecord[]): Iterable<Placed> {
  for (const { of2x, runID, isHealthy, code, evidence } of quarantined) {
    if (of2x === null) continue;
    yield { seq: of2x.seq, message: transcribe2x(of2x, null, { runID, isHealthy, code, evidence }) };
  }
}

function faultOf({ column, fault, evidence }: ProblemOf2x, { sessionTable }: Profile, id: string): KnownFault {
  const locator = { table: sessionTable, key: { id }, ...(column === null ? {} : { column }) };
  return { code: fault.code, evidence, locator };
}

function factsOf({ values }: RowOf2x): SessionFacts {
  return {
    id: String(values.id),
    projectID: textOf(values.project_id),
    parentID: textOf(values.parent_id),
    title: textOf(values.title),
    directory: textOf(values.directory),
    path: textOf(values.path),
    version: textOf(values.version),
    createdMs: numberOf(values.time_created),
    updatedMs: numberOf(values.time_updated),
    archivedMs: numberOf(values.time_archived),
    hasRecord: true,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
