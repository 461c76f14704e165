import type { Fault } from "./fault.ts";

/** Rows that opencode 2.x reads, and refuses by their shape. What cannot be parsed has the codes of "unreadable". */
export const REFUSED_BY_2X = {
  code: "opencode-2-refused",
  title: "has a shape that opencode 2.x refuses",
  invariant: "A row of `session_v2` and `session_message` fits the schema by which opencode 2.x decodes it.",
  cause: "A beta of 2.x, another program, a script, or an import from 1.x wrote it. The content is there.",
  advice:
    "The content is there, so it is not moved. `opencode-session-repair show SESSION` prints it. Compare the named place with a healthy row, or update opencode: a later 2.x may read it.",
  issues: [42671, 45456],
  classes: ["C2", "D3"],
  remedy: "report",
  unasked: false,
} satisfies Fault;
