import type { AnswerSteps, NewerMessages, ShownIn } from "../model/artifact.ts";
import {
  at,
  collect,
  isNothing,
  meets,
  ownValue,
  type ScreenDemand,
  type ScreenDemands,
  type ScreenMismatch,
} from "./screen-demand.ts";

/** The value of `newer` for a session's newest message. */
export const NOTHING_NEWER: NewerMessages = { count: 0, anyAnswer: false, anyUnfinished: false, anyOutput: false };

interface Answer {
  readonly answer: unknown;
  readonly screen: ScreenDemands;
  readonly newer: NewerMessages;
}

/**
 * Whether the UI prints the mode and the model below an answer. There are three rules, for three ranges of versions.
 * Before 1.0.142, this depends on how the steps of the answer ended. If that is unknown, the mode and the model count
 * as printed.
 */
const HAS_FOOTER: Readonly<Record<ScreenDemands["footers"], (given: Answer) => boolean>> = {
  "by finish": ({ answer, screen, newer }) =>
    !newer.anyAnswer || isLastOfTurn(answer) || (screen.leavesOutAborted && isAborted(answer)),
  "by steps and newest": ({ answer, newer }) =>
    !newer.anyAnswer || (isCompleted(answer) && newer.steps?.anyStop !== false),
  "by steps": ({ answer, newer }) =>
    !isCompleted(answer) || newer.steps?.anyStop !== false || (newer.count === 0 && newer.steps.anyWithCalls),
};

/**
 * The conditions under which the UI prints a value of an answer (source of 1.0.0, 1.0.61, 1.0.98, 1.0.142 to 1.0.185,
 * 1.1.65, 1.2.27, 1.14.41 and 1.15.13).
 */
const COMES_TO = {
  /**
   * Whether the UI reads an answer's time. The UI reads the time of an answer that may still be running. For the last
   * answer of a turn, the UI shows how long the answer took.
   */
  time: ({ answer, screen, newer }: Answer) => screen.readsEveryTime || !newer.anyUnfinished || isLastOfTurn(answer),
  footer: (given: Answer) => HAS_FOOTER[given.screen.footers](given),
  /** For a running answer, the oldest versions print the model in another way, which accepts any value. */
  model: (given: Answer) =>
    given.screen.footers === "by steps"
      ? isCompleted(given.answer) && given.newer.steps?.anyStop !== false
      : HAS_FOOTER[given.screen.footers](given),
  error: ({ answer, screen }: Answer) =>
    Boolean(at(answer, ["error"])) && !(screen.leavesOutAborted && isAborted(answer)),
  /**
   * The UI shows the size of the context. It takes the size from the newest answer for which the model returned tokens.
   */
  tokens: ({ newer }: Answer) => !newer.anyOutput,
  "tokens that count": ({ answer, newer }: Answer) => !newer.anyOutput && hasOutput(answer),
} as const;

interface AnswerDemand extends ScreenDemand {
  readonly where: keyof typeof COMES_TO;
}

const OF_ANSWERS: readonly AnswerDemand[] = [
  { at: ["time"], wants: "something", where: "time" },
  { at: ["mode"], wants: "some text", where: "footer" },
  { at: ["modelID"], wants: "printable", where: "model" },
  { at: ["tokens"], wants: "something", where: "tokens" },
  { at: ["tokens", "cache"], wants: "something", where: "tokens that count" },
  { at: ["error"], wants: "object", where: "error" },
  { at: ["error", "data"], wants: "something", where: "error", ifAny: ["error"] },
  { at: ["error", "data", "message"], wants: "printable", where: "error" },
];

/**
 * The values of a message or part that the terminal UI of opencode 1.0 to 1.15 cannot print. `newer` describes the
 * newer messages of the session; without it, the message counts as the newest. A pure function.
 */
export function mismatchesOnScreen(
  kind: string,
  value: unknown,
  screen: ScreenDemands,
  newer: NewerMessages = NOTHING_NEWER,
): ScreenMismatch[] {
  if (newer.count >= screen.fetches) return [];
  if (kind === "part") return screenMismatches(value, screen, newer.shownIn);
  if (kind !== "message") return [];
  return isAnswer(value) ? answerMismatches(value, screen, newer) : questionMismatches(value, screen, newer);
}

