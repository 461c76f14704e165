import type { NewerMessages } from "../model/artifact.ts";
import { screenMismatches } from "./screen.ts";
import { at, collect, isNothing, type ScreenDemand, type ScreenMismatch, type ScreenName } from "./screen-demand.ts";

/** Of the newest message. */
export const NOTHING_NEWER: NewerMessages = { count: 0, anyAnswer: false, anyUnfinished: false, anyOutput: false };

/** No screen of opencode 1.0 to 1.15 fetches more of a session (source). */
const MOST_SHOWN = 100;

interface Answer {
  readonly answer: unknown;
  readonly screen: ScreenName;
  readonly newer: NewerMessages;
}

/** Where the screen comes to a value of an answer (source of 1.0.152, 1.1.65, 1.2.27, 1.14.41 and 1.15.13). */
const COMES_TO = {
  /** The answer that still runs is looked for, and how long one took that is the end of its turn. */
  time: ({ answer, newer }: Answer) => !newer.anyUnfinished || isLastOfTurn(answer),
  /** Below the newest answer, the end of a turn, and one that was aborted. */
  footer: ({ answer, screen, newer }: Answer) =>
    !newer.anyAnswer || isLastOfTurn(answer) || (screen !== "1.0" && isAborted(answer)),
  error: ({ answer, screen }: Answer) => Boolean(at(answer, ["error"])) && (screen === "1.0" || !isAborted(answer)),
  /** The size of the context is that of the newest answer that returned tokens. */
  tokens: ({ newer }: Answer) => !newer.anyOutput,
  "tokens that count": ({ answer, newer }: Answer) => !newer.anyOutput && hasOutput(answer),
} as const;

interface AnswerDemand extends ScreenDemand {
  readonly where: keyof typeof COMES_TO;
}

const OF_ANSWERS: readonly AnswerDemand[] = [
  { at: ["time"], wants: "something", where: "time" },
  { at: ["mode"], wants: "some text", where: "footer" },
  { at: ["modelID"], wants: "printable", where: "footer" },
  { at: ["tokens"], wants: "something", where: "tokens" },
  { at: ["tokens", "cache"], wants: "something", where: "tokens that count" },
  { at: ["error"], wants: "object", where: "error" },
  { at: ["error", "data"], wants: "something", where: "error", ifAny: ["error"] },
  { at: ["error", "data", "message"], wants: "printable", where: "error" },
];

/**
 * What the terminal UI of opencode 1.0 to 1.15 cannot print of a message or part. Without `newer` it counts for the newest
 * of its session. A pure function.
 */
export function mismatchesOnScreen(
  kind: string,
  value: unknown,
  screen: ScreenName,
  newer: NewerMessages = NOTHING_NEWER,
): ScreenMismatch[] {
  if (newer.count >= MOST_SHOWN) return [];
  if (kind === "part") return screenMismatches(value, screen, newer.shownIn);
  return kind === "message" && isAnswer(value) ? answerMismatches(value, screen, newer) : [];
}

function answerMismatches(answer: unknown, screen: ScreenName, newer: NewerMessages): ScreenMismatch[] {
  const mismatches: ScreenMismatch[] = [];
  for (const demand of OF_ANSWERS) {
    if (COMES_TO[demand.where]({ answer, screen, newer })) collect(answer, demand, mismatches);
  }
  // What is missing as a whole is not also missing in its parts.
  return mismatches.filter(
    ({ path }) => !mismatches.some((other) => other.path.length < path.length && other.path[0] === path[0]),
  );
}

/** What a message is to the older ones of its session. */
export function asNewer(message: unknown): NewerMessages {
  const time = at(message, ["time"]);
  const isOne = isAnswer(message);
  return {
    count: 1,
    anyAnswer: isOne,
    anyUnfinished: isOne && !isNothing(time) && !at(time, ["completed"]),
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
  return Boolean(finish) && finish !== "tool-calls" && finish !== "unknown";
}

function isAborted(answer: unknown): boolean {
  return at(answer, ["error", "name"]) === "MessageAbortedError";
}

/** As JavaScript compares. */
function hasOutput(answer: unknown): boolean {
  return Number(at(answer, ["tokens", "output"])) > 0;
}
