import { type Locator, valueColumn } from "../model/artifact.ts";
import { plural, themOrIt, were } from "./amounts.ts";
import { madeBy } from "./sources.ts";

/** The words for acts that were done, in the order in which a sentence names them. */
const DONE = ["recovered", "completed", "closed", "rebuilt", "quarantined", "rescued"] as const;

/** The act on one record. `source` says where the new content came from. */
interface Done {
  readonly action: string;
  readonly source?: string | null;
}

/** The word for what was done to one record, such as `completed`. JSON documents use other names (docs/contract.md). */
export function actionWord({ action, source }: Done): string {
  if (action === "normalised") return "completed";
  if (action === "settled") return "closed";
  return (action === "recovered" ? madeBy(source) : null) ?? action;
}

/**
 * The words for a store in a sentence. A store in another data directory often has the same file name, so that
 * directory is named too.
 */
export function storeText({ database, dataDir }: { readonly database?: string; readonly dataDir?: string }): string {
  return `${database ?? "the old JSON storage"}${dataDir === undefined ? "" : ` in ${dataDir}`}`;
}

/** The subject of a line: `part prt_1`, `database`, or `revert of session ses_1` if only that value was changed. */
export function recordWords(item: {
  readonly kind: string;
  readonly recordID: string | null;
  readonly column?: string;
}): string {
  const record = item.recordID === null ? item.kind : `${item.kind} ${item.recordID}`;
  return item.column === undefined ? record : `${item.column} of ${record}`;
}

/**
 * An amount in words: `2 records`. A change of only one column counts as a value, and not as a record: `1 record and 1
 * value`.
 */
function amountWords(values: readonly boolean[], noun: string): string {
  const count = values.filter(Boolean).length;
  const records = values.length - count;
  const value = noun === "damaged record" ? "damaged value" : "value";
  if (count === 0) return plural(records, noun);
  return records === 0 ? plural(count, value) : `${plural(records, noun)} and ${plural(count, value)}`;
}

/**
 * The actions on records: `2 damaged records of this session quarantined`, or, if the actions differ, `3 damaged
 * records of this session repaired (2 recovered, 1 quarantined)`.
 */
export function doneWords(
  items: readonly (Done & { readonly column?: string })[],
  noun: "record" | "damaged record",
  where = "",
): string {
  const acts = items.map(actionWord);
  const counted = DONE.map((words) => ({ words, count: acts.filter((act) => act === words).length })).filter(
    ({ count }) => count > 0,
  );
  const values = items.map(({ column }) => column !== undefined);
  const subject = `${amountWords(values, noun)}${where}`;
  const [only, another] = counted;
  if (only !== undefined && another === undefined) return `${subject} ${only.words}`;
  return `${subject} repaired (${counted.map(({ words, count }) => `${count} ${words}`).join(", ")})`;
}

/** The words for acts that a plan contains, in the order in which a sentence names them. */
const TO_DO = ["recover", "complete", "close", "rebuild", "quarantine"] as const;

/** The act that a plan contains for one record. */
interface ToDo {
  readonly remedy: string;
  readonly replacement?: { readonly source: string } | null;
  /**
   * The content that the tool can rebuild from other records. It is used only if the user asks for the repair.
   * Otherwise the record is quarantined.
   */
  readonly rebuilt?: { readonly source: string };
  readonly locator: Locator;
}

function verbFor({ remedy, replacement, rebuilt }: ToDo): string {
  const made = madeBy(rebuilt === undefined ? replacement?.source : rebuilt.source);
  if (made !== null) return made === "closed" ? "close" : "rebuild";
  if (rebuilt !== undefined) return "recover";
  return remedy === "normalise" ? "complete" : remedy === "settle" ? "close" : remedy;
}

/** What will be done with records: `quarantine 2 records`, or `recover 2 records, quarantine 1 record`. */
export function toDoWords(items: readonly ToDo[]): string {
  return TO_DO.map((verb) => {
    const own = items.filter((item) => verbFor(item) === verb);
    return { verb, values: own.map(({ locator }) => valueColumn(locator) !== null) };
  })
    .filter(({ values }) => values.length > 0)
    .map(({ verb, values }) => `${verb} ${amountWords(values, "record")}`)
    .join(", ");
}

