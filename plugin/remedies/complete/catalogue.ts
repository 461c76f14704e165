import { valueIn } from "../../stores/conversation.ts";
import { MESSAGE_RULES } from "./message-rules.ts";
import { PART_RULES } from "./part-rules.ts";
import { isTime, leftOut, pathKeys, type Rule, set, storedNumber, WRONG } from "./rule.ts";
import { SCREEN_RULES } from "./screen-rules.ts";
import { SESSION_RULES } from "./session-rules.ts";

/** Rules that fit records of every kind. They come last in the list, so that a more specific rule is used first. */
const GENERAL_RULES: readonly Rule[] = [
  {
    name: "whole-milliseconds",
    issues: [],
    invariant: "Times are whole milliseconds.",
    source: "The fraction of the number is dropped.",
    of: null,
    at: /^(.*\.)?time\.\w+$/,
    found: WRONG,
    derive: ({ document }, mismatch) => {
      const given = valueIn(document, ...pathKeys(mismatch).map(String));
      const whole = typeof given === "number" ? Math.floor(given) : null;
      return isTime(whole) ? set(mismatch, whole) : null;
    },
  },
  {
    name: "number-as-text",
    issues: [],
    invariant: "Numbers and times are numbers.",
    source: "The text is replaced by the number or the time that it contains.",
    of: ["user", "assistant", "text", "reasoning", "step-finish", "tool running", "tool completed", "tool error"],
    at: /^(cost|tokens\.[a-z.]+|(.*\.)?time\.\w+)$/,
    found: WRONG,
    derive: ({ document }, mismatch) => {
      const given = valueIn(document, ...pathKeys(mismatch).map(String));
      return typeof given === "string" ? set(mismatch, storedNumber(given)) : null;
    },
  },
  {
    name: "null-value",
    issues: [38703, 38702],
    invariant: "An unknown value is absent, not null.",
    source: "The value is left out. JSON stores null for a missing value and for NaN.",
    of: null,
    at: /./,
    found: ["null"],
    derive: (_subject, mismatch) => leftOut(mismatch),
  },
];

/** All rules that complete a value which opencode refuses. For each refused value, the first rule that fits is used. */
export const RULES: readonly Rule[] = [
  ...SCREEN_RULES,
  ...MESSAGE_RULES,
  ...PART_RULES,
  ...SESSION_RULES,
  ...GENERAL_RULES,
];