/**
 * Whether the terminal UI of opencode 1.0 to 1.15 can print a message or part: {@link mismatchesOnScreen} would find
 * nothing. A check calls this function for each record, so the function makes no list of mismatches. A pure function.
 */
export function isShownBy(
  screen: ScreenDemands,
  kind: string,
  value: unknown,
  newer: NewerMessages = NOTHING_NEWER,
): boolean {
  if (newer.count >= screen.fetches) return true;
  if (kind === "part") {
    if (isPlainPart(value)) return true;
    for (const demand of demandsOn(value, screen, newer.shownIn)) if (!meets(value, demand)) return false;
    return true;
  }
  if (kind !== "message") return true;
  if (isPlainAnswer(value)) return true;
  if (!isAnswer(value)) return !isTimeOfQuestionRead(value, screen, newer) || meets(value, TIME_OF_QUESTION);
  for (const demand of OF_ANSWERS) {
    if (!meets(value, demand) && COMES_TO[demand.where]({ answer: value, screen, newer })) return false;
  }
  return true;
}

/**
 * Whether every terminal UI shows a part, which one look at its type and text decides. Nine of ten parts are of this
 * kind, so the check of a store need not compare them with the lists of requirements.
 */
function isPlainPart(part: unknown): boolean {
  const { type, text } = (part ?? {}) as { type?: unknown; text?: unknown };
  return type === "text" || type === "reasoning" ? typeof text === "string" : UNPRINTED_TYPES.has(type);
}

/**
 * Whether every terminal UI shows an answer, because all values that a UI may print are there and have the usual types.
 * Nearly all answers without an error are of this kind.
 */
