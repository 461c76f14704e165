import type { Artifact } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { fits } from "../records/contract.ts";
import { judge } from "../records/judge.ts";
import { pathText } from "../records/mismatch.ts";
import { type Fields, isFields, textIn, valueIn } from "../stores/conversation.ts";
import type { SourceRecord } from "../stores/source-session.ts";

/**
 * A description of the database that makes all checks use the rules of the import by opencode 2.x. The import checks
 * messages and parts by the schema of 1.17, even if an older opencode wrote them. Source: 2.0.26,
 * `core/src/database/v1-migration.bun.ts` and `schema/src/session-v1.ts`.
 */
export function asImported(store: StoreDescription): StoreDescription {
  return { ...store, contract: "strict", lines: ["1.17.11"], sessionDiffReader: null };
}

/** The JSON document of a row as the import reads it, or the reason why the import drops the row. */
export type Decoded = { readonly ok: true; readonly value: Fields } | { readonly ok: false; readonly why: string };

/** Reads one row as the import does. `sessionID` is the id of the session that is imported. */
export function decoded(
  kind: "message" | "part",
  record: SourceRecord,
  sessionID: string,
  store: StoreDescription,
): Decoded {
  const { id, document } = record;
  if (document === null) return { ok: false, why: "too large to be checked" };
  if (!document.ok) return { ok: false, why: "no JSON parser reads it" };
  const value = kind === "message" ? withoutFormat(document.value) : document.value;
  if (!isFields(value)) return { ok: false, why: "it is not a JSON object" };
  const artifact: Artifact = { kind, sessionID, recordID: id, locator: { table: kind, key: { id } } };
  const around = { row: null, siblings: null };
  if (!fits(artifact, value, around, store)) {
    const judgement = judge(artifact, value, around, store);
    if (judgement !== "fits") {
      const [first] = judgement === "no-record" ? [] : judgement;
      return { ok: false, why: first === undefined ? "not a record" : `${pathText(first.path)}: ${first.words}` };
    }
  }
  return { ok: true, value };
}

/**
 * Removes a valid output format from a user message. The import accepts and drops the format, but the check by the
 * rules of 1.17 would refuse the message.
 */
function withoutFormat(value: unknown): unknown {
  if (!isFields(value) || value.role !== "user" || !isFormat(value.format)) return value;
  const { format: _format, ...rest } = value;
  return rest;
}

function isFormat(format: unknown): boolean {
  const type = textIn(format, "type");
  if (type === "text") return true;
  if (type !== "json_schema" || !isFields(valueIn(format, "schema"))) return false;
  const retries = valueIn(format, "retryCount");
  return retries === undefined || (typeof retries === "number" && Number.isSafeInteger(retries) && retries >= 0);
}
