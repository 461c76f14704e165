import { isDeepStrictEqual } from "node:util";
import { diagnose } from "../../../plugin/faults/diagnose.ts";
import { cellValue } from "../../../plugin/hosts/row-form.ts";
import type { RowValues } from "../../../plugin/model/artifact.ts";
import type { Replacement } from "../../../plugin/model/replacement.ts";
import { withFields } from "../../../plugin/records/fields.ts";
import { judge } from "../../../plugin/records/judge.ts";
import { Neighbours } from "../../../plugin/remedies/complete/neighbours.ts";
import { normalised } from "../../../plugin/remedies/complete/normalise.ts";
import type { MessageFacts, PartFacts } from "../../../plugin/stores/outline.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";
import { chosenSubject, type Subject } from "../subjects.ts";

const NO_TOKENS = { input: null, output: null, reasoning: null, read: null, write: null };

const NOTHING_KNOWN: Omit<MessageFacts, "id"> = {
  ...{ rowMs: null, role: null, agent: null, mode: null, parentID: null, providerID: null, modelID: null },
  ...{ cwd: null, root: null, createdMs: null, completedMs: null, finish: null, cost: null, tokens: NO_TOKENS },
};

const QUESTION: MessageFacts = {
  ...NOTHING_KNOWN,
  ...{ id: "msg_1", rowMs: 1_790_000_000_000, createdMs: 1_790_000_000_000, role: "user", agent: "build" },
  ...{ providerID: "loopback", modelID: "scripted" },
};

const ANSWER: MessageFacts = {
  ...QUESTION,
  ...{ id: "msg_2", role: "assistant", mode: "build", parentID: "msg_1", cwd: "/project", root: "/project" },
  ...{ completedMs: 1_790_000_000_500, finish: "stop", cost: 0.5 },
  tokens: { input: 1, output: 2, reasoning: 3, read: 4, write: 5 },
};

/** Values that no program should write, but that a store may contain. */
const ODD: MessageFacts = {
  ...ANSWER,
  ...{ rowMs: -1, createdMs: 1.5, completedMs: 1e300, parentID: "msg_2", agent: "", mode: "", cwd: "", root: "x" },
  ...{ providerID: "", modelID: "", finish: "", cost: -1e308, tokens: { ...NO_TOKENS, input: 1e308, output: -0.5 } },
};

const PARTS: readonly PartFacts[] = ["openmemory-context-1", "part_1", "prt_1", "prt_2"].map((id) => ({
  id,
  type: id === "prt_2" ? "retry" : "step-finish",
  cost: 0.25,
  tokens: NO_TOKENS,
}));

const SESSION: RowValues = {
  id: "ses_1",
  agent: "build",
  model: '{"id":"scripted","providerID":"loopback"}',
  directory: "/project",
  path: "sub",
};

function neighbours(messages: readonly MessageFacts[], session: RowValues | null): Neighbours {
  return new Neighbours(
    {
      messages,
      messageOf: (partID) => (PARTS.some(({ id }) => id === partID) ? (messages.at(-1)?.id ?? null) : null),
      partsOf: () => PARTS,
    },
    { session, project: session === null ? null : { id: "prj_1", worktree: "/project" }, todos: [], share: null },
  );
}

const NEIGHBOURHOODS = [
  neighbours([QUESTION, ANSWER], SESSION),
  neighbours([], null),
  neighbours(
    ["msg_1", "msg_2"].map((id) => ({ ...NOTHING_KNOWN, id })),
    { id: "ses_1" },
  ),
  neighbours([ODD, { ...ODD, id: "msg_1" }], { ...SESSION, model: "[", path: "../..", directory: "x", agent: "" }),
];

