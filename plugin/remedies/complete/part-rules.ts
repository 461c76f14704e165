import { createHash } from "node:crypto";
import { isFields, textIn, valueIn } from "../../stores/conversation.ts";
import { tokensAt } from "./message-rules.ts";
import { ownPartID } from "./part-id.ts";
import { ABSENT, ANY, isTime, pathKeys, type Rule, type Subject, set, WRONG } from "./rule.ts";

export const PART_RULES: readonly Rule[] = [
  {
    name: "part-type",
    issues: [],
    invariant: "A part states its type.",
    source: "The type follows from fields that only one type of part has.",
    of: ["part"],
    at: /^type$/,
    found: ABSENT,
    derive: ({ document }, mismatch) => set(mismatch, typeOf(document)),
  },
  {
    name: "step-finish-reason",
    issues: [29908],
    invariant: "The end of a step states why the step ended.",
    source:
      "The reason is `tool-calls` if another step follows. Otherwise the reason is the `finish` of the message, or `stop`.",
    of: ["step-finish"],
    at: /^reason$/,
    found: ABSENT,
    derive: (subject, mismatch) => {
      const steps = stepsBeside(subject);
      const isFollowed = steps.length > 0 && steps.at(-1)?.id !== subject.artifact.recordID;
      return set(mismatch, isFollowed ? "tool-calls" : (subject.message?.finish ?? "stop"));
    },
  },
  {
    name: "step-finish-cost",
    issues: [38703, 38702],
    invariant: "The end of a step states its cost.",
    source: "If the message has no other step, the value of the message is used. Otherwise the value is 0.",
    of: ["step-finish"],
    at: /^cost$/,
    found: ABSENT,
    derive: (subject, mismatch) => set(mismatch, (isOnlyStep(subject) ? subject.message?.cost : null) ?? 0),
  },
  {
    name: "step-finish-tokens",
    issues: [38703, 38702],
    invariant: "The end of a step counts its tokens.",
    source: "If the message has no other step, the value of the message is used. Otherwise the value is 0.",
    of: ["step-finish"],
    at: /^tokens(\.(input|output|reasoning|cache(\.(read|write))?))?$/,
    found: ABSENT,
    derive: (subject, mismatch) =>
      set(mismatch, tokensAt(isOnlyStep(subject) ? subject.message?.tokens : undefined, pathKeys(mismatch))),
  },
  {
    name: "tool-title",
    issues: [29908],
    invariant: "A completed tool call has a title.",
    source: "The name of the tool is used.",
    of: ["tool completed"],
    at: /^state\.title$/,
    found: ABSENT,
    derive: ({ document }, mismatch) => set(mismatch, textIn(document, "tool")),
  },
  {
    name: "tool-metadata",
    issues: [29908],
    invariant: "A completed tool call has metadata.",
    source: "The metadata becomes an empty object.",
    of: ["tool completed"],
    at: /^state\.metadata$/,
    found: ABSENT,
    derive: (_subject, mismatch) => set(mismatch, {}),
  },
  {
    name: "tool-time",
    issues: [29908, 21489],
    invariant: "A tool call states when it began and when it ended.",
    source: "The times of the message are used.",
    of: ["tool running", "tool completed", "tool error"],
    at: /^state\.time(\.(start|end))?$/,
    found: ABSENT,
    derive: (subject, mismatch) => {
      const state = valueIn(subject.document, "state");
      return timesAt(subject, pathKeys(mismatch).slice(1), state, textIn(state, "status") !== "running", mismatch.path);
    },
  },
  {
    name: "tool-input",
    issues: [29908],
    invariant: "A tool call has an input, which is an object.",
    source:
      "The input comes from the JSON in the text of the call. If the text has no JSON, the input becomes an empty object.",
    of: ["tool pending", "tool running", "tool completed", "tool error"],
    at: /^state\.input$/,
    found: ANY,
    isContent: true,
    derive: ({ document }, mismatch) => {
      const given = valueIn(document, "state", "input");
      if (mismatch.found !== "something") return set(mismatch, objectIn(textIn(document, "state", "raw")) ?? {});
      if (typeof given !== "string") return null;
      return set(mismatch, given.trim() === "" ? {} : objectIn(given));
    },
  },
  {
    name: "tool-raw",
    issues: [29908],
    invariant: "A pending tool call has the part of the call's text that has arrived.",
    source: "The text becomes empty, as opencode first writes it.",
    of: ["tool pending"],
    at: /^state\.raw$/,
    found: ABSENT,
    derive: (_subject, mismatch) => set(mismatch, ""),
  },
  {
    name: "attachment-ids",
    issues: [],
    invariant: "A file that a tool returned names its message, and has an id.",
    source: "The ids of the part are used. The file's own id is made from the part's id and the file's position.",
    of: ["tool completed"],
    at: /^state\.attachments\[\d+\]\.(id|sessionID|messageID|type)$/,
    found: ANY,
    derive: (subject, mismatch) =>
      mismatch.path.at(-1) === "type" && mismatch.found === "something"
        ? null
        : set(mismatch, attachmentField(subject, pathKeys(mismatch))),
  },
  {
    name: "tool-error",
    issues: [],
    invariant: "A failed tool call states why it failed, if that is known.",
    source: "The text becomes empty, because no reason is known.",
    of: ["tool error"],
    at: /^state\.error$/,
    found: ABSENT,
    derive: (_subject, mismatch) => set(mismatch, ""),
  },
  {
    name: "reasoning-time",
    issues: [],
    invariant: "A reasoning part states when it began.",
    source: "The times of the message are used.",
    of: ["reasoning"],
    at: /^time(\.start)?$/,
    found: ABSENT,
    derive: (subject, mismatch) => timesAt(subject, pathKeys(mismatch), subject.document, false, mismatch.path),
  },
  {
    name: "text-time",
    issues: [],
    invariant: "The time of a text part has a start.",
    source: "The time of the message is used.",
    of: ["text"],
    at: /^time\.start$/,
    found: ABSENT,
    derive: (subject, mismatch) => timesAt(subject, pathKeys(mismatch), subject.document, false, mismatch.path),
  },
  {
    name: "retry-time",
    issues: [],
    invariant: "A retry states its time.",
    source: "The time of the message is used.",
    of: ["retry"],
    at: /^time(\.created)?$/,
    found: ABSENT,
    derive: (subject, mismatch) => {
      const created = startOf(subject);
      return set(mismatch, created === null || mismatch.path.length > 1 ? created : { created });
    },
  },
  {
    name: "retry-error",
    issues: [],
    invariant: "A retry states its number, and the error that caused it.",
    source:
      "A retry's number is its position among the retries of the message. The error gets an empty text, and counts as retryable.",
    of: ["retry"],
    at: /^(attempt|error\.data(\.(message|isRetryable))?)$/,
    found: ABSENT,
    derive: (subject, mismatch) => set(mismatch, retryField(subject, pathKeys(mismatch).at(-1))),
  },
  {
    name: "patch-files",
    issues: [],
    invariant: "A patch lists its files.",
    source: "The list becomes empty, because the patch names no files.",
    of: ["patch"],
    at: /^files$/,
    found: ABSENT,
    derive: (_subject, mismatch) => set(mismatch, []),
  },
  {
    name: "subtask-agent",
    issues: [],
    invariant: "A subtask names its agent.",
    source: "The agent of the message is used.",
    of: ["subtask"],
    at: /^agent$/,
    found: ABSENT,
    derive: ({ message }, mismatch) => set(mismatch, message?.agent ?? message?.mode),
  },
  {
    name: "compaction-auto",
    issues: [29908],
    invariant: "A compaction states whether opencode began it by itself.",
    source: "The value becomes false, which opencode itself assumes if the value is missing.",
    of: ["compaction"],
    at: /^auto$/,
    found: ABSENT,
    derive: (_subject, mismatch) => set(mismatch, false),
  },
  {
    name: "file-source",
    issues: [],
    invariant: "The position at which a text names a file or an agent is complete, or absent.",
    source: "The position is left out.",
    of: ["file", "agent", "tool completed"],
    at: /^(state\.attachments\[\d+\]\.)?source(\..*)?$/,
    found: ANY,
    derive: (_subject, mismatch) => {
      const place = pathKeys(mismatch);
      return [{ path: place.slice(0, place.indexOf("source") + 1) }];
    },
  },
  {
    name: "part-id",
    issues: [17289, 17785, 18557, 16966, 32093],
    invariant: "Part ids begin with `prt`.",
    source: "The part gets a free id, which sorts at the part's old place in its message.",
    of: null,
    at: /^id$/,
    found: WRONG,
    derive: ({ artifact, message, neighbours }) => {
      if (artifact.kind !== "part" || artifact.recordID === null || message === null) return null;
      const id = ownPartID(
        artifact.recordID,
        neighbours.partsOf(message.id).map((part) => part.id),
      );
      return id === null ? null : [{ column: "id", to: id }];
    },
  },
  {
    name: "part-session",
    issues: [],
    invariant: "A part names a session.",
    source: "The session of the part's message is used.",
    of: null,
    at: /^sessionID$/,
    found: WRONG,
    derive: ({ artifact, neighbours }) => {
      const id = neighbours.session.session?.id;
      return artifact.kind === "part" && typeof id === "string" ? [{ column: "session_id", to: id }] : null;
    },
  },
];

