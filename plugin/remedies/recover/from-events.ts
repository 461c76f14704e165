import { diagnose } from "../../faults/diagnose.ts";
import { cellValue, messageRow, partRow, type RowForm, sessionRow } from "../../hosts/row-form.ts";
import type { Artifact, CellValue, Evidence, RowValues } from "../../model/artifact.ts";
import { isFileLocator } from "../../model/artifact.ts";
import type { Replacement } from "../../model/replacement.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import type { RecordedEvent } from "../../stores/store.ts";
import { fromEvent } from "../../words/sources.ts";
import { type EventRecord, readEvent } from "./event-record.ts";

/** A damaged record for which a copy is wanted, and the facts about the damage. */
export interface Wanted {
  readonly artifact: Artifact;
  readonly evidence: Evidence;
}

/**
 * Facts for making a row from an event: the store, whose opencode must load the row, and the session's cost and tokens
 * if they are known.
 */
export interface EventSetting {
  readonly store: StoreDescription;
  readonly usage: ReadonlyMap<string, CellValue> | null;
}

/**
 * Looks in the events of one session for the newest loadable copy of each damaged record. The events are given newest
 * first and read once. A record that a later event removed gets no copy. Damaged events are skipped.
 */
export function copiesFromEvents(
  wanted: readonly Wanted[],
  events: Iterable<RecordedEvent>,
  setting: EventSetting,
): ReadonlyMap<Wanted, Replacement> {
  const found = new Map<Wanted, Replacement>();
  const open = new Set(wanted);
  const byID = new Map<string | null, Wanted[]>();
  for (const each of wanted) {
    const { recordID } = each.artifact;
    byID.set(recordID, [...(byID.get(recordID) ?? []), each]);
  }
  for (const event of events) {
    if (open.size <= FEW && ![...open].some(({ artifact }) => event.text.includes(artifact.recordID ?? "\0"))) continue;
    const said = readEvent(event);
    if (said === null) continue;
    const isSessionGone = said.what === "removed" && said.id.startsWith("ses");
    const concerned = isSessionGone ? [...open] : (byID.get(idOf(said)) ?? []).filter((each) => open.has(each));
    for (const each of concerned) {
      if (isTakenAway(each.artifact, said)) open.delete(each);
      const cells = said.what === "record" ? recordCells(each, said, setting) : null;
      if (cells === null) continue;
      found.set(each, { source: fromEvent(event.sequence), content: { cells } });
      open.delete(each);
    }
    if (open.size === 0) break;
  }
  return found;
}

/**
 * If at most this many records are wanted, only events whose text contains one of their ids are parsed. Parsing every
 * event would take longer.
 */
const FEW = 8;

function idOf(said: EventRecord): string | null {
  if (said.what === "removed") return said.id;
  return typeof said.record.id === "string" ? said.record.id : null;
}

function isTakenAway({ recordID, sessionID }: Artifact, said: EventRecord): boolean {
  return said.what === "removed" && (said.id === recordID || said.id === sessionID);
}

/**
 * The columns of a damaged record, taken from an event or a file, with which opencode loads the record again. Returns
 * `null` if the event or file is about another record, or if opencode would not load this content either.
 */
export function recordCells(
  { artifact, evidence }: Wanted,
  said: EventRecord & { what: "record" },
  { store, usage }: EventSetting,
): ReadonlyMap<string, CellValue> | null {
  if (said.kind !== artifact.kind || said.record.id !== artifact.recordID) return null;
  switch (said.kind) {
    case "part":
      return documentCells(artifact, evidence, partRow(said.record, said.time), store);
    case "message":
      return documentCells(artifact, evidence, messageRow(said.record), store);
    case "session":
      return sessionCells(artifact, evidence, new Map([...sessionRow(said.record), ...(usage ?? [])]), store);
  }
}

/**
 * The JSON document of a message or part. If a part fails because of its session id, the session id from the event is
 * added.
 */
function documentCells(
  artifact: Artifact,
  evidence: Evidence,
  row: RowForm,
  store: StoreDescription,
): ReadonlyMap<string, CellValue> | null {
  const data = row.get("data");
  if (data === undefined) return null;
  if (loads(artifact, evidence, data, store)) return new Map([["data", data]]);
  const session = row.get("session_id");
  const sessionID = cellValue(session);
  if (session === undefined || typeof sessionID !== "string") return null;
  const moved = { ...artifact, sessionID };
  if (!loads(moved, evidence, data, store)) return null;
  return new Map([
    ["session_id", session],
    ["data", data],
  ]);
}

function loads(artifact: Artifact, evidence: Evidence, cell: CellValue, store: StoreDescription): boolean {
  if (cell.storage === "null") return true;
  if (!("bytes" in cell)) return false;
  const copied = { storage: "text" as const, size: cell.bytes.length, bytes: cell.bytes, shape: null, sha256: null };
  return diagnose(artifact, { ...evidence, ...copied }, store)?.severity !== "blocking";
}

function sessionCells(
  artifact: Artifact,
  evidence: Evidence,
  row: RowForm,
  store: StoreDescription,
): ReadonlyMap<string, CellValue> | null {
  if (isFileLocator(artifact.locator)) return null;
  const { column } = artifact.locator;
  if (column === undefined) return rowCells(artifact, evidence, row, store);
  const cell = row.get(column);
  if (cell === undefined) return null;
  return loads(artifact, evidence, cell, store) ? new Map([[column, cell]]) : null;
}

/**
 * Returns as few columns as possible with which opencode loads the row again. The other columns stay, because opencode
 * may have changed them after the event.
 */
function rowCells(
  artifact: Artifact,
  evidence: Evidence,
  row: RowForm,
  store: StoreDescription,
): ReadonlyMap<string, CellValue> | null {
  const { row: live } = evidence;
  if (live === null) return null;
  const loadsWith = (values: RowValues) =>
    diagnose(artifact, { ...evidence, row: values }, store)?.severity !== "blocking";
  const columns = [...row.keys()].filter((name) => Object.hasOwn(live, name));
  let values: RowValues = { ...live };
  for (const name of columns) values = { ...values, [name]: cellValue(row.get(name)) };
  if (!loadsWith(values)) return null;
  const needed = new Map<string, CellValue>();
  for (const name of columns) {
    const cell = row.get(name);
    const without: RowValues = { ...values, [name]: live[name] ?? null };
    if (loadsWith(without)) values = without;
    else if (cell !== undefined) needed.set(name, cell);
  }
  return needed.size === 0 ? null : needed;
}
