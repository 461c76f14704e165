import type { Fault } from "./fault.ts";

/**
 * Catalogue entries for turns that a dead process left unfinished. Such turns load, but a session may look busy
 * forever.
 */
export const UNFINISHED_TOOL = {
  code: "unfinished-tool",
  title: "is a tool call that never ended",
  invariant: "A tool call has the status `completed` or `error`, unless a process still works on the call.",
  cause: "opencode was killed, or the machine stopped, while the tool ran.",
  advice:
    "Make sure that no opencode works on the session, and that no permission or question is open. Then `repair --only unfinished-tool` can give the call the state that opencode writes when you abort a turn. Do not mark the call as completed: its output would be invented.",
  remedy: "settle",
  unasked: false,
  issues: [27907, 19023, 20097, 42286, 43277, 40066, 36804, 27871],
  classes: ["E1", "E2"],
} satisfies Fault;

export const UNFINISHED_TURN = {
  code: "unfinished-turn",
  title: "is an answer that never ended",
  invariant: "An answer has a time of completion or an error, unless a process still works on the answer.",
  cause: "opencode was killed, or the machine stopped, in the middle of a turn.",
  advice:
    "The session opens, so you may leave the answer as it is. Before you run `repair --only unfinished-turn`, make sure that no opencode works on the session.",
  remedy: "settle",
  unasked: false,
  issues: [27907, 19023, 41847, 40468],
  classes: ["E1"],
} satisfies Fault;
