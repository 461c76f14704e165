import * as z from "zod/mini";

/**
 * The arguments of the tool `session_repair`, as the schema that opencode requires. opencode passes each description to
 * the model (1.18.33).
 */
export function agentArguments(actions: readonly string[]) {
  return {
    action: described(z.enum(actions), "what to do; start with check"),
    sessionID: described(z.optional(z.string()), "only this session"),
    runID: described(z.optional(z.string()), "for undo: the run to undo (default: the newest)"),
    confirm: described(z.optional(z.boolean()), "true if opencode cannot ask the user, and the user has agreed"),
  };
}

/**
 * Adds the property `description`, which opencode reads (measured 1.18.33). A schema of zod/mini has no such property.
 */
function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  return Object.assign(schema.check(z.describe(description)), { description });
}
