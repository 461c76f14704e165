import type { Description, Vocabulary } from "../vocabulary.ts";

/** opencode checks only the beginning of an id. */
export const sessionID: Description = (is) => is.beginning("ses");
export const messageID: Description = (is) => is.beginning("msg");
export const partID: Description = (is) => is.beginning("prt");

export const tokens: Description = (is) =>
  is.object({
    total: is.optional(is.finite),
    input: is.finite,
    output: is.finite,
    reasoning: is.finite,
    cache: is.object({ read: is.finite, write: is.finite }),
  });

/** The schema of one changed file in the summary of a session or turn. */
export const fileDiff: Description = (is) =>
  is.object({
    file: is.optional(is.text),
    patch: is.optional(is.text),
    additions: is.finite,
    deletions: is.finite,
    status: is.optional(is.oneOf("added", "deleted", "modified")),
  });

/** The fields of an error from a provider, as a failed turn and a retry part store them. */
export function apiErrorFields<S>(is: Vocabulary<S>): Readonly<Record<string, S>> {
  return {
    data: is.object({
      message: is.text,
      statusCode: is.optional(is.integer),
      isRetryable: is.boolean,
      responseHeaders: is.optional(is.mapOf("string")),
      responseBody: is.optional(is.text),
      metadata: is.optional(is.mapOf("string")),
    }),
  };
}
