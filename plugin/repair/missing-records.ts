import { join } from "node:path";
import { LOST_MESSAGE, LOST_RECORD, LOST_SESSION } from "../faults/missing-records.ts";
import { cellValue } from "../hosts/row-form.ts";
import { type Artifact, type CellValue, type Evidence, isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { sha256 } from "../platform/hash.ts";
import { entryNow } from "../platform/read-now.ts";
import { misnamedRows, type UnknownRow } from "../remedies/recover/misnamed.ts";
import { type MissingRecord, missingRecords } from "../remedies/recover/missing-in-log.ts";
import { usageOf } from "../remedies/recover/usage.ts";
import { parseDocument, type StoredMessage } from "../stores/conversation.ts";
import type { EventLog, RecordPlace, RecordPlaces, Store } from "../stores/store.ts";
import { plural } from "../words/amounts.ts";
import { COPY_OF_SESSION, FROM_OWN_PARTS, fromEvent, SAID_BY_MESSAGES } from "../words/sources.ts";

/**
 * A check of all sessions reads opencode's log in a database only up to this size. For a named session, opencode's log
 * is always read.
 */
const LARGEST_LOG_BYTES = 64 * 1024 * 1024;

/**
 * Records that opencode's log contains, but that are not where the log says. They are missing, have the wrong parent,
 * or have another id. If `sessionIDs` is `null`, all sessions are searched, unless the log is too large.
 */
export async function findMissing(
  store: Store,
  sessionIDs: readonly string[] | null,
  storeIndex: number,
): Promise<ConfirmedFinding[]> {
  const found: ConfirmedFinding[] = [];
  const logged = loggedStore(store);
  if (logged === null) return found;
  for (const sessionID of sessionIDs ?? logged.eventLog.loggedSessions(LARGEST_LOG_BYTES)) {
    const { missing, misnamed, isEmpty } = await missingIn(logged, sessionID);
    const usage =
      !isEmpty && missing.some(({ kind }) => kind === "session")
        ? await usageOf(store.conversations.messages(sessionID))
        : null;
    for (const record of missing) {
      const { kind, id, row, sequence } = record;
      const other = misnamed.get(record);
      const artifact = other === undefined ? rowArtifact(kind, sessionID, id) : rowArtifact(kind, sessionID, other);
      const evidence = await store.examine(artifact);
      const place = other === undefined ? logged.places.of(artifact) : null;
      const cells =
        other !== undefined
          ? renamed(row)
          : evidence === null
            ? new Map([...row, ...(kind === "session" ? (usage ?? []) : [])])
            : moved(row, place);
      if (cells.size === 0) continue;
      const said = `opencode last logged the record as event ${sequence} of its session, and never removed the record`;
      found.push({
        code: LOST_RECORD.code,
        severity: "warning",
        ...artifact,
        remedy: LOST_RECORD.remedy,
        evidence: evidence === null ? said : `${said}; ${other === undefined ? HUNG_ELSEWHERE : OTHER_ID}`,
        store: storeIndex,
        writtenMs: null,
        seen: evidence === null ? null : seenOf(evidence),
        replacement: { source: fromEvent(sequence), content: { cells } },
      });
    }
  }
  return found;
}

const HUNG_ELSEWHERE = "its row names another parent than the log does, or lacks a time";
const OTHER_ID = "its row has an id that is in no event";

function rowArtifact(kind: MissingRecord["kind"], sessionID: string, id: string): Artifact {
  return { kind, sessionID, recordID: id, locator: { table: kind, key: { id } } };
}

function seenOf({ bytes, size, sha256: hash }: Evidence): ConfirmedFinding["seen"] {
  if (bytes !== null) return { bytes: bytes.length, sha256: sha256(bytes) };
  return hash === null ? null : { bytes: size, sha256: hash };
}

/** A store of an opencode version that writes each change to a log. */
interface LoggedStore {
  readonly store: Store;
  readonly eventLog: EventLog;
  readonly places: RecordPlaces;
}

function loggedStore(store: Store): LoggedStore | null {
  const { eventLog, places } = store;
  return eventLog === null || places === null ? null : { store, eventLog, places };
}

interface MissingInSession {
  readonly missing: readonly MissingRecord[];
  /** For each record whose row has a wrong id: that id. */
  readonly misnamed: ReadonlyMap<MissingRecord, string>;
  /** Every record id that opencode's log of the session mentions. */
  readonly known: ReadonlySet<string>;
  /** Whether the session has no rows at all. */
  readonly isEmpty: boolean;
}

async function missingIn(logged: LoggedStore, sessionID: string): Promise<MissingInSession> {
  const { store, eventLog } = logged;
  // The rows are read before the log. A row that is written in between is in the log, and looks missing. The caller
  // then looks up this row again.
  const places = logged.places.ofSession(sessionID);
  const log = missingRecords(eventLog.events(sessionID), eventLog.newestEvent(sessionID), places, store.description);
  const { missing, known, isWhole } = log;
  const unknown: UnknownRow[] = [];
  const gone = missing.filter(({ id }) => !places.has(id));
  const wanted = new Set(gone.map(({ kind }) => kind));
  const parents = new Set(gone.map(({ row }) => cellValue(row.get("message_id"))));
  for (const [id, place] of places) {
    if (!wanted.has(place.kind) || known.has(id) || (!isWhole && !isRefused(place.kind, id))) continue;
    if (place.kind === "part" && !parents.has(place.messageID)) continue;
    unknown.push({ id, place, content: await contentOf(store, rowArtifact(place.kind, sessionID, id)) });
  }
  if (wanted.has("session")) unknown.push(...(await unknownSessions(logged)));
  const misnamed = [...misnamedRows(unknown, gone)].map(([row, record]) => [record, row.id] as const);
  return { missing, misnamed: new Map(misnamed), known, isEmpty: places.size === 0 };
}

const PREFIX = { session: "ses", message: "msg", part: "prt" } as const;

/** Whether opencode refuses an id because of its prefix. opencode never wrote such an id to its log. */
function isRefused(kind: MissingRecord["kind"], id: string): boolean {
  return !id.startsWith(PREFIX[kind]);
}

async function contentOf(store: Store, artifact: Artifact): Promise<unknown> {
  const evidence = await store.examine(artifact);
  if (evidence === null || evidence.bytes === null || evidence.storage === "row") return undefined;
  const parsed = parseDocument({ bytes: Buffer.from(evidence.bytes), storage: evidence.storage });
  return parsed.ok ? parsed.value : undefined;
}

/** Sessions without a log in a database where opencode logs every session. Their ids may be wrong. */
async function unknownSessions({ store, eventLog, places }: LoggedStore): Promise<UnknownRow[]> {
  const logged = new Set(eventLog.loggedSessions(Number.POSITIVE_INFINITY));
  const unknown: UnknownRow[] = [];
  for (const { id } of await store.sessions(null)) {
    const artifact = rowArtifact("session", id, id);
    const place = logged.has(id) ? null : places.of(artifact);
    if (place !== null) unknown.push({ id, place, content: (await store.examine(artifact))?.row });
  }
  return unknown;
}

function renamed(row: MissingRecord["row"]): Map<string, CellValue> {
  const id = row.get("id");
  return new Map(id === undefined ? [] : [["id", id]]);
}

/** The columns in which a row names another parent than its event in the log, or lacks the time. */
function moved(row: MissingRecord["row"], place: RecordPlace | null): Map<string, CellValue> {
  if (place === null || place.kind === "session") return new Map();
  const is: Readonly<Record<string, string | number | null>> = {
    session_id: place.sessionID,
    ...(place.kind === "part" ? { message_id: place.messageID } : {}),
    ...(place.createdMs === null ? { time_created: null } : {}),
  };
  return new Map([...row].filter(([name, cell]) => name in is && is[name] !== cellValue(cell)));
}

/**
 * Finds the true id of rows that opencode refuses because of their id. The content of such a row must be equal to a
 * logged record. The result maps the wrong id to a replacement with the true id.
 */
export async function refusedNames(
  store: Store,
  sessionID: string,
  refused: readonly Artifact[],
): Promise<ReadonlyMap<string, Replacement>> {
  const found = new Map<string, Replacement>();
  const wanted = refused.filter(({ kind, recordID }) => isLogged(kind) && isRefused(kind, recordID ?? ""));
  const logged = loggedStore(store);
  if (wanted.length === 0 || logged === null) return found;
  const sessions = wanted.some(({ kind }) => kind === "session") ? await missingSessions(logged) : [sessionID];
  for (const session of sessions) {
    const { misnamed } = await missingIn(logged, session);
    for (const [{ row, sequence }, id] of misnamed) {
      found.set(id, { source: fromEvent(sequence), content: { cells: renamed(row) } });
    }
  }
  return found;
}

function isLogged(kind: Artifact["kind"]): kind is MissingRecord["kind"] {
  return kind === "session" || kind === "message" || kind === "part";
}

/** The ids of sessions that have a log but no row. */
async function missingSessions({ store, eventLog }: LoggedStore): Promise<string[]> {
  const present = new Set((await store.sessions(null)).map(({ id }) => id));
  return eventLog.loggedSessions(Number.POSITIVE_INFINITY).filter((id) => !present.has(id));
}

/**
 * Rebuilds messages that are gone and are not in opencode's log, if their parts still exist. If `sessionIDs` is `null`,
 * all sessions are searched, unless the database is too large.
 */
export async function findMessagesWithoutRecord(
  store: Store,
  sessionIDs: readonly string[] | null,
  storeIndex: number,
): Promise<ConfirmedFinding[]> {
  const found: ConfirmedFinding[] = [];
  const { places } = store;
  const logged = loggedStore(store);
  for (const sessionID of places?.sessionsWithLooseParts(sessionIDs, LARGEST_LOG_BYTES) ?? []) {
    if (places?.of(rowArtifact("session", sessionID, sessionID)) == null) continue;
    const known = logged === null ? new Set<string>() : (await missingIn(logged, sessionID)).known;
    // The module is loaded only if a message must be rebuilt, because it also loads zod, which a healthy store does not
    // need.
    const { looseMessages } = await import("./rebuild.ts");
    for (const { messageID, parts, row } of await looseMessages(store, sessionID)) {
      if (known.has(messageID)) continue;
      found.push({
        code: LOST_MESSAGE.code,
        severity: "warning",
        ...rowArtifact("message", sessionID, messageID),
        remedy: LOST_MESSAGE.remedy,
        evidence: plural(parts, "part"),
        store: storeIndex,
        writtenMs: null,
        seen: null,
        replacement: { source: FROM_OWN_PARTS, content: { cells: row } },
      });
    }
  }
  return found;
}

const MOVE_WHAT_IS_THERE =
  "opencode does not list a session whose record is a link or a folder. If the link leads to the record, put the record itself in the place of the link. Otherwise move the link or folder to another place, then run `opencode-session-repair repair --only lost-session-record`.";

/**
 * Finds the sessions that have messages but no record, and the new record for each: a whole copy, or else one that is
 * made from the messages. If `sessionIDs` is `null`, all sessions are searched.
 */
export async function findSessionsWithoutRecord(
  store: Store,
  sessionIDs: readonly string[] | null,
  storeIndex: number,
): Promise<ConfirmedFinding[]> {
  const found: ConfirmedFinding[] = [];
  const bare = await store.sessionsWithoutRecord(sessionIDs);
  if (bare.length === 0) return [];
  const { rebuiltSession } = await import("../remedies/rebuild/rebuilt-session.ts");
  const projects = await store.conversations.projectFacts();
  const copies = await (await import("./from-copy.ts")).copiesOfSessions(store, bare);
  for (const sessionID of bare) {
    const messages: StoredMessage[] = [];
    for await (const message of store.conversations.messages(sessionID)) messages.push(message);
    const copy = copies.get(sessionID) ?? null;
    const made = copy ?? rebuiltSession(sessionID, messages, projects, store.description);
    if (made === null) continue;
    const { locator, content } = made;
    const count = plural(messages.length, "message");
    const inPlace = isFileLocator(locator) && entryNow(join(store.description.dataDir, locator.path)) !== null;
    found.push({
      code: LOST_SESSION.code,
      severity: "warning",
      kind: "session",
      sessionID,
      recordID: sessionID,
      locator,
      remedy: inPlace ? "report" : LOST_SESSION.remedy,
      ...(inPlace && { advice: MOVE_WHAT_IS_THERE }),
      evidence: `${count}${copy === null ? "" : "; a whole copy of its record is in the project's folder"}${inPlace ? `; no file is at ${locator.path}, but a link or a folder` : ""}`,
      store: storeIndex,
      writtenMs: null,
      seen: null,
      replacement: { source: copy === null ? `rebuilt from ${SAID_BY_MESSAGES}` : COPY_OF_SESSION, content },
    });
  }
  return found;
}