/** opencode accepts a completed record. The record differs only in the reported changes, and is not completed again. */
export function fuzz(data: Uint8Array): void {
  const choices = new Choices(data);
  const around = choices.pick(NEIGHBOURHOODS);
  const subject = chosenSubject(choices);
  const { artifact, evidence, store } = subject;
  const before = { ...evidence, bytes: evidence.bytes && Buffer.from(evidence.bytes), row: { ...evidence.row } };
  const replacement = normalised(artifact, evidence, around, store);
  demand(isDeepStrictEqual({ ...evidence, row: { ...evidence.row } }, before), "the record was changed");
  if (replacement === null) return;
  demand(subject.value !== undefined, "something that cannot be read was completed");
  demand(judge(artifact, subject.value, evidence, store) !== "fits", "a record that its host takes was completed");
  demand((replacement.changes ?? []).length > 0, "a completion that changes nothing");
  for (const change of replacement.changes ?? []) {
    demand(!/[\p{Cc}\u202a-\u202e]/u.test(change.from + change.to), "control characters in what is shown");
  }
  const after = outcome(subject, replacement);
  const judgement = judge(after.artifact, after.value, after.evidence, store);
  const isTaken = judgement === "fits" || (judgement !== "no-record" && judgement.every(({ blocks }) => !blocks));
  demand(isTaken, `a completed record that its host refuses: ${JSON.stringify(judgement)}`);
  if (after.evidence.bytes !== null || after.evidence.storage === "row") {
    const diagnosis = diagnose(after.artifact, after.evidence, store);
    demand(diagnosis?.severity !== "blocking", `a completed record is ${diagnosis?.fault.code}`);
  }
  demand(normalised(after.artifact, after.evidence, around, store) === null, "it would be completed again");
}

/** The record after the replacement. */
function outcome(subject: Subject, { content }: Replacement): Subject {
  const { artifact, evidence } = subject;
  if ("fields" in content) {
    const changed = withFields(subject.value, content.fields);
    demand(changed !== null, "the changes do not fit the record");
    demandOnly(
      subject.value,
      changed.value,
      content.fields.map(({ path }) => path),
    );
    return { ...subject, value: changed.value, evidence: { ...evidence, ...asBytes(changed.value) } };
  }
  demand("cells" in content, "neither fields nor cells");
  const { locator } = artifact;
  const values = new Map([...content.cells].map(([name, cell]) => [name, cellValue(cell)] as const));
  const column = "path" in locator ? undefined : (locator.column ?? (evidence.storage === "row" ? undefined : "data"));
  const row = evidence.row === null ? null : { ...evidence.row, ...Object.fromEntries(values) };
  const [id, sessionID] = [values.get("id"), values.get("session_id")];
  const renamed = {
    ...artifact,
    ...(typeof id === "string" ? { recordID: id } : {}),
    ...(typeof sessionID === "string" ? { sessionID } : {}),
  };
  if (evidence.storage === "row") return { ...subject, artifact: renamed, value: row, evidence: { ...evidence, row } };
  const text = column === undefined ? undefined : values.get(column);
  if (text === undefined) return { ...subject, artifact: renamed };
  const value: unknown = typeof text === "string" ? JSON.parse(text) : null;
  return { ...subject, artifact: renamed, value, evidence: { ...evidence, ...asBytes(value) } };
}

function asBytes(value: unknown): { readonly bytes: Buffer; readonly size: number } {
  const bytes = Buffer.from(JSON.stringify(value) ?? "null");
  return { bytes, size: bytes.length };
}

/** Checks that two values differ only at these places. */
function demandOnly(given: unknown, after: unknown, places: readonly (readonly (string | number)[])[]): void {
  if (places.some((place) => place.length === 0) || isDeepStrictEqual(given, after)) return;
  // If an object on the way to a place is missing, the completion makes it.
  const before = given === undefined && places.length > 0 ? {} : given;
  demand(isContainer(before) && isContainer(after), "something changed that nobody spoke of");
  demand(Array.isArray(before) === Array.isArray(after), "a list became something else");
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const inside = places.filter(([first]) => String(first) === name).map((place) => place.slice(1));
    const has = Object.hasOwn(before, name);
    demandOnly(has ? before[name] : undefined, Object.hasOwn(after, name) ? after[name] : undefined, inside);
  }
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
