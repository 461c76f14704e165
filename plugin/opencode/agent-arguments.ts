import * as z from "zod/mini";

/** The arguments of the agent's tool, as opencode wants them declared. It takes a description of each from here (1.18.33). */
export function agentArguments(actions: readonly string[]) {
  return {
    action: z.enum(actions).check(z.describe("what to do; start with check")),
    sessionID: z.optional(z.string()).check(z.describe("only this session")),
    runID: z.optional(z.string()).check(z.describe("for undo: the run to undo; without it the newest")),
    confirm: z
      .optional(z.boolean())
      .check(z.describe("only if opencode cannot ask the user: true after the user has agreed")),
  };
}
