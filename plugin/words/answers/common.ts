/** Sentences that several front ends show: the command line, the slash command, the agent's tool and the dialogs. */

import { type ConfirmedFinding, failedVerb } from "../../model/finding.ts";
import { plural } from "../amounts.ts";

export const NOTHING_CHANGED = "Nothing was changed.";

export const NOTHING_FOUND_IN_READ = "No problem was found in the records that were read.";

export const STOPPED_AT_ONCE = `Stopped. ${NOTHING_CHANGED}`;

export const LOOKING_FOR_SESSIONS = "Looking for sessions …";

export const NOT_SHOWN_TITLE = "Sessions that are not shown";

export const FILE_EXISTS = "A file with that name exists already.";

export const QUARANTINE_EMPTY = "The quarantine is empty.";

export const REPAIR_CANNOT = "/repair cannot fix this problem.";

export const UNDO_THIS_RUN = "Undo this run?";

export const WHAT_TO_DO = "What to do:";

export const WHAT_IS_COMPLETED = "What is completed:";

export const ORIGINALS_ARE_IN = "The originals are in:";

/** The hint after a question that no person could answer, for example in a script. */
export const ADD_YES = "Add --yes to do this.";

export const NO_STORAGE = "There is no opencode storage here.";

export const NO_SUCH_SESSION = "There is no session with this id.";

export const NOTHING_TO_UNDO = "There is nothing to undo.";

export const ALL_SHOWN = "lists every session here that it can load.";

/** The refusal of an undo that would change the session in which the agent's tool was called. */
export const OF_THIS_SESSION =
  "That run changed the session that this tool runs in. Undo that run with /repair undo or on the command line.";

export const UNDO_IN_LIST = "To undo: /repair, then the run in the list.";

export const UNDONE_BY_REPAIR = "can be undone with /repair";

export const REPAIR_UNDOES = "Nothing was deleted. To undo: /repair.";

export const STOPPED = `Stopped before the end. ${NOTHING_CHANGED}`;

/** The message about a bug of this tool. */
export const DEFECT = { title: "The repair hit a bug", rest: "Nothing was lost. Please report this bug." } as const;

/** The name for a session that has no record of its own, and so no title. */
export const WITHOUT_RECORD = "without a record of its own";

export const UNTITLED = "Untitled session";

/** For example `2 records that opencode cannot load`. */
export function failingRecords(findings: readonly ConfirmedFinding[]): string {
  return `${plural(findings.length, "record")} that opencode cannot ${failedVerb(findings)}`;
}

export function toCorrect(command: string): string {
  return `To correct this: ${command}`;
}

/** The last line of a list that was cut. */
export function andMore(count: number): string {
  return `… and ${count.toLocaleString("en-US")} more`;
}

export function undoneBefore(runID: string): string {
  return `The run ${runID} was already undone completely.`;
}
