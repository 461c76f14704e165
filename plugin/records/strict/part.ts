import type { Description, Vocabulary } from "../vocabulary.ts";
import { apiErrorFields, messageID, partID, sessionID, tokens } from "./values.ts";

const source: Description = (is) => {
  const text = is.object({ value: is.text, start: is.finite, end: is.finite });
  const position = is.object({ line: is.integer, character: is.integer });
  return is.variants("type", {
    file: { text, path: is.text },
    symbol: {
      text,
      path: is.text,
      range: is.object({ start: position, end: position }),
      name: is.text,
      kind: is.integer,
    },
    resource: { text, clientName: is.text, uri: is.text },
  });
};

function fileFields<S>(is: Vocabulary<S>): Readonly<Record<string, S>> {
  return { mime: is.text, filename: is.optional(is.text), url: is.text, source: is.optional(source(is)) };
}

/** A file that a tool returned. It has no row of its own, so its document contains its ids. */
const attachment: Description = (is) =>
  is.object({
    ...fileFields(is),
    type: is.oneOf("file"),
    id: partID(is),
    sessionID: sessionID(is),
    messageID: messageID(is),
  });

const toolState: Description = (is) => {
  const input = is.record;
  const metadata = is.optional(is.record);
  return is.variants("status", {
    pending: { input, raw: is.text },
    running: { input, title: is.optional(is.text), metadata, time: is.object({ start: is.integer }) },
    completed: {
      input,
      output: is.text,
      title: is.text,
      metadata: is.record,
      time: is.object({ start: is.integer, end: is.integer, compacted: is.optional(is.integer) }),
      attachments: is.optional(is.listOf(attachment(is))),
    },
    error: { input, error: is.text, metadata, time: is.object({ start: is.integer, end: is.integer }) },
  });
};

/**
 * The schema by which opencode 1.14.48 and newer check the JSON in a part's database row. The ids of the part are in
 * other columns of the row.
 */
export const partDocument: Description = (is) => {
  const metadata = is.optional(is.record);
  const snapshot = is.optional(is.text);
  const time = is.object({ start: is.integer, end: is.optional(is.integer) });
  return is.variants("type", {
    text: {
      text: is.text,
      synthetic: is.optional(is.boolean),
      ignored: is.optional(is.boolean),
      time: is.optional(time),
      metadata,
    },
    reasoning: { text: is.text, metadata, time },
    file: fileFields(is),
    agent: {
      name: is.text,
      source: is.optional(is.object({ value: is.text, start: is.integer, end: is.integer })),
    },
    tool: { callID: is.text, tool: is.text, state: toolState(is), metadata },
    "step-start": { snapshot },
    "step-finish": { reason: is.text, snapshot, cost: is.finite, tokens: tokens(is) },
    snapshot: { snapshot: is.text },
    patch: { hash: is.text, files: is.listOf(is.text) },
    subtask: {
      prompt: is.text,
      description: is.text,
      agent: is.text,
      model: is.optional(is.object({ providerID: is.text, modelID: is.text })),
      command: is.optional(is.text),
    },
    retry: {
      attempt: is.integer,
      error: is.object({ name: is.oneOf("APIError"), ...apiErrorFields(is) }),
      time: is.object({ created: is.integer }),
    },
    compaction: {
      auto: is.boolean,
      overflow: is.optional(is.boolean),
      tail_start_id: is.optional(messageID(is)),
    },
  });
};
