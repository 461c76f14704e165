import { messageID, sessionID } from "./strict/values.ts";
import type { Description } from "./vocabulary.ts";

/** What opencode 1.14 asks of `session.model`; earlier lines have no such column. */
export const sessionModel: Description = (is) => is.ifAny(is.object({ id: is.text, providerID: is.text }));

/** The only column of a session row that opencode 1.2 to 1.14 look into: no request can name another id. */
export const sessionRow: Description = (is) => is.object({ id: sessionID(is) });

/** Read when opencode starts to work in a project. */
export const projectRow: Description = (is) => is.object({ vcs: is.ifAny(is.oneOf("git")) });

/** 1.2 and 1.3 filter the list of a project's other worktrees, whatever is in it; 1.14 looks for each folder. */
export const anyList: Description = (is) => is.listOf(is.anything);
export const sandboxes: Description = (is) => is.listOf(is.text);

/** opencode looks into the time of a session to list it. */
export const timedSession: Description = (is) => is.object({ time: is.something });

/** opencode 1.1 drops folders from a project's list of worktrees that are no longer there. */
export const projectFile: Description = (is) => is.object({ sandboxes: is.ifAny(is.listOf(is.anything)) });

/** opencode 1.0.0 looks for the parts of a message under the id inside its file. */
export const messageFile: Description = (is) => is.object({ id: messageID(is) });
