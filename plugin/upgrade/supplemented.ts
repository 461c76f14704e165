import type { CellValue } from "../model/artifact.ts";
import type { FieldChange, Replacement } from "../model/replacement.ts";
import { withFields } from "../records/fields.ts";
import { NOTHING_NEEDED, type Supplement } from "./import-only.ts";

/**
 * Combines `base`, the replacement by the rules for 1.17, with the changes that only the import needs. `document` is
 * the present content of the record. Returns `null` if no change is needed, or if the two cannot be combined.
 */
export function supplemented(base: Replacement | null, document: unknown, supplement: Supplement): Replacement | null {
  if (supplement === NOTHING_NEEDED) return base;
  const { cells, fields, changes, rules } = supplement;
  const source = [...(base === null ? [] : [base.source]), `rules ${[...new Set(rules)].join(", ")}`].join(", ");
  const shown = { source, changes: [...(base?.changes ?? []), ...changes] };
  const content = base?.content ?? { fields: [] };
  if ("fields" in content && cells.size === 0) return { ...shown, content: { fields: [...content.fields, ...fields] } };
  const before = "fields" in content ? content.fields : [];
  const own = "cells" in content ? content.cells : null;
  if (own === null && !("fields" in content)) return null;
  const data = documentCell(own?.get("data") ?? null, document, [...before, ...fields]);
  if (data === "unfit") return null;
  return {
    ...shown,
    content: { cells: new Map([...(own ?? []), ...cells, ...(data === null ? [] : [["data", data] as const])]) },
  };
}

/**
 * The changed JSON document as a column value; `null` if the document does not change, `unfit` if the changes do not
 * fit it.
 */
function documentCell(
  own: CellValue | null,
  document: unknown,
  changes: readonly FieldChange[],
): CellValue | null | "unfit" {
  if (changes.length === 0) return null;
  const before: unknown =
    own !== null && "bytes" in own ? JSON.parse(Buffer.from(own.bytes).toString("utf8")) : document;
  const changed = withFields(before, changes);
  if (changed === null) return "unfit";
  return { storage: "text", bytes: Buffer.from(JSON.stringify(changed.value), "utf8") };
}
