import { MESSAGE_RULES } from "./message-rules.ts";
import { PART_RULES } from "./part-rules.ts";
import { isTime, leftOut, placeOf, type Rule, set, WRONG } from "./rule.ts";
import { SESSION_RULES } from "./session-rules.ts";

/** For every record; they stand last, where none that knows the place better fits. */
const GENERAL_RULES: readonly Rule[] = [
  {
    name: "whole-milliseconds",
    issues: [],
    invariant: "Times are whole milliseconds.",
    source: "the number without its fraction",
    of: null,
    at: /^(.*\.)?time\.\w+$/,
    found: WRONG,
    derive: ({ document }, mismatch) => {
      const given = placeOf(mismatch).reduce<unknown>(
        (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
        document,
      );
      const whole = typeof given === "number" ? Math.floor(given) : null;
      return isTime(whole) ? set(mismatch, whole) : null;
    },
  },
  {
    name: "null-value",
    issues: [38703, 38702],
    invariant: "What a record does not say is not there, rather than null.",
    source: "left out: null is how JSON writes that there is nothing, or a number that is none",
    of: null,
    at: /./,
    found: ["null"],
    derive: (_subject, mismatch) => leftOut(mismatch),
  },
];

/** Every value that is completed, with where it is taken from. The first rule that fits a mismatch answers it. */
export const RULES: readonly Rule[] = [...MESSAGE_RULES, ...PART_RULES, ...SESSION_RULES, ...GENERAL_RULES];
