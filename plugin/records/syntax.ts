import type { PathSystem } from "../model/store-description.ts";
import { messageID, sessionID } from "./strict/values.ts";
import type { Description } from "./vocabulary.ts";

/** What opencode 1.14 requires of `session.model`. Earlier versions have no such column. */
export const sessionModel: Description = (is) => is.ifAny(is.object({ id: is.text, providerID: is.text }));

/**
 * The form of a session row that opencode 1.2 to 1.14 can use. Only the id must have a certain form, because opencode
 * refuses every request that names a session with another form of id.
 */
export const looseSessionRow: Description = (is) => is.object({ id: sessionID(is) });

/** What opencode requires of a project row when it starts to work in that project. */
export const projectRow: Description = (is) => is.object({ vcs: is.ifAny(is.oneOf("git")) });

/** What 1.2 and 1.3 require of a project's list of other worktrees: it must be a list, with any items. */
export const anyList: Description = (is) => is.listOf(is.anything);

/** What 1.3.2 to 1.15 require of that list: opencode looks up each of its paths. */
export const sandboxesOn =
  (system: PathSystem): Description =>
  (is) =>
    is.listOf(is.lookedUpPath(system, false));

/** What opencode requires of a session when it lists the session: a time. */
export const timedSession: Description = (is) => is.object({ time: is.something });

/**
 * What opencode 1.1 requires of a project file. `sandboxes` must be a list if it has a value, because opencode removes
 * missing folders from that list.
 */
export const projectFile: Description = (is) => is.object({ sandboxes: is.ifAny(is.listOf(is.anything)) });

/** What opencode 1.0.0 requires of a message file: an id inside, by which opencode looks for the message's parts. */
export const messageFile: Description = (is) => is.object({ id: messageID(is) });
