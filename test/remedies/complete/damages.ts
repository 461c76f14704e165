import { LEGACY_MESSAGES } from "./legacy-messages.ts";
import { LEGACY_PARTS } from "./legacy-parts.ts";
import { type LegacyRecord, state, without } from "./legacy-record.ts";
import { LEGACY_SESSIONS } from "./legacy-sessions.ts";

export const LEGACY_RECORDS: readonly LegacyRecord[] = [...LEGACY_MESSAGES, ...LEGACY_PARTS, ...LEGACY_SESSIONS];

/** Readable records that the host refuses. Nothing in the store says what the missing values should be. */
export const UNANSWERED: readonly Pick<LegacyRecord, "name" | "change">[] = [
  { name: "a part of an unknown type", change: (rows) => rows.part("text", () => ({ type: "hologram" })) },
  { name: "a text without text", change: (rows) => rows.part("text", without("text")) },
  { name: "a tool without state", change: (rows) => rows.part("tool", without("state")) },
  {
    name: "a completed tool without output",
    change: (rows) => rows.part("tool", state(without("output")), "completed"),
  },
  {
    name: "an assistant of which one thing follows and another does not",
    change: (rows) => rows.message("assistant", (data) => ({ ...without("agent")(data), cost: "much" })),
  },
];