/** The words as a sentence, with a capital letter at the beginning. */
export function sentence(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** What opencode does with the checked sessions after a repair, if no problem is left. */
export function afterRepairText(items: readonly Done[]): string {
  return items.some(({ action }) => action === "quarantined")
    ? "opencode can load the other records that were checked. opencode does not show records in quarantine."
    : "opencode can load everything that was checked.";
}

/** Whether a repair moves, or has moved, the whole record of a session. Then opencode no longer lists the session. */
export function isSessionRemoved(item: {
  readonly kind: string;
  readonly column?: string;
  readonly action?: string;
  readonly remedy?: string;
  readonly replacement?: unknown;
  readonly rebuilt?: unknown;
}): boolean {
  const isMoved = item.action === "quarantined" || (item.remedy === "quarantine" && !item.replacement && !item.rebuilt);
  return item.kind === "session" && item.column === undefined && isMoved;
}

/** The actions at a start, and their purpose: `1 damaged record of 1 session quarantined, so that …`. */
export function openedAgain(items: readonly (ReportedLike & Done)[], sessions: number): string {
  const acts = doneWords(items, "damaged record", ` of ${plural(sessions, "session")}`);
  return `${acts}${purpose(sessions, items.filter(isSessionRemoved).length)}`;
}

type ReportedLike = Parameters<typeof isSessionRemoved>[0];

/**
 * The purpose of a repair, as the end of the sentence about its actions. `removed`: how many of the sessions opencode
 * no longer lists.
 */
export function purpose(sessions: number, removed: number): string {
  const opened = sessions - removed;
  return [
    opened > 0 ? `, ${soThatItOpens(opened)}` : ".",
    ...(removed > 0
      ? [`opencode no longer lists ${plural(removed, "session")}: no part of its record is usable.`]
      : []),
  ].join(" ");
}

function soThatItOpens(sessions: number): string {
  return `so that opencode can open ${themOrIt(sessions)} again.`;
}

/** The promise of `repair` about all of its changes. */
export const UNDOABLE_STEPS = "every step can be undone";

export const REVERSIBLE = `Nothing is deleted; ${UNDOABLE_STEPS}.`;

/** For example `2 records restored where they were.` */
function restoredSentence(records: number): string {
  return `${plural(records, "record")} restored where ${were(records)}.`;
}

/**
 * A record of a run that is to be undone. `bytes` is the size of its original, or `null` if the run added the record.
 */
interface ToUndo {
  readonly action: string;
  readonly bytes: number | null;
}

/** What an undo did, for example `2 records restored where they were.` `records`: those that were undone. */
export function undoneSentences(records: readonly ToUndo[]): string {
  const { added, returned } = kindsOf(records);
  if (added === 0) return restoredSentence(returned);
  const removed = `${plural(added, "record")} that the run added ${added === 1 ? "was" : "were"} removed.`;
  return returned === 0 ? removed : `${restoredSentence(returned)} ${removed}`;
}

function kindsOf(records: readonly ToUndo[]): { readonly added: number; readonly returned: number } {
  const added = records.filter(({ bytes }) => bytes === null).length;
  return { added, returned: records.length - added };
}

/** What an undo does: `2 records will return where they were, byte for byte.` */
export function undoSentences(records: readonly ToUndo[]): string {
  const { added, returned } = kindsOf(records);
  const sentences = [
    ...(returned > 0 ? [`${plural(returned, "record")} will return where ${were(returned)}, byte for byte.`] : []),
    ...(added > 0 ? [`${plural(added, "record")} that the run added will be removed.`] : []),
  ];
  return sentences.join(" ");
}

/**
 * What opencode will do after an undo. opencode fails again on records that were damaged. Rescued sessions were never
 * damaged, so an undo only hides them again.
 */
export function afterUndo(records: readonly ToUndo[]): string {
  const isBackToHidden =
    records.length > 0 && records.every(({ action, bytes }) => action === "rescued" || bytes === null);
  return isBackToHidden
    ? `opencode will no longer list ${themOrIt(records.length)} where it lists ${themOrIt(records.length)} now.`
    : failsAgain(records.length);
}

function failsAgain(records: number): string {
  return `opencode will fail on ${themOrIt(records)} again.`;
}
