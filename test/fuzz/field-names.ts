import { LINES } from "../../plugin/hosts/store-line.ts";
import { messageDocument } from "../../plugin/records/strict/message.ts";
import { partDocument } from "../../plugin/records/strict/part.ts";
import { PROJECT_SHAPES, sessionColumns, strictSessionRow, todoRow } from "../../plugin/records/strict/session.ts";
import type { Description, Vocabulary } from "../../plugin/records/vocabulary.ts";

type Names = readonly string[];

/** A vocabulary with which a shape returns only the names that it contains. */
const names: Vocabulary<Names> = {
  text: [],
  boolean: [],
  integer: [],
  finite: [],
  amount: [],
  record: [],
  something: [],
  anything: [],
  absent: [],
  absolutePath: () => [],
  lookedUpPath: () => [],
  beginning: () => [],
  oneOf: (...texts) => texts,
  mapOf: () => [],
  listOf: (items) => items,
  object: (fields) => Object.entries(fields).flat(2),
  variants: (tag, fieldsOf) => [
    tag,
    ...Object.entries(fieldsOf).flatMap(([name, fields]) => [name, ...Object.entries(fields).flat(2)]),
  ],
  optional: (inner) => inner,
  nullable: (inner) => inner,
  ifAny: (inner) => inner,
};

const columns = LINES.map(sessionColumns);

const shapes: readonly Description[] = [
  ...[messageDocument, partDocument, PROJECT_SHAPES.posix.row, PROJECT_SHAPES.posix.sandboxes, todoRow],
  ...LINES.map((line) => strictSessionRow(line, "posix")),
  ...columns.flatMap((each) => Object.values(each)),
];

/** The names of fields and values in opencode's own records. Evidence may contain only these names. */
export const FIELD_NAMES: ReadonlySet<string> = new Set([
  ...shapes.flatMap((shape) => shape(names)),
  ...columns.flatMap((each) => Object.keys(each)),
  ...["sandboxes", "sessionID", "commands"],
]);
