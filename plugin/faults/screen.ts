import type { Fault } from "./fault.ts";

/** Catalogue entries for records that opencode's server returns, but that its terminal UI cannot print. */
export const SCREEN_FATAL = {
  code: "screen-fatal",
  title: "makes the terminal UI of an older opencode close when its session is opened",
  invariant:
    "In a tool call or an answer, every value that opencode's terminal UI prints has a type that the UI can print.",
  cause:
    "A model gave a tool a number or an object instead of a text (opencode also stores the failed call). Or a user answered a question in an opencode older than 1.1.8. Or another program wrote an answer without its mode, time or tokens.",
  advice:
    "Upgrade to opencode 1.17 or newer, which shows the record. Or repair this record: `opencode-session-repair repair --only screen-fatal`.",
  remedy: "normalise",
  otherwise: "quarantine",
  unasked: false,
  issues: [14282, 16865, 17071, 27726, 12697, 7082, 13394, 14020, 7433, 7392, 7460, 7994],
  classes: ["A3"],
} satisfies Fault;
