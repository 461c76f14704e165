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
    why: "Such records are reported as giant-record. It is unknown whether a future migration fails on them.",
  },
  {
    classes: ["D1"],
    what: "Messages out of order, because the clocks of several machines differ",
    why: "The messages load and are shown by their time. The records do not show whether a clock or the network caused it.",
  },
  {
    classes: ["E2"],
    what: "A tool call whose result never reached the provider",
    why: "The record of a completed call does not show this. Another call is reported as unfinished-tool.",
  },
  {
    classes: ["E3"],
    what: "A session that ends with an interrupted tool",
    why: "This is a normal state of the records. Newer versions of opencode continue from it: upgrade.",
  },
  {
    classes: ["E4"],
    what: "Empty texts and answers without content",
    why: "These rows are valid, and a streaming answer looks the same. Only some providers refuse them. Use /undo on the turn.",
  },
  {
    classes: ["E5"],
    what: "Unpaired surrogates, images of too many pixels, odd tool names",
    why: "The records load. Providers refuse different things, and change this over time.",
  },
  {
    classes: ["E6"],
    what: "Compactions that run again, or that hide history",
    why: "Older versions write a part without tail_start_id for every compaction, so this alone shows nothing.",
  },
  {
    classes: ["E7"],
    what: "A parentID that names no message",
    why: "Such a message loads. To look up every parentID would double the time of a check.",
  },
  {
    classes: ["G"],
    what: "Archived sessions, list filters, sessions of another operating system",
    why: "The user or the client may want this. The records do not show whether it was intended.",
  },
  {
    classes: ["H"],
    what: "models.json, prompt-history.jsonl, the desktop app's own files, OPENCODE_CONFIG_CONTENT",
    why: "These files are in the cache, state and settings folders, outside the data directory, and hold no session.",
  },
  {
    classes: ["I"],
    what: "Stale trees and left-over tmp_pack files of snapshots",
    why: "No session depends on these files. git itself removes what it does not need (git gc).",
  },
];
