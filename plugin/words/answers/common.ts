/** Sentences that more than one answer says: of the command line, the slash command, the agent's tool and the dialogs. */

export const NOTHING_CHANGED = "Nothing was changed.";

/** Follows what was not done, because nobody could be asked. */
export const ADD_YES = "Add --yes to do this.";

export const NO_STORAGE = "There is no opencode storage here.";

export const NO_SUCH_SESSION = "There is no session with this id.";

export const NOTHING_TO_UNDO = "There is nothing to undo.";

export const ALL_SHOWN = "shows every session that is here.";

/** The undo of a run would change the session in which the agent's tool was called. */
export const OF_THIS_SESSION = "That run changed this very session. Undo it with /repair undo or on the command line.";

export const UNDO_IN_LIST = "To undo: /repair, then the run in the list.";

export const REPAIR_UNDOES = "Nothing was deleted; /repair undoes it.";

export const STOPPED = "Stopped before the end. Nothing was changed.";

/** A bug of this tool. */
export const DEFECT = { title: "The repair hit a bug", rest: "Nothing was lost. Please report it." } as const;

/** A session, as the answer calls it, that has no record of its own and so no title. */
export const WITHOUT_RECORD = "without a record of its own";

export const UNTITLED = "Untitled session";

export function undoneBefore(runID: string): string {
  return `The run ${runID} was undone completely before.`;
}

/** The answer to words that name no session. */
export function noSessionNamed(words: readonly string[]): string {
  return `No session has "${words.join(" ")}" in its title or id.`;
}
