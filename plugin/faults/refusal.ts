import type { Artifact, Evidence } from "../model/artifact.ts";
import { type Mismatch, OTHER_THAN_NAME, pathText } from "../records/mismatch.ts";
import type { Fault } from "./fault.ts";
import {
  FOREIGN_PART,
  ID_DIFFERS,
  JSON_SCHEMA_FORMAT,
  LEGACY_FIELDS,
  LEGACY_MODEL,
  NOT_ABSOLUTE,
  NULL_NUMBER,
  SCHEMA_MISMATCH,
  UNKNOWN_WORKSPACE,
  WRONG_ID,
} from "./refused.ts";

/**
 * Prefixes of ids that memory plugins give to their own parts (anomalyco/opencode#17289, opencode-openmemory#3,
 * opencode-mem#61).
 */
const SYNTHETIC_ID = /^(?:(?:open|super)?memory-(?:context|nudge)-|(?:open|super)memory-)/;

/** Fields whose missing value can be derived from the rest of the session (anomalyco/opencode#29908). */
const COMPLETABLE: Readonly<Record<string, readonly string[]>> = {
  user: ["agent", "model"],
  assistant: ["agent", "mode", "parentID"],
  "step-finish": ["reason"],
  compaction: ["auto"],
  pending: ["state.input", "state.raw"],
  running: ["state.input", "state.time", "state.time.start"],
  completed: ["state.input", "state.title", "state.metadata", "state.time", "state.time.start", "state.time.end"],
  error: ["state.input", "state.time", "state.time.start", "state.time.end"],
};

/**
 * The catalogue entry for a record that opencode's schema refuses. The text names the first wrong value and the request
 * that fails.
 */
export function refusal(
  artifact: Artifact,
  evidence: Pick<Evidence, "position" | "reachable">,
  value: unknown,
  mismatches: readonly Mismatch[],
): { readonly fault: Fault; readonly evidence: string } {
  const [first, ...others] = mismatches;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const place = first === undefined ? "" : `${placeText(artifact, evidence, first)}: ${first.words}`;
  const effect = evidence.reachable ? `${failingAnswer(artifact, first)} fails` : "no session leads to it";
  return { fault: faultOf(artifact, value, mismatches), evidence: `${place}${more}; ${effect}` };
}

function placeText(artifact: Artifact, evidence: Pick<Evidence, "position">, { path }: Mismatch): string {
  const inside = pathText(path);
  switch (artifact.kind) {
    case "part":
      return `parts[${evidence.position ?? "…"}].${inside}`;
    case "message":
      return `info.${inside}`;
    default:
      return inside;
  }
}

function failingAnswer(artifact: Artifact, first: Mismatch | undefined): string {
  const blocks = first?.blocks !== false;
  switch (artifact.kind) {
    case "part":
    case "message":
      return "GET /session/:id/message";
    case "todo":
      return "GET /session/:id/todo";
    case "project":
      return `every request to a newly started opencode${blocks ? "" : " in another worktree of the project"}`;
    default:
      return blocks ? "GET /session" : "GET /session?start=";
  }
}

function faultOf(artifact: Artifact, value: unknown, mismatches: readonly Mismatch[]): Fault {
  const at = (path: string) => mismatches.every((each) => pathText(each.path) === path);
  if (mismatches.every((each) => each.words === OTHER_THAN_NAME)) return ID_DIFFERS;
  if (at("id")) {
    return artifact.kind === "part" && SYNTHETIC_ID.test(artifact.recordID ?? "") ? FOREIGN_PART : WRONG_ID;
  }
  if (at("sessionID") || at("parentID") || at("parent_id")) {
    if (mismatches.every((each) => each.found !== "nothing")) return WRONG_ID;
  }
  if (at("format")) return JSON_SCHEMA_FORMAT;
  if (at("workspace_id")) return UNKNOWN_WORKSPACE;
  if (mismatches.every((each) => each.words === "not an absolute path")) return NOT_ABSOLUTE;
  if (at("model.id") && isOldModel(value)) return LEGACY_MODEL;
  if (mismatches.every(isNullNumber)) return NULL_NUMBER;
  const { tag, status } = variantOf(value);
  const completable = COMPLETABLE[status === "" ? tag : status] ?? [];
  const isCompletable = (each: Mismatch) => each.found === "nothing" && completable.includes(pathText(each.path));
  return mismatches.every(isCompletable) ? LEGACY_FIELDS : SCHEMA_MISMATCH;
}

function isNullNumber(mismatch: Mismatch): boolean {
  return mismatch.found === "null" && (mismatch.expected === "number" || mismatch.expected === "int");
}

function isOldModel(value: unknown): boolean {
  return typeof value === "object" && value !== null && "modelID" in value && typeof value.modelID === "string";
}

/**
 * The kind of a message or part, as its document names the kind: the role of a message or the type of a part. For a
 * tool call, `status` is the call's state.
 */
export function variantOf(value: unknown): { readonly tag: string; readonly status: string } {
  if (typeof value !== "object" || value === null) return { tag: "", status: "" };
  if ("role" in value) return { tag: textOf(value.role), status: "" };
  if (!("type" in value)) return { tag: "", status: "" };
  const tag = textOf(value.type);
  if (tag !== "tool" || !("state" in value)) return { tag, status: "" };
  const { state } = value;
  const status = typeof state === "object" && state !== null && "status" in state ? textOf(state.status) : "";
  return { tag, status };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
