import { LOST_RECORD, LOST_SESSION } from "../faults/missing-records.ts";
import { plural } from "../words/amounts.ts";
import type { Cause, HiddenSession, PartlyShownSession } from "./hidden.ts";
import type { IncompleteSession } from "./incomplete.ts";

/** What a rescue can do for a session that opencode does not show. */
export type RescueAction =
  /**
   * The right place of the session is known, so the rescue needs no further answer. `parentID` is the session that
   * started this session, if only another store has it. The rescue adds that session too, because this session would
   * otherwise lose its parent.
   */
  | { readonly kind: "certain"; readonly parentID?: string }
  /** Only the user knows where the session's folder is now. `candidates` are folders that are likely. */
  | { readonly kind: "folder"; readonly from: string; readonly candidates: readonly string[] }
  /**
   * The command `repair` can rebuild the missing record. `sessionID` is this session, or the session that started it.
   */
  | { readonly kind: "repair"; readonly sessionID: string };

/** A session that the user can choose in a list, and what the rescue then does for the session. */
export interface RescueChoice {
  readonly sessionID: string;
  readonly title: string | null;
  readonly updatedMs: number | null;
  readonly directory: string | null;
  /** The number of messages in the session; `null` if they were not counted. */
  readonly messages: number | null;
  /** Why opencode does not show the session, and where it will be shown after the rescue. */
  readonly why: string;
  readonly action: RescueAction;
  /**
   * Whether the session is included if the user asks for all sessions. `false` if the session was archived or may have
   * been deleted on purpose.
   */
  readonly isSuggested: boolean;
}

/** The lists that `rescue` shows. The JSON answer has the same fields. */
export interface RescueLists {
  readonly target: string;
  readonly hidden: readonly HiddenSession[];
  readonly partlyShown: readonly PartlyShownSession[];
  readonly incomplete: readonly IncompleteSession[];
}

/** The session ids that a request must name to carry out these choices. */
export function namedBy(choices: readonly Pick<RescueChoice, "sessionID" | "action">[]): string[] {
  const named = choices.flatMap(({ sessionID, action }) =>
    action.kind === "certain" && action.parentID !== undefined ? [sessionID, action.parentID] : [sessionID],
  );
  return [...new Set(named)];
}

/** The reason why a session is hidden, as a short text for a list. */
export const WHY: Readonly<Record<Cause, string>> = {
  legacy: "only in the old JSON storage",
  "other-database": "only in another database",
  "put-aside": "only in a copy of the database: it may have been deleted since",
  moved: "its folder is gone",
  "project-changed": "its folder belongs to another project now",
  "parent-missing": "the session that it was started from is gone",
  "record-missing": "its own record is gone",
  archived: "archived",
};

/**
 * Every session that the user can choose. The newest sessions come first, archived sessions come last. A pure function.
 */
export function rescueChoices({ target, hidden, partlyShown, incomplete }: RescueLists): RescueChoice[] {
  const isSuggested = (session: HiddenSession) =>
    !isArchived(session) && session.cause !== "put-aside" && actionFor(session).kind === "certain";
  const suggested = new Set(hidden.filter(isSuggested).map(({ sessionID }) => sessionID));
  const sessions = [...hidden, ...partlyShown].map((session) => ({
    ...facts(session),
    why: `${whyText(session)}${placeText(session, target)}`,
    action: actionFor(session),
    isSuggested:
      isSuggested(session) && (session.parentElsewhere === undefined || suggested.has(session.parentElsewhere)),
    isLast: isArchived(session),
  }));
  const more = incomplete.map(({ sessionID, title, messages, more: count, isContained }) => ({
    ...{ sessionID, title, messages, updatedMs: null, directory: null, isLast: false },
    why: `another store has ${plural(count, "more message")} → ${isContained ? target : "a session of its own"}`,
    action: { kind: "certain" } as const,
    // If the target has some messages of the session, the user may have removed the others on purpose. Then the session
    // is not suggested.
    isSuggested: messages === 0,
  }));
  return [...sessions, ...more]
    .sort((a, b) => Number(a.isLast) - Number(b.isLast) || (b.updatedMs ?? 0) - (a.updatedMs ?? 0))
    .map(({ isLast: _isLast, ...choice }) => choice);
}

/**
 * The arguments for the command `repair` that restores the records of these sessions. The problem has one code if
 * opencode's log has the record, and another code if it must be rebuilt. Both codes are named.
 */
export function recordRepair(sessionIDs: readonly string[]): string[] {
  const codes = [LOST_RECORD.code, LOST_SESSION.code].flatMap((code) => ["--only", code]);
  return ["repair", ...new Set(sessionIDs), ...codes];
}

function facts({ sessionID, title, updatedMs, directory, messages }: HiddenSession) {
  return { sessionID, title, updatedMs, directory, messages: messages ?? null };
}

function whyText(session: HiddenSession | PartlyShownSession): string {
  const { cause, parentElsewhere, isArchived: isToo } = session;
  const why =
    parentElsewhere !== undefined
      ? `started from ${parentElsewhere}, which comes with it`
      : "shownFrom" in session
        ? "the web and Desktop apps do not list it"
        : WHY[cause];
  return isToo === true ? `${why}, archived` : why;
}

function isArchived({ cause, isArchived: isToo }: HiddenSession): boolean {
  return cause === "archived" || isToo === true;
}

function placeText({ cause, target, candidates = [] }: HiddenSession, database: string): string {
  if (cause === "legacy" || cause === "other-database" || cause === "put-aside") return ` → ${database}`;
  if (target != null) return ` → ${target.directory}`;
  if (cause !== "moved" && cause !== "project-changed") return "";
  const [only, another] = candidates;
  if (only === undefined) return "; you say where it is now";
  return another === undefined ? ` → ${only}?` : `; it may be in ${candidates.length} places`;
}

function actionFor(session: HiddenSession): RescueAction {
  const { cause, target, directory, candidates = [], withoutRecord, parentElsewhere } = session;
  if (withoutRecord !== undefined) return { kind: "repair", sessionID: withoutRecord };
  const isPlaced = cause === "moved" || cause === "project-changed";
  if (isPlaced && target == null && directory !== null) return { kind: "folder", from: directory, candidates };
  return { kind: "certain", ...(parentElsewhere !== undefined && { parentID: parentElsewhere }) };
}
