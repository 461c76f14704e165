/** A group of known cases that this tool does not detect, and the reason for that. */
export interface Undetected {
  readonly classes: readonly string[];
  readonly what: string;
  readonly why: string;
}

/**
 * The known cases that this tool does not look for. A test checks that each group of known cases is here or in the
 * catalogue.
 */
export const UNDETECTED: readonly Undetected[] = [
  {
    classes: ["C4"],
    what: "Oversized records that stop a migration of 2.x",
    why: "The check reports every record of more than 64 MB as giant-record. It is unknown whether a future migration fails on these large records.",
  },
  {
    classes: ["D1"],
    what: "Messages out of order, because the clocks of several machines differ",
    why: "The messages load, and opencode shows them in the order of their times. The records do not show whether a wrong clock or the network caused this order.",
  },
  {
    classes: ["E2"],
    what: "A tool call whose result never reached the provider",
    why: "The record of a completed call does not show whether its result was sent. A call that is not completed is reported as unfinished-tool.",
  },
  {
    classes: ["E3"],
    what: "A session that ends with an interrupted tool call",
    why: "A session may end in this way without any damage. Newer versions of opencode can continue the session: upgrade.",
  },
  {
    classes: ["E4"],
    what: "Empty texts and answers without content",
    why: "Rows without content are valid, and an answer that is still arriving looks the same. Only some providers refuse rows without content. Undo the turn with /undo.",
  },
  {
    classes: ["E5"],
    what: "Unpaired surrogates, images of too many pixels, odd tool names",
    why: "opencode loads these records. Each provider refuses other values, and the rules of providers change.",
  },
  {
    classes: ["E6"],
    what: "Compactions that run again, or that hide history",
    why: "The part of a compaction that hides history may lack tail_start_id. But older versions of opencode write every compaction without tail_start_id.",
  },
  {
    classes: ["E7"],
    what: "A parentID that names no message",
    why: "opencode loads a message whose parentID names no message. Looking up every parentID would double the time of a check.",
  },
  {
    classes: ["G"],
    what: "Archived sessions, list filters, sessions of another operating system",
    why: "A user may have hidden these sessions on purpose. The records do not show why a session is not listed.",
  },
  {
    classes: ["H"],
    what: "models.json, prompt-history.jsonl, the desktop app's own files, OPENCODE_CONFIG_CONTENT",
    why: "These files and settings are outside the data directory, and hold no session.",
  },
  {
    classes: ["I"],
    what: "Stale trees and left-over tmp_pack files of snapshots",
    why: "No session depends on these files. git itself removes unneeded files (`git gc`).",
  },
];
