import type { Description } from "../vocabulary.ts";
import { apiErrorFields, fileDiff, messageID, tokens } from "./values.ts";

/** Why a turn of the assistant failed. */
const turnError: Description = (is) => {
  const message = is.text;
  return is.variants("name", {
    ProviderAuthError: { data: is.object({ providerID: is.text, message }) },
    UnknownError: { data: is.object({ message, ref: is.optional(is.text) }) },
    // opencode describes this error's data by no field at all: anything but `null` passes.
    MessageOutputLengthError: { data: is.something },
    MessageAbortedError: { data: is.object({ message }) },
    StructuredOutputError: { data: is.object({ message, retries: is.integer }) },
    ContextOverflowError: { data: is.object({ message, responseBody: is.optional(is.text) }) },
    ContentFilterError: { data: is.object({ message }) },
    APIError: apiErrorFields(is),
  });
};

/** The document of a message row, as opencode 1.17 and 1.18 encode it. Its ids come from the row's columns. */
export const messageDocument: Description = (is) =>
  is.variants("role", {
    user: {
      time: is.object({ created: is.amount }),
      // opencode stores what it was asked for here, and cannot encode it again, whatever it is.
      format: is.absent,
      summary: is.optional(
        is.object({
          title: is.optional(is.text),
          body: is.optional(is.text),
          diffs: is.listOf(fileDiff(is)),
        }),
      ),
      agent: is.text,
      model: is.object({ providerID: is.text, modelID: is.text, variant: is.optional(is.text) }),
      system: is.optional(is.text),
      tools: is.optional(is.mapOf("boolean")),
    },
    assistant: {
      time: is.object({ created: is.integer, completed: is.optional(is.integer) }),
      error: is.optional(turnError(is)),
      parentID: messageID(is),
      modelID: is.text,
      providerID: is.text,
      mode: is.text,
      agent: is.text,
      path: is.object({ cwd: is.text, root: is.text }),
      summary: is.optional(is.boolean),
      cost: is.finite,
      tokens: tokens(is),
      structured: is.anything,
      variant: is.optional(is.text),
      finish: is.optional(is.text),
    },
  });
