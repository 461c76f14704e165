import { diagnose } from "../../faults/diagnose.ts";
import { variantOf } from "../../faults/refusal.ts";
import { shownNowhere } from "../../faults/remarks.ts";
import { cellValue } from "../../hosts/row-form.ts";
import { mismatchesOnScreen } from "../../hosts/screen.ts";
import { pathSystem, readings, screensOf } from "../../hosts/store-line.ts";
import { type Artifact, type CellValue, type Evidence, isFileLocator, type RowValues } from "../../model/artifact.ts";
import type { FieldChange, Replacement, ShownChange } from "../../model/replacement.ts";
import type { PathSystem, StoreDescription } from "../../model/store-description.ts";
import { isWholeRow } from "../../records/contract.ts";
import { withFields } from "../../records/fields.ts";
import { judge } from "../../records/judge.ts";
import { type Mismatch, pathText } from "../../records/mismatch.ts";
import { checkFor } from "../../records/quick-check.ts";
import { partDocument } from "../../records/strict/part.ts";
import { isFields, parseDocument } from "../../stores/conversation.ts";
import { RULES } from "./catalogue.ts";
import type { Neighbours } from "./neighbours.ts";
import { type ColumnSetting, type FieldSetting, type Rule, type Subject, valueAt } from "./rule.ts";
import { shownValue } from "./shown-value.ts";

/**
 * The limit for repeated checks of one record. A completed value may reveal the next problem, such as a missing field
 * in an object that was missing before.
 */
const MOST_ROUNDS = 8;

/** Whether a document is a part that every opencode version loads. */
const isPart = checkFor(partDocument);

/** Whether opencode fails when its server loads the record, or when its terminal UI shows the record. */
export type Failing = "server" | "screen";

/** A record with the values that were completed so far. */
interface Draft {
  readonly artifact: Artifact;
  readonly document: unknown;
  readonly row: RowValues | null;
  readonly fields: readonly FieldChange[];
  readonly columns: ReadonlyMap<string, CellValue>;
  readonly shown: readonly ShownChange[];
  readonly rules: readonly Rule[];
}

/**
 * Completes a readable record that opencode refuses, by the rules in `catalogue.ts`. Only refused values are changed.
 * Each new value is derived from the same store, and opencode must accept the whole result. Returns `null` if that is
 * not possible. A pure function.
 */
export function normalised(
  artifact: Artifact,
  evidence: Evidence,
  neighbours: Neighbours,
  store: StoreDescription,
  failing: Failing = "server",
): Replacement | null {
  for (const reading of readings(store)) {
    const replacement = normalisedFor(artifact, evidence, neighbours, reading, failing);
    if (replacement !== null) return replacement;
  }
  return null;
}

function normalisedFor(
  artifact: Artifact,
  evidence: Evidence,
  neighbours: Neighbours,
  store: StoreDescription,
  failing: Failing,
): Replacement | null {
  let draft = firstDraft(artifact, evidence);
  if (draft === null) return null;
  // opencode's server skips a part without a type, so the part must satisfy the server too when the part gets a type.
  const isUntyped =
    failing === "screen" &&
    isFields(draft.document) &&
    shownNowhere(artifact.kind, draft.document) === "part-without-type";
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const mismatches = judge(draft.artifact, draft.document, { row: draft.row, siblings: evidence.siblings }, store);
    if (mismatches === "no-record") return null;
    const onScreen = mismatches === "fits" && failing === "screen" ? endsOfScreen(draft, evidence, store) : [];
    if (mismatches === "fits" && onScreen.length === 0)
      return isUntyped && !isPart(draft.document) ? null : replacementOf(draft, evidence, store);
    for (const mismatch of mismatches === "fits" ? onScreen : mismatches) {
      draft = answered(draft, mismatch, neighbours, pathSystem(store));
      if (draft === null) return null;
    }
  }
  return null;
}

/** The values that the terminal UI cannot show, although the server loads the session without an error. */
function endsOfScreen({ artifact, document }: Draft, { newer }: Evidence, store: StoreDescription): Mismatch[] {
  const nowhere = isFields(document) ? shownNowhere(artifact.kind, document) : null;
  if (isFields(document) && nowhere !== null) {
    return [isWithout(document, nowhere === "message-without-role" ? "role" : "type")];
  }
  const [found] = screensOf(store)
    .map((screen) => mismatchesOnScreen(artifact.kind, document, screen, newer))
    .filter(({ length }) => length > 0);
  return (found ?? []).map(({ path, words, found, wants }) => ({ path, words, found, expected: wants, blocks: false }));
}

function isWithout(document: Readonly<Record<string, unknown>>, name: "role" | "type"): Mismatch {
  const value = document[name];
  const found = value === undefined ? "nothing" : value === null ? "null" : "something";
  return { path: [name], words: `no ${name}`, found, expected: null, blocks: false };
}

function firstDraft(artifact: Artifact, evidence: Evidence): Draft | null {
  const empty = { artifact, row: evidence.row, fields: [], columns: new Map(), shown: [], rules: [] };
  if (evidence.storage === "row") return { ...empty, document: evidence.row };
  const parsed = parseDocument({
    bytes: evidence.bytes === null ? null : Buffer.from(evidence.bytes),
    storage: evidence.storage,
  });
  return parsed.ok ? { ...empty, document: parsed.value } : null;
}

