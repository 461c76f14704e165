/** A class of known cases that has no entry of its own, and the reason. */
export interface Undetected {
  readonly classes: readonly string[];
  readonly what: string;
  readonly why: string;
}

/** What this tool does not look for. Together with the catalogue this covers every class of known cases. */
export const UNDETECTED: readonly Undetected[] = [
  {
    classes: ["C4"],
    what: "Oversized records that stop a migration of 2.x",
    why: "They are found as giant-record; whether a future migration fails on them is not known.",
  },
  {
    classes: ["D1"],
    what: "Clock skew between machines, the small version of the id wrap",
    why: "Messages out of order load and are shown by their time; the data does not tell skew from a slow network.",
  },
  {
    classes: ["E2"],
    what: "A tool call whose result the provider never got",
    why: "Not visible in the records where the tool is completed; where it is not, it is found as unfinished-tool.",
  },
  {
    classes: ["E3"],
    what: "A session that ends with an interrupted tool",
    why: "A normal state of the records; newer versions continue from it. Upgrade.",
  },
  {
    classes: ["E4"],
    what: "Empty texts and answers without content",
    why: "Valid rows, and what a streaming answer looks like; only some providers refuse them. /undo the turn.",
  },
  {
    classes: ["E5"],
    what: "Unpaired surrogates, images of too many pixels, odd tool names",
    why: "The records load; what a provider refuses differs from one to the next and over time.",
  },
  {
    classes: ["E6"],
    what: "Compactions that run again, or that hide history",
    why: "A part without tail_start_id is what older versions write for every compaction: not a sign by itself.",
  },
  {
    classes: ["E7"],
    what: "A parentID that names no message",
    why: "It loads. Looking every one up would double the time of a check.",
  },
  {
    classes: ["G"],
    what: "Archived sessions, list filters, sessions of another operating system",
    why: "As the user or the client wanted it; the records cannot tell intent from accident.",
  },
  {
    classes: ["H"],
    what: "models.json, prompt-history.jsonl, the desktop app's own files, OPENCODE_CONFIG_CONTENT",
    why: "They lie in the cache, state and settings folders, outside the data directory, and hold no session.",
  },
  {
    classes: ["I"],
    what: "Stale trees and left-over tmp_pack files of snapshots",
    why: "No session depends on them; git itself says what it does not need (git gc).",
  },
];
