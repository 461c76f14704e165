import type { Fault } from "./fault.ts";

/**
 * Rows that opencode 2.x can parse but refuses, because fields are missing or have the wrong type. Rows that cannot be
 * parsed have the codes of `unreadable.ts`.
 */
export const REFUSED_BY_2X = {
  code: "opencode-2-refused",
  title: "has a form that opencode 2.x refuses",
  invariant: "Each row that opencode 2.x reads fits the schema by which opencode 2.x decodes it.",
  cause: "A beta of 2.x, another program, a script, or an import from 1.x wrote the row. No content is lost.",
  advice:
    "The content can be read, so the row is not moved. `opencode-session-repair show SESSION` prints the session. Compare the named place with a healthy row, or update opencode: a later 2.x may read the row.",
  issues: [42671, 45456],
  classes: ["C2", "D3"],
  remedy: "report",
  unasked: false,
} satisfies Fault;
