import type { Fault } from "./fault.ts";

const completedWhenNamed = {
  remedy: "normalise",
  otherwise: "report",
  unasked: false,
  issues: [29908],
  classes: ["A3"],
} as const;

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

export const MESSAGE_WITHOUT_ROLE = {
  ...completedWhenNamed,
  code: "message-without-role",
  title: "does not state a role, so the terminal UI of an older opencode does not show it",
  invariant: "A message has the role `user` or `assistant`.",
  cause:
    "Another program wrote the message, or changed it. The server of opencode 1.0 to 1.14 returns the message, but the terminal UI shows nothing of it (measured on 1.0.152, 1.1.65, 1.2.20 and 1.14.41). If no message of a session states its role, the session looks empty. opencode 1.15 and newer refuse such a message.",
  advice:
    "To add the role, run `opencode-session-repair repair --only message-without-role`. The role follows from the other fields and the parts of the message. If the role does not follow from them, nothing is changed.",
} satisfies Fault;

export const PART_WITHOUT_TYPE = {
  ...completedWhenNamed,
  code: "part-without-type",
  title: "does not state a type, so the terminal UI of an older opencode does not show it",
  invariant: "A part has a type.",
  cause:
    "Another program wrote the part, or changed it. The server of opencode 1.0 to 1.14 returns the part, but the terminal UI shows nothing of it. opencode 1.15 and newer refuse such a part.",
  advice:
    "To add the type, run `opencode-session-repair repair --only part-without-type`. The type follows from the other fields of the part. If the type does not follow from them, nothing is changed.",
} satisfies Fault;

/** Codes of problems with records of which the terminal UI shows nothing, although it stays open. */
export const SHOWN_NOWHERE: readonly string[] = [MESSAGE_WITHOUT_ROLE.code, PART_WITHOUT_TYPE.code];
