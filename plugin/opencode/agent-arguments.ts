import * as z from "zod/mini";

/**
 * The arguments of the agent's tool, in the form that opencode requires. opencode takes each description from here
 * (1.18.33).
 */
export function agentArguments(actions: readonly string[]) {
  return {
    action: described(z.enum(actions), "what to do; start with check"),
    sessionID: described(z.optional(z.string()), "only this session"),
    runID: described(z.optional(z.string()), "for undo: the run to undo (default: the newest)"),
    confirm: described(z.optional(z.boolean()), "only if opencode cannot ask the user: true after the user has agreed"),
  };
}

/** opencode reads the property `description` (1.18.33, measured), which zod/mini does not have. */
function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  return Object.assign(schema.check(z.describe(description)), { description });
}