function isPlainAnswer(message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  const { role, time, mode, modelID, tokens, error } = message as Readonly<Record<string, unknown>>;
  if (role !== "assistant" || error !== undefined || typeof mode !== "string" || typeof modelID !== "string")
    return false;
  return isObject(time) && isObject(tokens) && isObject((tokens as { cache?: unknown }).cache);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Types of parts whose content no terminal UI prints. More than half of all parts have one of these types. */
const UNPRINTED_TYPES: ReadonlySet<unknown> = new Set(["step-start", "step-finish", "patch", "snapshot", "compaction"]);

const TIME_OF_QUESTION: ScreenDemand = { at: ["time"], wants: "something" };

function questionMismatches(question: unknown, screen: ScreenDemands, newer: NewerMessages): ScreenMismatch[] {
  const mismatches: ScreenMismatch[] = [];
  if (isTimeOfQuestionRead(question, screen, newer)) collect(question, TIME_OF_QUESTION, mismatches);
  return mismatches;
}

/** Below each user message, the oldest versions print the time at which the message was written. */
function isTimeOfQuestionRead(question: unknown, screen: ScreenDemands, { shownIn }: NewerMessages): boolean {
  return screen.readsEveryTime && shownIn !== "nowhere" && at(question, ["role"]) === "user";
}

function answerMismatches(answer: unknown, screen: ScreenDemands, newer: NewerMessages): ScreenMismatch[] {
  const mismatches: ScreenMismatch[] = [];
  for (const demand of OF_ANSWERS) {
    if (COMES_TO[demand.where]({ answer, screen, newer })) collect(answer, demand, mismatches);
  }
  // If a whole value is missing, the values inside it are not listed as missing too.
  return mismatches.filter(
    ({ path }) => !mismatches.some((other) => other.path.length < path.length && other.path[0] === path[0]),
  );
}

/** How a message affects what the UI prints for the older messages of the same session. */
export function asNewer(message: unknown): NewerMessages {
  const time = at(message, ["time"]);
  const isOne = isAnswer(message);
  return {
    count: 1,
    anyAnswer: isOne,
    anyUnfinished: isOne && !isNothing(time) && !isCompleted(message),
    anyOutput: isOne && hasOutput(message),
  };
}

export function together(some: NewerMessages, others: NewerMessages): NewerMessages {
  return {
    count: some.count + others.count,
    anyAnswer: some.anyAnswer || others.anyAnswer,
    anyUnfinished: some.anyUnfinished || others.anyUnfinished,
    anyOutput: some.anyOutput || others.anyOutput,
  };
}

function isAnswer(message: unknown): boolean {
  return at(message, ["role"]) === "assistant";
}

function isLastOfTurn(answer: unknown): boolean {
  const finish = at(answer, ["finish"]);
  return Boolean(finish) && finish !== WITH_CALLS && finish !== "unknown";
}

function isCompleted(answer: unknown): boolean {
  return Boolean(at(answer, ["time", "completed"]));
}

function isAborted(answer: unknown): boolean {
  return at(answer, ["error", "name"]) === "MessageAbortedError";
}

/** opencode compares with `> 0`, so a text that JavaScript turns into a number counts too. */
function hasOutput(answer: unknown): boolean {
  return Number(at(answer, ["tokens", "output"])) > 0;
}

const OF_FAILED_COMMANDS: readonly ScreenDemand[] = [{ at: ["state", "error"], wants: "printable" }];

const NO_STATE: readonly ScreenDemand[] = [{ at: ["state"], wants: "something" }];

const OF_OTHER_TYPES: readonly ScreenDemand[] = [{ at: ["type"], wants: "part type" }];

const OF_TEXTS: readonly ScreenDemand[] = [{ at: ["text"], wants: "some text" }];

const OF_FILES: readonly ScreenDemand[] = [
  { at: ["mime"], wants: "some text" },
  { at: ["filename"], wants: "printable" },
];

const OF_FILES_ANYWHERE: readonly ScreenDemand[] = [...OF_OTHER_TYPES, ...OF_FILES];

/** Of a user message, the UI prints only the user's own text and the names of files. */
const OF_OWN_TEXTS: readonly ScreenDemand[] = [{ at: ["text"], wants: "printable" }];

/**
 * The values of a part that the terminal UI of opencode 1.0 to 1.15 cannot print. The list is empty if the UI shows the
 * part. Without `shownIn`, the part may be in a question or in an answer, and the requirements of both apply. A pure
 * function.
 */
export function screenMismatches(part: unknown, screen: ScreenDemands, shownIn?: ShownIn): ScreenMismatch[] {
  const mismatches: ScreenMismatch[] = [];
  for (const demand of demandsOn(part, screen, shownIn)) collect(part, demand, mismatches);
  return mismatches;
}

function demandsOn(part: unknown, screen: ScreenDemands, shownIn: ShownIn | undefined): readonly ScreenDemand[] {
  const type = ownValue(part, "type");
  if (shownIn === "nowhere") return [];
  if (shownIn === "question") return type === "file" ? OF_FILES : isOwnText(part) ? OF_OWN_TEXTS : [];
  if (type === "reasoning" || type === "text") return OF_TEXTS;
  if (type !== "tool") return shownIn === "answer" || type !== "file" ? OF_OTHER_TYPES : OF_FILES_ANYWHERE;
  const state = ownValue(part, "state");
  if (isNothing(state)) return NO_STATE;
  const tool = ownValue(part, "tool");
  const own = (typeof tool === "string" ? screen.tools.get(tool) : undefined) ?? screen.otherTools;
  const status = ownValue(state, "status");
  if (status === "error") {
    const isBlock = screen.hasFailedBlocks && tool === "bash" && at(state, ["metadata", "output"]) !== undefined;
    return [...own.filter(isOfEveryStatus), ...(isBlock ? OF_FAILED_COMMANDS : screen.failedCalls)];
  }
  if (status === "completed") return own;
  return own.filter((demand) => isOfEveryStatus(demand) && (status !== "pending" || !demand.at.includes("metadata")));
}

/** How the steps of an answer ended, read from the parts of the answer. */
export function stepsOf(parts: readonly unknown[]): AnswerSteps {
  const reasons = parts.filter((part) => at(part, ["type"]) === "step-finish").map((part) => at(part, ["reason"]));
  return {
    anyStop: reasons.some((reason) => reason !== WITH_CALLS),
    anyWithCalls: reasons.includes(WITH_CALLS),
  };
}

const WITH_CALLS = "tool-calls";

/** Whether the user wrote this part of a user message. */
export function isOwnText(part: unknown): boolean {
  return at(part, ["type"]) === "text" && !at(part, ["synthetic"]);
}

/**
 * Whether the UI reads this value of a tool call in every status. The UI reads the result and the time of a call only
 * after the call has ended.
 */
function isOfEveryStatus({ at: [, name] }: ScreenDemand): boolean {
  return name !== "output" && name !== "time";
}