function typeOf(document: unknown): string | null {
  if (!isFields(document)) return null;
  const has = (...names: string[]) => names.every((name) => Object.hasOwn(document, name));
  if (has("tool", "state", "callID")) return "tool";
  if (has("tokens", "cost")) return "step-finish";
  if (has("hash", "files")) return "patch";
  if (has("mime", "url")) return "file";
  return has("prompt", "description") ? "subtask" : null;
}

function stepsBeside({ message, neighbours }: Subject) {
  return message === null ? [] : neighbours.partsOf(message.id).filter((part) => part.type === "step-finish");
}

function isOnlyStep(subject: Subject): boolean {
  const steps = stepsBeside(subject);
  return steps.length === 1 && steps[0]?.id === subject.artifact.recordID;
}

function startOf({ message }: Subject): number | null {
  const made = [message?.createdMs, message?.rowMs].find(isTime);
  return made ?? null;
}

/**
 * The start time, end time or both for the object `holder`, which is a part or the state of a tool call. A start or end
 * time that `holder` already has is kept. Otherwise the times of the message are used.
 */
function timesAt(
  subject: Subject,
  place: readonly (string | number)[],
  holder: unknown,
  hasEnd: boolean,
  path: readonly PropertyKey[],
) {
  const made = startOf(subject);
  if (made === null) return null;
  const [known, ended] = [valueIn(holder, "time", "start"), valueIn(holder, "time", "end")];
  const start = typeof known === "number" ? known : typeof ended === "number" ? Math.min(made, ended) : made;
  const completed = subject.message?.completedMs;
  const end = isTime(completed) && completed >= start ? completed : start;
  const whole = hasEnd ? { start, end } : { start };
  const to = place.length === 1 ? whole : place[1] === "end" ? end : start;
  return [{ path: path.map((key) => (typeof key === "number" ? key : String(key))), to }];
}

function objectIn(text: string | null): object | null {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

function retryField({ artifact, message, neighbours }: Subject, name: string | number | undefined): unknown {
  switch (name) {
    case "data":
      return {};
    case "message":
      return "";
    case "isRetryable":
      return true;
    default: {
      const retries = message === null ? [] : neighbours.partsOf(message.id).filter(({ type }) => type === "retry");
      return retries.findIndex(({ id }) => id === artifact.recordID) + 1 || null;
    }
  }
}

function attachmentField({ artifact, message, neighbours }: Subject, place: readonly (string | number)[]): unknown {
  switch (place.at(-1)) {
    case "sessionID":
      return neighbours.session.session?.id;
    case "messageID":
      return message?.id;
    case "type":
      return "file";
    default: {
      const made = createHash("sha256").update(`${artifact.recordID} ${place[2]}`).digest("hex");
      return `prt_${made.slice(0, 26)}`;
    }
  }
}
