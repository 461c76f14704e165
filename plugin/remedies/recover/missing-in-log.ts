import { cellValue, messageRow, partRow, type RowForm, sessionRow } from "../../hosts/row-form.ts";
import type { Artifact, CellValue, RowValues } from "../../model/artifact.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import { fits } from "../../records/contract.ts";
import type { RecordedEvent, RecordPlace } from "../../stores/store.ts";
import { type EventRecord, readEvent } from "./event-record.ts";

/** A record that opencode's log contains, that was never removed, and that is missing from the database. */
export interface MissingRecord {
  readonly kind: "session" | "message" | "part";
  readonly id: string;
  /** The row that opencode would write for the newest event of this record. */
  readonly row: RowForm;
  /** The sequence number of the record's newest event in the log. */
  readonly sequence: number;
}

/** The missing records that the log of one session shows. */
export interface MissingInLog {
  readonly missing: readonly MissingRecord[];
  /** Every record id that the log mentions. */
  readonly known: ReadonlySet<string>;
  /** Whether every event could be read, back to the first event. */
  readonly isWhole: boolean;
}

/**
 * Compares the log of one session with the rows of the database, and returns the records that are missing. `events` are
 * given newest first, `places` has the rows that exist. `newest` is the number of the last event that opencode counted.
 * A record is not missing if a later event removed it, its message or its session. Reading stops at an event that is
 * unreadable, unknown or missing, because that event may have removed any older record.
 */
export function missingRecords(
  events: Iterable<RecordedEvent>,
  newest: number | null,
  places: ReadonlyMap<string, RecordPlace>,
  store: StoreDescription,
): MissingInLog {
  const found = new Map<string, MissingRecord>();
  const firstTimes = new Map<string, unknown>();
  const removed = new Set<string>();
  /**
   * Ids that were removed at some time, even if the record was written again later: 1.18.33 may write a summary into a
   * message right after its removal (measured). Older parts of such a message stay removed.
   */
  const emptied = new Set<string>();
  const current = new Set<string>();
  const inPlace = new Set<string>();
  let expected = newest;
  for (const event of events) {
    if (expected === null || event.sequence !== expected) break;
    expected -= 1;
    const said = readEvent(event);
    if (said === null) {
      if (KEEPING.includes(event.type)) continue;
      break;
    }
    if (said.what === "removed") {
      if (!current.has(said.id)) removed.add(said.id);
      emptied.add(said.id);
      if (said.id.startsWith("ses")) break;
      continue;
    }
    const { id, messageID } = said.record;
    if (typeof id !== "string" || removed.has(id) || (typeof messageID === "string" && emptied.has(messageID)))
      continue;
    if (!current.has(id) && isInPlace(said, places.get(id))) inPlace.add(id);
    current.add(id);
    if (inPlace.has(id)) continue;
    firstTimes.set(id, said.time);
    if (found.has(id)) continue;
    const row = rowOf(said);
    if (loads(said.kind, id, row, store)) found.set(id, { kind: said.kind, id, row, sequence: event.sequence });
  }
  return {
    missing: [...found.values()].map((missing) => ({
      ...missing,
      row: withFirstTime(missing, firstTimes.get(missing.id)),
    })),
    known: new Set([...current, ...removed]),
    isWhole: expected === -1,
  };
}

/**
 * Whether the row has the parent that the event names. A message also needs a valid time, because opencode orders
 * messages by time.
 */
function isInPlace({ kind, record }: EventRecord & { what: "record" }, place: RecordPlace | undefined): boolean {
  if (place === undefined) return false;
  switch (kind) {
    case "session":
      return true;
    case "message":
      return place.sessionID === record.sessionID && place.createdMs !== null;
    case "part":
      return place.sessionID === record.sessionID && place.messageID === record.messageID;
  }
}

/**
 * Events of these types never remove a record. So the search can continue behind such an event even if it is damaged.
 */
const KEEPING: readonly string[] = [
  "session.created.1",
  "session.updated.1",
  "message.updated.1",
  "message.part.updated.1",
];

function rowOf({ kind, record, time }: EventRecord & { what: "record" }): RowForm {
  switch (kind) {
    case "session":
      return sessionRow(record);
    case "message":
      return messageRow(record);
    case "part":
      return partRow(record, time);
  }
}

/**
 * Returns the row with the time of the part's first event as its creation time, as opencode does (measured 1.17.18,
 * 1.18.33).
 */
function withFirstTime({ kind, row }: MissingRecord, time: unknown): RowForm {
  if (kind !== "part" || typeof time !== "number" || !Number.isInteger(time)) return row;
  return new Map([...row, ["time_created", { storage: "integer", number: String(time) }]]);
}

/** Whether opencode would load this row, including its JSON document and its columns. */
function loads(kind: MissingRecord["kind"], id: string, row: RowForm, store: StoreDescription): boolean {
  const sessionID = cellValue(row.get(kind === "session" ? "id" : "session_id"));
  if (typeof sessionID !== "string" || !hasParent(kind, row)) return false;
  const locator = { table: kind, key: { id } };
  const artifact: Artifact = { kind, sessionID, recordID: id, locator };
  if (kind !== "session") return fitsText(artifact, row.get("data"), null, store);
  const columns = [...row].filter(([name]) => JSON_COLUMNS.includes(name));
  const values: RowValues = Object.fromEntries([...row].map(([name, cell]) => [name, cellValue(cell)]));
  return (
    fits(artifact, values, { row: values, siblings: null }, store) &&
    columns.every(
      ([column, cell]) =>
        cell.storage === "null" || fitsText({ ...artifact, locator: { ...locator, column } }, cell, values, store),
    )
  );
}

const JSON_COLUMNS = ["summary_diffs", "metadata", "revert", "permission", "model"];

function hasParent(kind: MissingRecord["kind"], row: RowForm): boolean {
  const parent = { session: "project_id", message: "session_id", part: "message_id" }[kind];
  return typeof cellValue(row.get(parent)) === "string";
}

function fitsText(
  artifact: Artifact,
  cell: CellValue | undefined,
  row: RowValues | null,
  store: StoreDescription,
): boolean {
  const text = cellValue(cell);
  return typeof text === "string" && fits(artifact, JSON.parse(text), { row, siblings: null }, store);
}
