import { messageID, sessionID } from "./strict/values.ts";
import type { Description } from "./vocabulary.ts";

/** The requirement of opencode 1.14 for `session.model`; earlier lines have no such column. */
export const sessionModel: Description = (is) => is.ifAny(is.object({ id: is.text, providerID: is.text }));

/** The only column of a session row that opencode 1.2 to 1.14 check: no request can name another id. */
export const sessionRow: Description = (is) => is.object({ id: sessionID(is) });

/** opencode reads this record when it starts to work in a project. */
export const projectRow: Description = (is) => is.object({ vcs: is.ifAny(is.oneOf("git")) });

/**
 * 1.2 and 1.3 filter the list of a project's other worktrees, whatever the list contains; 1.14 looks for each folder.
 */
export const anyList: Description = (is) => is.listOf(is.anything);
export const sandboxes: Description = (is) => is.listOf(is.text);

/** opencode reads the time of a session to list the session. */
export const timedSession: Description = (is) => is.object({ time: is.something });

/** opencode 1.1 removes missing folders from a project's list of worktrees. */
export const projectFile: Description = (is) => is.object({ sandboxes: is.ifAny(is.listOf(is.anything)) });

/** opencode 1.0.0 looks for the parts of a message under the id inside the message's file. */
export const messageFile: Description = (is) => is.object({ id: messageID(is) });
