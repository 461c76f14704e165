import { type Locator, valueColumn } from "../model/artifact.ts";
import { plural, themOrIt, were } from "./amounts.ts";

/** What was done, in words. JSON keeps the names of the contract. */
const DONE: Readonly<Record<string, string>> = {
  recovered: "recovered",
  normalised: "completed",
  settled: "closed",
  quarantined: "quarantined",
  rescued: "rescued",
};

/** The word for what was done to one record, such as `completed`. */
export function actionWord(action: string): string {
  return DONE[action] ?? action;
}

/** The words for a store in a sentence. In another data directory its file often has the name of the target. */
export function holderText({ database, dataDir }: { readonly database?: string; readonly dataDir?: string }): string {
  return `${database ?? "the old JSON storage"}${dataDir === undefined ? "" : ` in ${dataDir}`}`;
}

/** The subject of a line: `part prt_1`, `database`, or, if only that value was changed, `revert of session ses_1`. */
export function recordWords(item: {
  readonly kind: string;
  readonly recordID: string | null;
  readonly column?: string;
}): string {
  const record = item.recordID === null ? item.kind : `${item.kind} ${item.recordID}`;
  return item.column === undefined ? record : `${item.column} of ${record}`;
}

/** `2 records`, or `1 record and 1 value` if only one value of a session or project is meant. */
function amountWords(values: readonly boolean[], noun: string): string {
  const count = values.filter(Boolean).length;
  const records = values.length - count;
  const value = noun === "damaged record" ? "damaged value" : "value";
  if (count === 0) return plural(records, noun);
  return records === 0 ? plural(count, value) : `${plural(records, noun)} and ${plural(count, value)}`;
}

/**
 * What was done with records: `2 damaged records of this session quarantined`, or, if the actions differ, `3 damaged
 * records of this session repaired (2 recovered, 1 quarantined)`.
 */
export function doneWords(
  items: readonly { readonly action: string; readonly column?: string }[],
  noun: "record" | "damaged record",
  where = "",
): string {
  const counted = Object.entries(DONE)
    .map(([action, words]) => ({ words, count: items.filter((item) => item.action === action).length }))
    .filter(({ count }) => count > 0);
  const values = items.map(({ column }) => column !== undefined);
  const subject = `${amountWords(values, noun)}${where}`;
  const [only, another] = counted;
  if (only !== undefined && another === undefined) return `${subject} ${only.words}`;
  return `${subject} repaired (${counted.map(({ words, count }) => `${count} ${words}`).join(", ")})`;
}

const TO_DO: readonly { readonly remedy: string; words(what: string): string }[] = [
  { remedy: "recover", words: (what) => `recover ${what}` },
  { remedy: "normalise", words: (what) => `complete ${what}` },
  { remedy: "settle", words: (what) => `close ${what}` },
  { remedy: "quarantine", words: (what) => `quarantine ${what}` },
];

/** What will be done with records: `quarantine 2 records`, or `recover 2 records, quarantine 1 record`. */
export function toDoWords(
  items: readonly { readonly remedy: string; readonly rebuilt?: object; readonly locator: Locator }[],
): string {
  return TO_DO.map(({ remedy, words }) => {
    // If the user is asked, what can be rebuilt of a record replaces its quarantine.
    const own = items.filter((item) => (item.rebuilt === undefined ? item.remedy : "recover") === remedy);
    return { words, values: own.map(({ locator }) => valueColumn(locator) !== null) };
  })
    .filter(({ values }) => values.length > 0)
    .map(({ words, values }) => words(amountWords(values, "record")))
    .join(", ");
}

/** The words as a sentence, with a capital letter at the beginning. */
export function sentence(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** What was done at a start, and why: `1 damaged record of 1 session quarantined, so that …`. */
export function openedAgain(items: Parameters<typeof doneWords>[0], sessions: number): string {
  return `${doneWords(items, "damaged record", ` of ${plural(sessions, "session")}`)}, ${soThatItOpens(sessions)}`;
}

export function soThatItOpens(sessions: number): string {
  return `so that opencode can open ${themOrIt(sessions)} again.`;
}

/** What `repair` promises of everything it would do. */
export const REVERSIBLE = "Nothing is deleted; every step can be undone.";

/** `2 records restored where they were.` */
export function restoredSentence(records: number): string {
  return `${plural(records, "record")} restored where ${were(records)}.`;
}

/** What an undo brings back. */
export function failsAgain(records: number): string {
  return `opencode will fail on ${themOrIt(records)} again.`;
}
