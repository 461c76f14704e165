import { isFolderOf, NO_WORKTREE } from "../../hosts/folder-paths.ts";
import type { PathSystem } from "../../model/store-description.ts";
import { isFields, textIn, valueIn } from "../../stores/conversation.ts";
import type { TokenFacts } from "../../stores/outline.ts";
import { type ModelFacts, modelOf } from "./neighbours.ts";
import {
  ABSENT,
  ANY,
  isTime,
  leftOut,
  pathKeys,
  type Rule,
  type Setting,
  type Subject,
  set,
  storedNumber,
  WRONG,
} from "./rule.ts";

/** The agent that opencode uses by default, in all versions. */
const DEFAULT_AGENT = "build";

const OF_ASSISTANTS = ["parentID", "modelID", "mode", "path", "tokens", "cost", "finish"];

export const MESSAGE_RULES: readonly Rule[] = [
  {
    name: "message-role",
    issues: [29908],
    invariant: "A message states its role.",
    source: "The role follows from fields or parts that only an assistant's message or only a user's message has.",
    of: ["message"],
    at: /^role$/,
    found: ABSENT,
    derive: (subject, mismatch) => set(mismatch, roleOf(subject.document) ?? roleOfParts(subject)),
  },
  {
    name: "message-time",
    issues: [29908, 38703],
    invariant: "A message states when it was created.",
    source: "The row's `time_created` is used.",
    of: ["user", "assistant"],
    at: /^time(\.created)?$/,
    found: ANY,
    derive: ({ document, message }, mismatch) => {
      if (!isTime(message?.rowMs) || isNumber(valueIn(document, "time", "created"))) return null;
      return set(mismatch, mismatch.path.length === 1 ? { created: message.rowMs } : message.rowMs);
    },
  },
  {
    name: "assistant-parent",
    issues: [29908],
    invariant: "An assistant's message names the message that it answers.",
    source: "The id of the last user message before the answer is used. Messages are ordered by time and id.",
    of: ["assistant"],
    at: /^parentID$/,
    found: ANY,
    derive: ({ message, neighbours, document }, mismatch) => {
      // If a message with this id exists, the answer already names its question, so the value is kept.
      if (neighbours.message(textIn(document, "parentID")) !== null) return null;
      return set(mismatch, message === null ? null : neighbours.userBefore(message.id)?.id);
    },
  },
  {
    name: "message-agent",
    issues: [29908, 27701],
    invariant: "A message names its agent.",
    source:
      "The message's own mode is used. Otherwise the agent comes from the question or answer of the message, the nearest message, the session or opencode's default.",
    of: ["user", "assistant"],
    at: /^agent$/,
    found: ABSENT,
    derive: (subject, mismatch) => set(mismatch, agentFor(subject)),
  },
  {
    name: "assistant-mode",
    issues: [29908],
    invariant: "An assistant's message names its mode, which is its agent.",
    source:
      "The message's own agent is used. Otherwise the agent comes from the user's question, the nearest message, the session or opencode's default.",
    of: ["assistant"],
    at: /^mode$/,
    found: ABSENT,
    derive: (subject, mismatch) => set(mismatch, agentFor(subject)),
  },
  {
    name: "user-model",
    issues: [29908],
    invariant: "A user's message names the model that should answer it.",
    source:
      "If the message names the model as a text or in the field `id`, this name is used. Otherwise the model comes from the answer to the message, the nearest message or the session.",
    of: ["user"],
    at: /^model(\.(providerID|modelID))?$/,
    found: ANY,
    derive: (subject, mismatch) => {
      const own = valueIn(subject.document, "model");
      if (mismatch.found === "something") return set(mismatch, namedModel(own));
      if (mismatch.path[1] === "modelID" && textIn(own, "id") !== null) return set(mismatch, textIn(own, "id"));
      return fromModel(subject, mismatch.path, own, ["model"]);
    },
  },
  {
    name: "assistant-model",
    issues: [29908],
    invariant: "An assistant's message names its model.",
    source: "The model comes from the user's question, otherwise from the nearest message, otherwise from the session.",
    of: ["assistant"],
    at: /^(providerID|modelID)$/,
    found: ABSENT,
    derive: (subject, mismatch) => fromModel(subject, ["model", ...mismatch.path], subject.document, []),
  },
  {
    name: "assistant-path",
    issues: [29908],
    invariant: "An assistant's message names the folders that it worked in.",
    source: "The folders of the nearest answer are used, otherwise those of the session and its project.",
    of: ["assistant"],
    at: /^path(\.(cwd|root))?$/,
    found: ABSENT,
    derive: (subject, mismatch) => {
      const path = pathsFor(subject);
      if (path === null) return null;
      const [, name] = pathKeys(mismatch);
      return set(mismatch, name === undefined ? path : name === "cwd" ? path.cwd : path.root);
    },
  },
  {
    name: "assistant-cost",
    issues: [38703, 38702],
    invariant: "An assistant's message states its cost.",
    source: "The costs of the message's steps are added. If there are no steps, the cost is 0.",
    of: ["assistant"],
    at: /^cost$/,
    found: ABSENT,
    derive: (subject, mismatch) =>
      set(
        mismatch,
        stepsOf(subject).reduce((sum, step) => sum + (step.cost ?? 0), 0),
      ),
  },
  {
    name: "assistant-tokens",
    issues: [38703, 38702],
    invariant: "An assistant's message has the number of tokens that it used.",
    source: "The numbers of the last step are used. Without steps, they are 0.",
    of: ["assistant"],
    at: /^tokens(\.(input|output|reasoning|cache(\.(read|write))?))?$/,
    found: ABSENT,
    derive: (subject, mismatch) => set(mismatch, tokensAt(stepsOf(subject).at(-1)?.tokens, pathKeys(mismatch))),
  },
  {
    name: "user-summary",
    issues: [29908],
    invariant: "A user message's summary lists the changes, or is absent.",
    source: "A summary that is only `true` or `false` is left out. A summary that names no changes gets an empty list.",
    of: ["user"],
    at: /^summary(\.diffs)?$/,
    found: ANY,
    derive: ({ document }, mismatch) => {
      if (mismatch.path.length > 1) return mismatch.found === "something" ? null : set(mismatch, []);
      return isFields(valueIn(document, "summary")) ? null : leftOut(mismatch);
    },
  },
  {
    name: "output-format",
    issues: [26929],
    invariant: "No user message has an output format, because opencode cannot load a message with an output format.",
    source: "The output format is left out.",
    of: ["user"],
    at: /^format(\..*)?$/,
    found: WRONG,
    derive: () => [{ path: ["format"] }],
  },
  {
    name: "error-name",
    issues: [],
    invariant: "A failed turn names one of the errors that opencode knows.",
    source:
      "The name becomes UnknownError. The text of the error stays. If there is no text, the old name becomes the text.",
    of: ["assistant"],
    at: /^error(\.name)?$/,
    found: ANY,
    isContent: true,
    derive: ({ document }, mismatch) =>
      mismatch.path.length === 1 && mismatch.found !== "something" ? null : knownError(valueIn(document, "error")),
  },
  {
    name: "error-data",
    issues: [],
    invariant: "The error of a failed turn has the fields that belong to its name.",
    source: "Missing fields get neutral values: an empty text, 0 retries, or the provider of the message.",
    of: ["assistant"],
    at: /^error\.data(\.(message|retries|isRetryable|providerID))?$/,
    found: ABSENT,
    derive: ({ document }, mismatch) => set(mismatch, errorField(pathKeys(mismatch).at(-1), document)),
  },
];

