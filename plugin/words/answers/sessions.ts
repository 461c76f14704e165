import { WHY } from "../../rescue/choices.ts";
import type { Cause } from "../../rescue/hidden.ts";
import type { SessionFacts } from "../../stores/conversation.ts";
import { plural } from "../amounts.ts";
import { clipped, columns, padded, printable } from "../text-layout.ts";
import { minuteText } from "../times.ts";
import { UNTITLED, WITHOUT_RECORD } from "./common.ts";
import type { Screen } from "./screen.ts";

/** The names of sessions on a screen, by id; empty if no person reads the answer. */
export type SessionNames = ReadonlyMap<string, Pick<SessionFacts, "title" | "updatedMs">>;

/**
 * The lines that name a session: title, day and id, on as many lines as the width needs. A session without a title is
 * named by its id only.
 */
export function sessionLines(
  sessionID: string,
  names: SessionNames,
  { width, style, ellipsis }: Pick<Screen, "width" | "style" | "ellipsis">,
  indent = "  ",
): string[] {
  const known = names.get(sessionID);
  if (known === undefined) return [`${indent}${style("bold", printable(sessionID))}`];
  const title = known.title === null || known.title.trim() === "" ? UNTITLED : printable(known.title);
  const when = known.updatedMs === null ? [] : [minuteText(known.updatedMs)];
  const facts = [...when, printable(sessionID)].join(" · ");
  const room = width - indent.length;
  const rest = room - columns(facts) - 3;
  if (rest >= 20) return [`${indent}${style("bold", clipped(title, rest, ellipsis))}   ${style("dim", facts)}`];
  return [`${indent}${style("bold", clipped(title, room, ellipsis))}`, `${indent}${style("dim", facts)}`];
}

/** The note about errors that belong to no session: errors of the database itself, of a project or of a folder. */
export function errorsOutside(count: number): string {
  return `${plural(count, "error")} outside these sessions: opencode may show none of these sessions.`;
}

export const NOT_ALL_READ = "Not everything here could be read: sessions may be missing from this list.";

/** A session in the list of `sessions`. */
export interface ListedSession {
  readonly sessionID: string;
  readonly title: string | null;
  readonly directory: string | null;
  readonly parentID: string | null;
  /** Milliseconds since the epoch. */
  readonly createdMs: number | null;
  readonly updatedMs: number | null;
  readonly isArchived: boolean;
  readonly database?: string;
  /** `unchecked`: the session is in a store that was not checked, or not checked to the end. */
  readonly state: "healthy" | "warnings" | "damaged" | "unchecked";
  readonly errors: number;
  readonly warnings: number;
  /** The reason why opencode does not show the session; `null` if it does, or if that is unknown. */
  readonly cause: Cause | null;
}

const SHORTEST_ID = "ses_".length + 8;

/** One line for each session: date, state, the shortest beginning of its id that identifies it, and its title. */
export function sessionListLines(sessions: readonly ListedSession[], screen: Screen): string[] {
  const ids = sessions.map(({ sessionID }) => sessionID);
  const length = screen.isScreen ? distinctLength(ids) : Number.POSITIVE_INFINITY;
  return sessions.map((session) => {
    const id = printable(session.sessionID).slice(0, length);
    const date = padded(session.updatedMs === null ? "" : minuteText(session.updatedMs), "2026-11-24 09:05".length);
    const title = session.title === null ? WITHOUT_RECORD : session.title || UNTITLED;
    const state = stateText(session);
    if (!screen.isScreen) return [date, id, printable(title).replaceAll("\n", " "), state].join("  ").trimEnd();
    const sign = session.errors > 0 ? screen.style("red", "✗") : state === "" ? screen.style("green", "✓") : "·";
    const head = `${date}  ${id}`;
    const colour = session.errors > 0 ? "red" : "yellow";
    const isNarrow = screen.width < NARROWEST_ROW;
    // On a console without Unicode, the sign before a session takes two columns.
    const room = screen.width - 3 - (isNarrow ? 0 : columns(head) + 2);
    const shownTitle = clipped(title, Math.max(room - columns(state) - 3, Math.ceil(room / 2)), screen.ellipsis);
    const rest = room - columns(shownTitle) - 3;
    const shownState =
      state === "" || rest < 6 ? "" : ` · ${screen.style(colour, clipped(state, rest, screen.ellipsis))}`;
    const facts = `${shownTitle}${shownState}`;
    return isNarrow
      ? `${sign} ${screen.style("dim", clipped(head, screen.width - 3, screen.ellipsis))}\n   ${facts}`
      : `${sign} ${screen.style("dim", head)}  ${facts}`;
  });
}

/** On a screen with fewer columns than this, each session takes two lines. */
const NARROWEST_ROW = 64;

function stateText({ state, errors, warnings, cause, parentID, isArchived }: ListedSession): string {
  const words = [
    ...(errors > 0 ? [plural(errors, "error")] : []),
    ...(errors === 0 && warnings > 0 ? [plural(warnings, "warning")] : []),
    ...(cause === null || cause === "archived" ? [] : [`not shown: ${WHY[cause]}`]),
    ...(isArchived ? [WHY.archived] : []),
    ...(state === "unchecked" ? ["not checked"] : []),
    ...(parentID === null ? [] : ["of a subagent"]),
  ];
  return words.join(", ");
}

/** How many characters of each id must be shown so that no two of these ids look the same. */
function distinctLength(ids: readonly string[]): number {
  for (let length = SHORTEST_ID; ; length += 1) {
    const begun = new Set(ids.map((id) => id.slice(0, length)));
    if (begun.size === new Set(ids).size || ids.every((id) => id.length <= length)) return length;
  }
}
