import { expect, test } from "bun:test";
import type { StoreDescription } from "../../../plugin/model/store-description.ts";
import { missingRecords } from "../../../plugin/remedies/recover/missing-in-log.ts";
import type { RecordedEvent } from "../../../plugin/stores/store.ts";

const STORE: StoreDescription = {
  generation: "sqlite",
  dataDir: "/data",
  database: "/data/opencode.db",
  contract: "strict",
  hostVersion: "1.18.33",
  sessionDiffReader: null,
};

const MESSAGE = {
  id: "msg_1",
  sessionID: "ses_1",
  role: "user",
  time: { created: 1 },
  agent: "build",
  model: { providerID: "p", modelID: "m" },
};
const PART = { id: "prt_1", messageID: "msg_1", sessionID: "ses_1", type: "text", text: "removed by its user" };

const written = { type: "message.updated.1", text: JSON.stringify({ sessionID: "ses_1", info: MESSAGE }) };
const filled = { type: "message.part.updated.1", text: JSON.stringify({ sessionID: "ses_1", part: PART, time: 2 }) };
const removed = { type: "message.removed.1", text: JSON.stringify({ sessionID: "ses_1", messageID: "msg_1" }) };

/**
 * The ids of the records that are lost if no record of a session is left. `events` are in the order in which the host
 * wrote them.
 */
function lost(...events: Omit<RecordedEvent, "sequence">[]): string[] {
  const numbered = events.map((event, sequence) => ({ ...event, sequence })).reverse();
  return missingRecords(numbered, events.length - 1, new Map(), STORE)
    .missing.map(({ id }) => id)
    .sort();
}

test("what was removed with its message stays away, also where the host has written that message again", () => {
  expect(lost(written, filled)).toEqual(["msg_1", "prt_1"]);
  expect(lost(written, filled, removed)).toEqual([]);
  // 1.18.33 makes the summary of a turn in parallel with other work. Here, it wrote the summary after the removal.
  expect(lost(written, filled, removed, written)).toEqual(["msg_1"]);
  expect(lost(written, filled, removed, written, filled)).toEqual(["msg_1", "prt_1"]);
});
