import { diagnose } from "../../../plugin/faults/diagnose.ts";
import { cellValue } from "../../../plugin/hosts/row-form.ts";
import type { Artifact, Evidence } from "../../../plugin/model/artifact.ts";
import type { StoreDescription } from "../../../plugin/model/store-description.ts";
import { readEvent } from "../../../plugin/remedies/recover/event-record.ts";
import { copiesFromEvents } from "../../../plugin/remedies/recover/from-events.ts";
import type { RecordedEvent } from "../../../plugin/stores/store.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";
import { ROW_PLACES, STORES } from "../subjects.ts";

const TYPES = [
  "message.part.updated.1",
  "message.updated.1",
  "session.updated.1",
  "message.part.removed.1",
  "message.removed.1",
  "session.deleted.1",
  "session.created.1",
];

const STORE = STORES[0] as StoreDescription;

/**
 * A copy from the event log can be loaded by opencode. It is a copy of the wanted record, and that record was not
 * removed later.
 */
export function fuzz(data: Uint8Array): void {
  const choices = new Choices(data);
  const artifact = choices.pick(ROW_PLACES);
  const events = eventsIn(choices.rest());
  const wanted = { artifact, evidence: damaged(artifact) };
  const found = copiesFromEvents([wanted], events, { store: STORE, usage: null }).get(wanted);
  if (found === undefined) return;
  const number = Number(/^event (\d+) of/.exec(found.source)?.[1] ?? Number.NaN);
  const event = events.find(({ sequence }) => sequence === number);
  demand(event !== undefined, "a copy of no event");
  const said = readEvent(event);
  demand(said?.what === "record" && said.record.id === artifact.recordID, "a copy of another record");
  for (const earlier of events.slice(0, events.indexOf(event))) {
    const gone = readEvent(earlier);
    const isGone = gone?.what === "removed" && [artifact.recordID, artifact.sessionID].includes(gone.id);
    demand(!isGone, "a record that was removed comes back");
  }
  demand("cells" in found.content && found.content.cells.size > 0, "a copy without a value");
  demandLoadable(wanted, found.content.cells);
}

type Wanted = { readonly artifact: Artifact; readonly evidence: Evidence };
type Cells = Extract<
  NonNullable<ReturnType<ReturnType<typeof copiesFromEvents>["get"]>>["content"],
  { cells: unknown }
>;

function demandLoadable({ artifact, evidence }: Wanted, cells: Cells["cells"]): void {
  const column = "table" in artifact.locator ? (artifact.locator.column ?? "data") : "";
  const [value, sessionID] = [cellValue(cells.get(column)), cellValue(cells.get("session_id"))];
  const moved = typeof sessionID === "string" ? { ...artifact, sessionID } : artifact;
  const row = Object.fromEntries([...cells].map(([name, cell]) => [name, cellValue(cell)] as const));
  const bytes = typeof value === "string" ? Buffer.from(value) : null;
  if (bytes === null && evidence.storage !== "row") return;
  const copied = { ...evidence, bytes, size: bytes?.length ?? 0, row: evidence.row && { ...evidence.row, ...row } };
  demand(diagnose(moved, copied, STORE)?.severity !== "blocking", "a copy that its host does not load");
}

/** The damaged record that a copy should replace. */
function damaged(artifact: Artifact): Evidence {
  const isRow = "table" in artifact.locator && artifact.locator.column === undefined && artifact.kind === "session";
  const bytes = Buffer.from('{"type":');
  return {
    ...{ storage: isRow ? "row" : "text", size: bytes.length, bytes: isRow ? null : bytes, shape: null, sha256: null },
    ...{ stray: null, ioError: null, mtimeMs: null, position: null, siblings: null, updatedMs: null, reachable: true },
    row: isRow ? { id: artifact.recordID, directory: "x", title: null, time_created: -1 } : null,
    sessionID: artifact.sessionID,
  };
}

/** Each line is one event: a byte that chooses the type, and JSON. */
function eventsIn(bytes: Buffer): RecordedEvent[] {
  const lines = bytes.toString("latin1").split("\n");
  return lines.map((line, index) => ({
    sequence: lines.length - index,
    type: TYPES[line.charCodeAt(0) % TYPES.length] ?? "",
    text: Buffer.from(line.slice(1), "latin1").toString("utf8"),
  }));
}
