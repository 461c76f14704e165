import type { Artifact } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { fits } from "../records/contract.ts";
import { judge } from "../records/judge.ts";
import { type Mismatch, pathText } from "../records/mismatch.ts";
import { type Fields, isFields, textIn, valueIn } from "../stores/conversation.ts";

/** Facts from other records of the session, from which a missing value can be taken. */
export interface Around {
  /** A model that gave an answer in this session. */
  readonly model: { readonly providerID: string; readonly modelID: string } | null;
  /** The id of the last user message before this record, by time and id. */
  readonly previousUserID: string | null;
  /** When the message of this record was created, in milliseconds. */
  readonly messageMs: number;
}

export type Completion =
  /** `added` lists the paths of the fields that were missing and got a value. */
  | { readonly ok: true; readonly value: unknown; readonly added: readonly string[] }
  /** opencode would refuse the record, and because of it the whole session. */
  | { readonly ok: false; readonly why: string };

/**
 * Returns a record in the form that the opencode of the target store accepts. A record that already loads is not
 * changed. Otherwise it gets the fields that older opencode versions did not write yet (anomalyco/opencode#29908).
 */
export function completeDocument(
  kind: "message" | "part",
  recordID: string,
  sessionID: string,
  value: unknown,
  around: Around,
  store: StoreDescription,
): Completion {
  const artifact: Artifact = { kind, sessionID, recordID, locator: { table: kind, key: { id: recordID } } };
  const surroundings = { row: null, siblings: null };
  if (fits(artifact, value, surroundings, store)) return { ok: true, value, added: [] };
  if (!isFields(value)) return { ok: false, why: "not a record" };
  const judged = judge(artifact, value, surroundings, store);
  if (judged === "fits") return { ok: true, value, added: [] };
  if (judged === "no-record") return { ok: false, why: "not a record" };
  const completed: Fields = structuredClone(value);
  const added: string[] = [];
  for (const mismatch of judged) if (mend(completed, mismatch, around)) added.push(pathText(mismatch.path));
  const again = judge(artifact, completed, surroundings, store);
  if (again === "fits") return { ok: true, value: completed, added };
  const [first] = typeof again === "string" ? [] : again;
  return { ok: false, why: first === undefined ? "not a record" : `${pathText(first.path)}: ${first.words}` };
}

/** Adds one missing value to the document. Returns `false` if no rule provides a value. */
function mend(document: Fields, { path, found, expected }: Mismatch, around: Around): boolean {
  const parent = valueIn(document, ...path.slice(0, -1).map(String));
  const key = String(path.at(-1));
  if (typeof parent !== "object" || parent === null) return false;
  if (found === "null") {
    // JSON stores `NaN` as `null`. A required number becomes 0, and an optional value is removed.
    if (expected === "number" || expected === "int") Reflect.set(parent, key, 0);
    else Reflect.deleteProperty(parent, key);
    return true;
  }
  if (found !== "nothing") return false;
  const rule = RULES[`${variantOf(document)}.${pathText(path)}`] ?? RULES[pathText(path)];
  const value = rule?.(document, around);
  return value !== undefined && value !== null && Reflect.set(parent, key, value);
}

type Rule = (document: Fields, around: Around) => unknown;

const span: Rule = (_, { messageMs }) => ({ start: messageMs, end: messageMs });
const moment: Rule = (_, { messageMs }) => messageMs;

const RULES: Readonly<Record<string, Rule>> = {
  agent: () => "build",
  mode: () => "build",
  "user.model": (_, { model }) => model,
  "assistant.parentID": (_, { previousUserID }) => previousUserID,
  reason: () => "stop",
  auto: () => false,
  "reasoning.time": span,
  "state.input": () => ({}),
  "state.raw": () => "",
  "state.metadata": () => ({}),
  "state.title": (document) => textIn(document, "tool") ?? "",
  "state.time": span,
  "state.time.start": moment,
  "state.time.end": moment,
};

function variantOf(document: Fields): string {
  return textIn(document, "role") ?? textIn(document, "type") ?? "";
}