function roleOf(document: unknown): string | null {
  if (!isFields(document)) return null;
  if (OF_ASSISTANTS.some((name) => Object.hasOwn(document, name))) return "assistant";
  return isFields(document.model) || Object.hasOwn(document, "tools") || Object.hasOwn(document, "format")
    ? "user"
    : null;
}

const PARTS_OF_ASSISTANTS = ["reasoning", "tool", "step-start", "step-finish", "patch", "snapshot", "retry"];
const PARTS_OF_USERS = ["file", "agent", "subtask", "compaction"];

function roleOfParts({ message, neighbours }: Subject): string | null {
  const types = message === null ? [] : neighbours.partsOf(message.id).map(({ type }) => type ?? "");
  if (types.some((type) => PARTS_OF_ASSISTANTS.includes(type))) return "assistant";
  return types.some((type) => PARTS_OF_USERS.includes(type)) ? "user" : null;
}

/** Whether a value is a number, or a text that contains a number. */
function isNumber(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && storedNumber(value) !== null);
}

/** Splits `provider/model`, the text form in which opencode names a model. */
function namedModel(own: unknown): ModelFacts | null {
  const named = typeof own === "string" ? /^([^/]+)\/(.+)$/.exec(own) : null;
  const [, providerID, modelID] = named ?? [];
  return providerID === undefined || modelID === undefined ? null : { providerID, modelID };
}

