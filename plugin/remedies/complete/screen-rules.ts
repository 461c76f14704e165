import { pathKeys, type Rule, set, valueAt, WRONG } from "./rule.ts";

const CALLS = ["tool pending", "tool running", "tool completed", "tool error"];

/**
 * Rules for values on which the terminal UI of opencode 1.0 to 1.15 crashes, because it cannot print them
 * (plugin/hosts/screen.ts).
 */
export const SCREEN_RULES: readonly Rule[] = [
  {
    name: "text-on-screen",
    issues: [14282, 16865, 17071],
    invariant: "Every value that the terminal UI of opencode 1.0 to 1.15 prints as a text is a text.",
    source: "The number or truth value is written as a text.",
    of: [...CALLS, "text", "reasoning", "assistant"],
    at: /^(state\.|text$|mode$)/,
    found: WRONG,
    isContent: true,
    derive: ({ document }, mismatch) => {
      if (mismatch.expected !== "text on screen") return null;
      const given = valueAt(document, pathKeys(mismatch));
      return typeof given === "number" || typeof given === "boolean" ? set(mismatch, String(given)) : null;
    },
  },
  {
    name: "answer-on-screen",
    issues: [7433, 7392, 7460, 7994],
    invariant: "Each answer to a question is a list, as opencode writes it from 1.1.8 on.",
    source: "The text that older versions of opencode wrote becomes a list with one element.",
    of: CALLS,
    at: /^state\.metadata/,
    found: WRONG,
    isContent: true,
    derive: ({ document }, mismatch) => {
      if (mismatch.expected !== "list on screen" || mismatch.path[2] !== "answers") return null;
      const given = valueAt(document, pathKeys(mismatch));
      return typeof given === "string" ? set(mismatch, [given]) : null;
    },
  },
];
