import type { Fault } from "./fault.ts";

/** Files where opencode 1.0-1.1 expects records only. */
export const STRAY_FILE = {
  code: "stray-file",
  title: "is a file that opencode mistakes for a record",
  invariant: "Message, part and session folders hold only `<id>.json` and dot-files.",
  cause:
    "Backup copies, temporary files or notes: opencode cuts five characters off any name and looks for that record.",
  remedy: "quarantine",
  unasked: true,
  advice: "Let it be set aside: opencode only minds where it lies.",
  issues: [7734],
  classes: ["A6"],
} satisfies Fault;