function agentFor({ document, message, neighbours }: Subject): string {
  const counterpart = message === null ? null : neighbours.counterpart(message);
  const fromSession = neighbours.session.session?.agent;
  return (
    textIn(document, "agent") ??
    textIn(document, "mode") ??
    counterpart?.agent ??
    counterpart?.mode ??
    (message === null ? null : neighbours.nearestAgent(message.id)) ??
    (typeof fromSession === "string" && fromSession !== "" ? fromSession : DEFAULT_AGENT)
  );
}

/**
 * Takes the provider and the model from the same other record, so that they belong together. Neither may contradict a
 * provider or model that the incomplete record still names.
 */
function fromModel(
  { message, neighbours }: Subject,
  path: readonly PropertyKey[],
  own: unknown,
  at: readonly string[],
): readonly Setting[] | null {
  const counterpart = message === null ? null : neighbours.counterpart(message);
  const candidates = [
    counterpart === null ? null : modelOf(counterpart),
    message === null ? null : neighbours.nearestModel(message.id),
    sessionModel(neighbours.session.session?.model),
  ];
  const [providerID, modelID] = [textIn(own, "providerID"), textIn(own, "modelID")];
  const model = candidates.find(
    (each): each is ModelFacts =>
      each !== null &&
      (providerID === null || providerID === each.providerID) &&
      (modelID === null || modelID === each.modelID),
  );
  if (model === undefined) return null;
  const name = path[1];
  if (name === undefined) return [{ path: at, to: model }];
  return [{ path: [...at, String(name)], to: name === "providerID" ? model.providerID : model.modelID }];
}

function sessionModel(column: unknown): ModelFacts | null {
  if (typeof column !== "string") return null;
  try {
    const value: unknown = JSON.parse(column);
    const [providerID, modelID] = [textIn(value, "providerID"), textIn(value, "id") ?? textIn(value, "modelID")];
    return providerID === null || modelID === null ? null : { providerID, modelID };
  } catch {
    return null;
  }
}

function pathsFor({ document, message, neighbours, system }: Subject): { cwd: string; root: string } | null {
  const near = message === null ? null : neighbours.nearestPath(message.id);
  const { session, project } = neighbours.session;
  const cwd = textIn(document, "path", "cwd") ?? near?.cwd ?? absolute(session?.directory, system);
  const root = textIn(document, "path", "root") ?? near?.root ?? absolute(project?.worktree, system);
  return cwd === null || root === null ? null : { cwd, root };
}

function absolute(path: unknown, system: PathSystem): string | null {
  return typeof path === "string" && (path === NO_WORKTREE || isFolderOf(system, path)) ? path : null;
}

function stepsOf({ message, neighbours }: Subject) {
  return message === null ? [] : neighbours.partsOf(message.id).filter((part) => part.type === "step-finish");
}

/**
 * The token counts to write at a path such as `tokens`, `tokens.cache` or `tokens.cache.read`. Unknown counts become 0.
 */
export function tokensAt(facts: TokenFacts | undefined, place: readonly (string | number)[]): unknown {
  const cache = { read: facts?.read ?? 0, write: facts?.write ?? 0 };
  const tokens = {
    input: facts?.input ?? 0,
    output: facts?.output ?? 0,
    reasoning: facts?.reasoning ?? 0,
    cache,
  };
  return place.length === 1 ? tokens : valueIn(tokens, ...place.slice(1).map(String));
}

function knownError(error: unknown): readonly Setting[] | null {
  if (typeof error === "string") {
    return [{ path: ["error"], to: { name: "UnknownError", data: { message: error } } }];
  }
  if (!isFields(error)) return null;
  const renamed: Setting = { path: ["error", "name"], to: "UnknownError" };
  if (textIn(error, "data", "message") !== null) return [renamed];
  if (typeof error.data === "string") return [renamed, { path: ["error", "data"], to: { message: error.data } }];
  if ("data" in error && !isFields(error.data)) return null;
  const message = textIn(error, "message") ?? textIn(error, "name") ?? "";
  return [renamed, { path: ["error", "data", "message"], to: message }];
}

function errorField(name: string | number | undefined, document: unknown): unknown {
  switch (name) {
    case "data":
      return {};
    case "message":
      return "";
    case "retries":
      return 0;
    case "isRetryable":
      return false;
    default:
      return textIn(document, "providerID");
  }
}