function answered(draft: Draft, mismatch: Mismatch, neighbours: Neighbours, system: PathSystem): Draft | null {
  const { artifact } = draft;
  const message =
    artifact.kind === "message"
      ? neighbours.message(artifact.recordID)
      : artifact.kind === "part" && artifact.recordID !== null
        ? neighbours.messageOf(artifact.recordID)
        : null;
  const subject: Subject = { artifact, document: draft.document, row: draft.row, message, neighbours, system };
  const variant = kindOf(draft);
  const at = pathText(mismatch.path);
  for (const rule of RULES) {
    if (!rule.found.includes(mismatch.found) || !rule.at.test(at)) continue;
    if (rule.of !== null && !rule.of.includes(variant)) continue;
    const settings = rule.derive(subject, mismatch);
    if (settings === null) continue;
    let next: Draft | null = draft;
    for (const setting of settings) {
      if (next !== null) next = "column" in setting ? withColumn(next, setting, rule) : withField(next, setting, rule);
    }
    return next;
  }
  return null;
}

/**
 * The kind of record to which a rule may be limited. Examples: `user`, `step-finish`, `tool error`, `session`,
 * `session.model`, `session file`. A message without a role is `message`, a part without a type is `part`.
 */
function kindOf({ artifact, document }: Draft): string {
  const { kind, locator } = artifact;
  // opencode checks no schema when it loads a message or part from a file. Only its terminal UI can fail on such a
  // record, by the same rules as for a row.
  if (isFileLocator(locator) && kind !== "part" && kind !== "message") return `${kind} file`;
  if (!isFileLocator(locator) && kind !== "message" && kind !== "part") {
    return locator.column === undefined ? kind : `${kind}.${locator.column}`;
  }
  const { tag, status } = variantOf(document);
  if (tag === "") return kind;
  return status === "" ? tag : `${tag} ${status}`;
}

function withField(draft: Draft, { path, to }: FieldSetting, rule: Rule): Draft | null {
  if (isWholeRow(draft.artifact, draft.row)) return null;
  // If the problem is in the JSON value of a column, the path begins with the name of the column.
  const { locator } = draft.artifact;
  const isNamed = !isFileLocator(locator) && locator.column !== undefined && path[0] === locator.column;
  const within = isNamed ? path.slice(1) : path;
  if (within.length === 0) return null;
  const from = valueAt(draft.document, within);
  if (from === undefined && to === undefined) return draft;
  const change: FieldChange = {
    path: within,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const changed = withFields(draft.document, [change]);
  if (changed === null) return null;
  return {
    ...draft,
    document: changed.value,
    fields: [...draft.fields, change],
    shown: [...draft.shown, shownChange(path, from, to, rule)],
    rules: [...draft.rules, rule],
  };
}

function withColumn(draft: Draft, { column, to }: ColumnSetting, rule: Rule): Draft {
  const { artifact } = draft;
  const cell = cellOf(column, to);
  const isDocument = !isFileLocator(artifact.locator) && artifact.locator.column === column;
  const from = draft.row?.[column] ?? (column === "id" ? artifact.recordID : artifact.sessionID);
  const row = draft.row === null || isDocument ? draft.row : { ...draft.row, [column]: cellValue(cell) };
  const renamed =
    artifact.kind !== "part" || typeof to !== "string"
      ? artifact
      : column === "id"
        ? { ...artifact, recordID: to }
        : { ...artifact, sessionID: to };
  return {
    ...draft,
    artifact: renamed,
    row,
    document: isDocument ? documentOf(to) : isWholeRow(artifact, draft.row) ? row : draft.document,
    columns: new Map([...draft.columns, [column, cell]]),
    shown: [...draft.shown, shownChange([column], isDocument ? draft.document : from, to, rule)],
    rules: [...draft.rules, rule],
  };
}

function documentOf(to: string | number | null): unknown {
  return typeof to === "string" ? JSON.parse(to) : to;
}

/** `cost` is the only REAL column. SQLite stores a whole number in a REAL column as a real. */
function cellOf(column: string, to: string | number | null): CellValue {
  if (to === null) return { storage: "null" };
  if (typeof to === "string") return { storage: "text", bytes: Buffer.from(to, "utf8") };
  return { storage: column === "cost" || !Number.isInteger(to) ? "real" : "integer", number: String(to) };
}

function shownChange(path: readonly (string | number)[], from: unknown, to: unknown, rule: Rule): ShownChange {
  const isHidden = rule.isContent === true;
  return { path: pathText(path), from: shownValue(from, true), to: shownValue(to, isHidden) };
}

/** The completed record; `null` if no rule was used, or if opencode would still refuse the result. */
function replacementOf(draft: Draft, evidence: Evidence, store: StoreDescription): Replacement | null {
  const { artifact, columns, fields, rules } = draft;
  if (rules.length === 0) return null;
  const text = Buffer.from(JSON.stringify(draft.document) ?? "null", "utf8");
  const isRow = evidence.storage === "row";
  const outcome = isRow
    ? { ...evidence, row: draft.row }
    : { ...evidence, row: draft.row, bytes: text, size: text.length, shape: null, sha256: null };
  const isEmptied = !isRow && [...columns.values()].some(({ storage }) => storage === "null");
  if (!isEmptied && diagnose(artifact, outcome, store)?.severity === "blocking") return null;
  const names = [...new Set(rules.map(({ name }) => name))].join(", ");
  const source = `rule${names.includes(",") ? "s" : ""} ${names}`;
  if (columns.size === 0) return { source, content: { fields }, changes: draft.shown };
  const cells = new Map(columns);
  if (fields.length > 0) cells.set("data", { storage: "text", bytes: text });
  return { source, content: { cells }, changes: draft.shown };
}
