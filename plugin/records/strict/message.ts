import type { HostProfile } from "../../hosts/profile.ts";
import type { Description, Vocabulary } from "../vocabulary.ts";
import { apiErrorFields, fileDiff, messageID, tokens } from "./values.ts";

/** The rules for a message that differ between the ranges of versions that check messages. */
type MessageDemands = Pick<HostProfile, "knowsContentFilter" | "checksErrorRef" | "wantsWholeUserTime">;

/** The errors with which a turn of the assistant may have failed. */
function turnError<S>(is: Vocabulary<S>, { knowsContentFilter, checksErrorRef }: MessageDemands): S {
  const message = is.text;
  return is.variants("name", {
    ProviderAuthError: { data: is.object({ providerID: is.text, message }) },
    UnknownError: { data: is.object({ message, ...(checksErrorRef && { ref: is.optional(is.text) }) }) },
    // opencode's schema describes no field in the data of this error, so any value except `null` is accepted.
    MessageOutputLengthError: { data: is.something },
    MessageAbortedError: { data: is.object({ message }) },
    StructuredOutputError: { data: is.object({ message, retries: is.integer }) },
    ContextOverflowError: { data: is.object({ message, responseBody: is.optional(is.text) }) },
    ...(knowsContentFilter && { ContentFilterError: { data: is.object({ message }) } }),
    APIError: apiErrorFields(is),
  });
}

/**
 * The schema of a message row's document, by the rules of a range of versions. The ids of the message are in other
 * columns of the row.
 */
export function messageDocumentOf(line: MessageDemands): Description {
  return (is) => is.variants("role", messageFields(is, line));
}

/** The schema by which opencode 1.17 and newer check the JSON in a message's database row. */
export const messageDocument = messageDocumentOf({
  knowsContentFilter: true,
  checksErrorRef: true,
  wantsWholeUserTime: false,
});

function messageFields<S>(
  is: Vocabulary<S>,
  line: MessageDemands,
): Readonly<Record<string, Readonly<Record<string, S>>>> {
  return {
    user: {
      time: is.object({ created: line.wantsWholeUserTime ? is.integer : is.amount }),
      // opencode stores the output format that a user requested here, but then fails on any stored format.
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
      error: is.optional(turnError(is, line)),
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
  };
}
