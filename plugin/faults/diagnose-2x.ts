import type { OtherTable } from "../hosts/v2/other-tables.ts";
import type { Profile } from "../hosts/v2/profile.ts";
import type { RowOf2x, StoredValue } from "../model/row-2x.ts";
import { isWellFormedUtf8 } from "../records/file-text.ts";
import { type Mismatch, pathText, schemaMismatches } from "../records/mismatch.ts";
import { amount } from "../words/amounts.ts";
import { readStored } from "./diagnose.ts";
import type { Fault } from "./fault.ts";
import { REFUSED_BY_2X } from "./opencode-2.ts";
import { GIANT_RECORD } from "./size.ts";

/**
 * One reason why opencode 2.x fails on a row. `evidence` names places, sizes and types, never content, because reports
 * are shared in public. All functions of this module are pure.
 */
export interface ProblemOf2x {
  /** The JSON column that is wrong. `null` means that a column without JSON is wrong. */
  readonly column: string | null;
  readonly fault: Fault;
  readonly evidence: string;
  /** `true` if no JSON parser can read the value. Only such a value may be moved to quarantine. */
  readonly isUnreadable: boolean;
}

/** Why opencode 2.x cannot decode a row of `session_message`; `null` if opencode 2.x can decode that row. */
export function messageProblem({ messages }: Profile, { values, json }: RowOf2x): ProblemOf2x | null {
  const stored = json.get("data");
  if (stored === undefined) return refused("data", [{ words: "missing", path: [] }]);
  const read = readColumn("data", stored);
  if ("problem" in read) return read.problem;
  // opencode 2.x copies the fields of the document first, so the columns `id` and `type` replace fields with these
  // names.
  const document = { ...(read.value as object), id: values.id, type: values.type };
  const { type } = values;
  const shape = typeof type === "string" && Object.hasOwn(messages, type) ? messages[type] : undefined;
  if (shape === undefined) return refused("data", [{ words: "unknown value", path: ["type"] }]);
  const mismatches = schemaMismatches(shape, document);
  return mismatches.length === 0 ? null : refused("data", mismatches);
}

/**
 * The problems that opencode 2.x has with a session's row, one for each JSON column. If the list is empty, opencode 2.x
 * lists the session.
 */
export function sessionProblems({ jsonColumns, session }: Profile, row: RowOf2x): ProblemOf2x[] {
  return rowProblems({ jsonColumns, row: session }, row);
}

/**
 * The problems that opencode 2.x has with a row of any table. Each JSON column is checked alone, then all other columns
 * together.
 */
export function rowProblems(
  { jsonColumns, row: shape }: Pick<OtherTable, "jsonColumns" | "row">,
  { values, json }: RowOf2x,
): ProblemOf2x[] {
  const found: ProblemOf2x[] = [];
  const row: Record<string, unknown> = { ...values };
  for (const column of jsonColumns) {
    const stored = json.get(column);
    const read = stored === undefined ? { value: null } : readColumn(column, stored);
    if ("problem" in read) found.push(read.problem);
    else row[column] = read.value;
  }
  const unread = new Set(found.map(({ column }) => column));
  const mismatches = schemaMismatches(shape, row).filter(({ path: [first] }) => !unread.has(String(first)));
  for (const column of new Set(mismatches.map(({ path: [first] }) => first))) {
    const own = mismatches.filter(({ path }) => path[0] === column);
    const isJSON = jsonColumns.includes(String(column));
    found.push({ ...refused(null, own), column: isJSON ? String(column) : null });
  }
  return oneForTheRow(found);
}

/**
 * The valid JSON document inside an unreadable value: stored as a BLOB, after a byte order mark, or before NUL bytes.
 * `null` if there is no such document. The caller checks whether opencode accepts the document.
 */
export function documentInside({ storage, bytes }: StoredValue): Buffer | null {
  if (bytes === null) return null;
  const begin = bytes.indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0;
  const inside = bytes.subarray(begin, bytes.findLastIndex((byte) => byte !== 0) + 1);
  if (storage === "text" && inside.length === bytes.length) return null;
  return isWellFormedUtf8(inside) && "value" in readStored(inside, "text") ? Buffer.from(inside) : null;
}

const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/**
 * Joins the problems of all columns without JSON into one problem. A row without its JSON columns is repaired as one
 * unit.
 */
function oneForTheRow(problems: readonly ProblemOf2x[]): ProblemOf2x[] {
  const [first, ...more] = problems.filter(({ column }) => column === null);
  const others = problems.filter(({ column }) => column !== null);
  if (first === undefined) return others;
  const evidence = [first, ...more].map((each) => each.evidence).join(", ");
  return [{ ...first, evidence }, ...others];
}

function readColumn(
  column: string,
  { storage, size, bytes }: StoredValue,
): { readonly value: unknown } | { readonly problem: ProblemOf2x } {
  if (bytes === null) {
    const evidence = `${amount(size, "byte")}, not looked into`;
    return { problem: { column, fault: GIANT_RECORD, evidence, isUnreadable: false } };
  }
  const read = readStored(bytes, storage === "blob" ? "blob" : "text");
  if ("value" in read) return read;
  return { problem: { column, fault: read.fault, evidence: read.evidence, isUnreadable: true } };
}

function refused(column: string | null, mismatches: readonly Pick<Mismatch, "path" | "words">[]): ProblemOf2x {
  const [first] = mismatches;
  const place = first === undefined || first.path.length === 0 ? "" : `${pathText(first.path)}: `;
  const more = mismatches.length > 1 ? ` and ${mismatches.length - 1} more` : "";
  const evidence = `${place}${first?.words ?? "of another form"}${more}`;
  return { column, fault: REFUSED_BY_2X, evidence, isUnreadable: false };
}
