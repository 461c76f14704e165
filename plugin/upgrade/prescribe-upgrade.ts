import type { Fault } from "../faults/fault.ts";
import { UPGRADE_CHANGED, UPGRADE_DROPPED, UPGRADE_STOPS, UPGRADE_UNREADABLE } from "../faults/upgrade.ts";
import { type Locator, locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { textIn } from "../stores/conversation.ts";
import type { SourceRecord, SourceSession } from "../stores/source-session.ts";
import { recordAfter } from "./after-repair.ts";
import type { Departure, Outcome } from "./departure.ts";
import {
  cell,
  field,
  joined,
  messageSupplement,
  NOTHING_NEEDED,
  ownMessageID,
  partSupplement,
  type Supplement,
} from "./import-only.ts";
import type { SessionOutcomes } from "./outcomes.ts";
import { NO_OWN_ID } from "./readable.ts";
import { supplemented } from "./supplemented.ts";

/** A finding that also says what the import of opencode 2.x would make of the record. */
export interface UpgradeFinding extends ConfirmedFinding {
  readonly outcome: Exclude<Outcome, "arrives">;
  readonly isByDesign: boolean;
}

const FAULT: Readonly<Record<Departure["outcome"], Fault>> = {
  changed: UPGRADE_CHANGED,
  dropped: UPGRADE_DROPPED,
  stops: UPGRADE_STOPS,
  unreadable: UPGRADE_UNREADABLE,
};

export interface KnownHashes {
  /**
   * Returns the hash of a record's JSON. It is called for a record that only the import refuses. For other records, the
   * finding by the rules of 1.17 has the hash.
   */
  readonly hashOf: (locator: Locator) => ConfirmedFinding["seen"];
  /** The problems in the same session by the rules of opencode 1.17, with their repairs. */
  readonly findings: readonly ConfirmedFinding[];
  readonly store: number;
  /** Whether no message has this id. */
  readonly isFreeID: (id: string) => boolean;
}

/**
 * The findings of one session: the records that do not arrive unchanged, and the repair after which they would.
 * Problems by the rules of 1.17 are repaired by the rules for 1.17. Problems of the import alone are repaired by the
 * rules in `import-only.ts`. One record may need both.
 */
export function prescribed(
  session: SourceSession,
  { departures }: SessionOutcomes,
  known: KnownHashes,
): UpgradeFinding[] {
  const base = new Map(known.findings.map((each) => [locatorText(each.locator), each]));
  const records = new Map<string, SourceRecord>([
    ...session.messages.map((record) => [`message ${record.id}`, record] as const),
    ...session.parts.map((record) => [`part ${record.id}`, record] as const),
  ]);
  const renamed = renamedMessages(session, departures, known, base);
  const waiting = waitingMessages(departures, base);
  const said = new Set(
    departures.flatMap(({ kind, recordID, isByDesign }) => (isByDesign ? [] : `${kind} ${recordID}`)),
  );
  const answered = new Set<string>();
  // The row of a session is changed before its JSON columns. The new row was computed from the present row, so no
  // column may change first.
  const inOrder = [...departures].sort((one, other) => Number(isJSONColumn(one)) - Number(isJSONColumn(other)));
  return [...inOrder, ...following(session, said, renamed)].map((departure) => {
    const locator = locatorOf(departure);
    const own = base.get(locatorText(locator)) ?? null;
    const record = records.get(`${departure.kind} ${departure.recordID}`) ?? null;
    // The requirements of the import are checked on the record as it will be after the repair by the rules of 1.17.
    const later = record === null ? null : recordAfter(record, madeOf(own));
    const supplement = supplementOf(departure.kind, later, session.id, renamed);
    // If several columns of a row are wrong, the repair of the first finding corrects all of these columns. So the
    // later findings need no repair.
    const isAnswered = answered.has(locatorText(locator));
    const moved = departure.kind === "part" && record !== null ? movedTo(record, renamed) : NOTHING_NEEDED;
    const isLeft = departure.isByDesign || (departure.kind === "part" && isWaiting(record, waiting));
    const replacement = isLeft ? null : replacementFor(own, documentOf(record), supplement, moved);
    if (!departure.isByDesign) answered.add(locatorText(locator));
    return { ...finding(departure, session, locator, own, known, replacement), ...(isAnswered && ALREADY) };
  });
}

/** The remedy of a finding that needs no repair, because the repair of another finding corrects the whole row. */
const ALREADY = { remedy: "report", replacement: null } as const;

function locatorOf(departure: Pick<Departure, "kind" | "recordID" | "column">): Locator {
  const { kind, recordID, column } = departure;
  return { table: kind, key: { id: recordID }, ...(isJSONColumn(departure) && { column: column ?? "" }) };
}

function isJSONColumn({ column }: Pick<Departure, "column">): boolean {
  return column !== undefined && ["summary_diffs", "metadata", "revert", "model", "permission"].includes(column);
}

function finding(
  departure: Departure,
  { id: sessionID }: SourceSession,
  locator: Locator,
  own: ConfirmedFinding | null,
  { hashOf, store }: KnownHashes,
  replacement: Replacement | null | "impossible",
): UpgradeFinding {
  const { kind, recordID, outcome, reason, isByDesign } = departure;
  const fault = FAULT[outcome];
  const common = {
    code: fault.code,
    severity: isByDesign ? ("info" as const) : ("blocking" as const),
    sessionID,
    kind,
    recordID,
    locator,
    evidence: reason,
    store,
    writtenMs: own?.writtenMs ?? null,
    outcome,
    isByDesign,
  };
  // A quarantine helps if the import would stop at the record. If the import only drops the record, a quarantine would
  // change nothing for the user.
  const remedy = own?.remedy === "quarantine" && outcome === "stops" ? "quarantine" : "report";
  if (replacement === null || replacement === "impossible") {
    return { ...common, remedy, seen: own?.seen ?? null, replacement: null };
  }
  if (own?.rebuilt !== undefined) return { ...common, remedy, seen: own.seen, replacement: null, rebuilt: replacement };
  const seen = own?.seen ?? hashOf(locator);
  return { ...common, remedy: own?.remedy === "recover" ? "recover" : "normalise", seen, replacement };
}

/** The replacement of a record by the rules for 1.17, whether the record is rebuilt, recovered or completed. */
function madeOf(own: ConfirmedFinding | null | undefined): Replacement | null {
  return own?.rebuilt ?? own?.replacement ?? null;
}

/**
 * Combines the replacement by the rules for 1.17 with the changes for the import. `moved` is the new message id of a
 * part. The part gets the new id even if the rules for 1.17 cannot complete the part. Returns `impossible` if nothing
 * can be changed.
 */
function replacementFor(
  own: ConfirmedFinding | null,
  document: unknown,
  supplement: Supplement,
  moved: Supplement,
): Replacement | null | "impossible" {
  const made = madeOf(own);
  if (own !== null && made === null) return supplemented(null, document, moved) ?? "impossible";
  return supplemented(made, document, supplement) ?? "impossible";
}

/**
 * Messages that do not arrive and cannot be completed yet. The repair of another record may reveal their missing
 * values. Their parts wait too, so that no record is changed twice in one run.
 */
function waitingMessages(
  departures: readonly Departure[],
  base: ReadonlyMap<string, ConfirmedFinding>,
): ReadonlySet<string> {
  return new Set(
    departures.flatMap(({ kind, recordID, outcome, isByDesign }) => {
      const isLost = kind === "message" && outcome === "dropped" && !isByDesign;
      const own = base.get(locatorText(locatorOf({ kind: "message", recordID })));
      return isLost && madeOf(own) === null ? recordID : [];
    }),
  );
}

function isWaiting(part: SourceRecord | null, waiting: ReadonlySet<string>): boolean {
  return part !== null && waiting.has(part.messageID);
}

/**
 * The messages whose id must change, with their old and new ids. A message that has another problem is included if that
 * problem is repaired too. Otherwise its old id would cause a conflict later.
 */
function renamedMessages(
  { messages }: SourceSession,
  departures: readonly Departure[],
  { isFreeID }: KnownHashes,
  base: ReadonlyMap<string, ConfirmedFinding>,
): ReadonlyMap<string, string> {
  const isCompleted = (id: string) =>
    madeOf(base.get(locatorText(locatorOf({ kind: "message", recordID: id })))) !== null;
  const lost = new Set(
    departures.flatMap(({ kind, recordID, outcome, isByDesign, only }) => {
      const isLost = isByDesign ? outcome === "dropped" : only === undefined && !isCompleted(recordID);
      return kind === "message" && isLost ? recordID : [];
    }),
  );
  const taken = new Set(messages.map(({ id }) => id));
  const renamed = new Map<string, string>();
  for (const { id } of messages) {
    const to = lost.has(id) ? null : ownMessageID(id);
    if (to === null || taken.has(to) || !isFreeID(to)) continue;
    taken.add(to);
    renamed.set(id, to);
  }
  return renamed;
}

type Renamed = ReadonlyMap<string, string>;

function supplementOf(
  kind: Departure["kind"],
  record: SourceRecord | null,
  sessionID: string,
  renamed: Renamed,
): Supplement {
  if (record === null || kind === "session") return NOTHING_NEEDED;
  const document = documentOf(record);
  if (kind === "part") {
    const own = joined(partSupplement(record, sessionID, document), movedTo(record, renamed));
    return joined(own, references(document, renamed));
  }
  const to = renamed.get(record.messageID);
  const own = to === undefined ? NOTHING_NEEDED : cell("id", record.id, to, "upgrade-message-id");
  return joined(joined(messageSupplement(record, document), own), references(document, renamed));
}

/** The change of a part whose message gets a new id. */
function movedTo({ messageID }: SourceRecord, renamed: Renamed): Supplement {
  const to = renamed.get(messageID);
  return to === undefined ? NOTHING_NEEDED : cell("message_id", messageID, to, "upgrade-message-id");
}

/** The changes that a document needs, because a message that it mentions gets a new id. */
function references(document: unknown, renamed: Renamed): Supplement {
  return ["parentID", "tail_start_id"].reduce((found, name) => {
    const from = textIn(document, name);
    const to = from === null ? undefined : renamed.get(from);
    return from === null || to === undefined
      ? found
      : joined(found, field([name], from, to, "upgrade-message-id", true));
  }, NOTHING_NEEDED);
}

function documentOf(record: SourceRecord | null): unknown {
  return record?.document?.ok === true ? record.document.value : null;
}

/**
 * Records that the import would accept unchanged, but that name a message which gets a new id. The repair changes these
 * records too.
 */
function following(
  session: SourceSession,
  said: ReadonlySet<string>,
  renamed: Renamed,
): (Departure & { readonly record: SourceRecord })[] {
  if (renamed.size === 0) return [];
  const kinds = [
    ...session.messages.map((record) => ({ kind: "message" as const, record })),
    ...session.parts.map((record) => ({ kind: "part" as const, record })),
  ];
  return kinds
    .filter(({ kind, record }) => !said.has(`${kind} ${record.id}`))
    .flatMap(({ kind, record }) => {
      if (kind === "message" && renamed.has(record.id)) {
        return [
          {
            kind,
            recordID: record.id,
            outcome: "unreadable" as const,
            reason: `2.x cannot read it: ${NO_OWN_ID}`,
            isByDesign: false,
            record,
          },
        ];
      }
      const isOwn = kind === "part" && renamed.has(record.messageID);
      if (!isOwn && references(documentOf(record), renamed) === NOTHING_NEEDED) return [];
      const reason = isOwn ? "2.x cannot read its message" : "it names a message that 2.x cannot read";
      const outcome = isOwn ? ("unreadable" as const) : ("changed" as const);
      return [{ kind, recordID: record.id, outcome, reason, isByDesign: false, record }];
    });
}
