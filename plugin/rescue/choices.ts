import { LOST_RECORD, LOST_SESSION } from "../faults/missing-records.ts";
import { plural } from "../plural.ts";
import type { Cause, HiddenSession, PartlyShownSession } from "./hidden.ts";
import type { IncompleteSession } from "./incomplete.ts";

/** What would be done for a session that opencode does not show. */
export type RescueAction =
  /** Its place is known: it is brought in, corrected, or taken out of the archive. */
  | { readonly kind: "certain" }
  /** The user says where its folder is now; `candidates` are folders where it may be. */
  | { readonly kind: "folder"; readonly from: string; readonly candidates: readonly string[] }
  /** A repair of this session makes the record that is missing: its own, or that of the session it was started from. */
  | { readonly kind: "repair"; readonly sessionID: string };

/** A session that the user may choose, and what happens then. */
export interface RescueChoice {
  readonly sessionID: string;
  readonly title: string | null;
  readonly updatedMs: number | null;
  readonly directory: string | null;
  /** How many messages it has; `null` where they were not counted. */
  readonly messages: number | null;
  /** Why it is not shown, and where it goes. */
  readonly why: string;
  readonly action: RescueAction;
  /** Whether it is brought back where the user asks for all: nobody archived it, or may have deleted it. */
  readonly isSuggested: boolean;
}

/** What the lists of `rescue` say; its JSON has the same fields. */
export interface RescueLists {
  readonly target: string;
  readonly hidden: readonly HiddenSession[];
  readonly partlyShown: readonly PartlyShownSession[];
  readonly incomplete: readonly IncompleteSession[];
}

const WHY: Readonly<Record<Cause, string>> = {
  legacy: "only in the old JSON storage",
  "other-database": "only in another database",
  "put-aside": "only in a copy of the database: it may have been deleted since",
  moved: "its folder is gone",
  "project-changed": "its folder belongs to another project now",
  "parent-missing": "the session that it was started from is gone",
  "record-missing": "its own record is gone",
  archived: "archived",
};

/** Every session that the user may choose, the newest first and archived ones last. A pure function. */
export function rescueChoices({ target, hidden, partlyShown, incomplete }: RescueLists): RescueChoice[] {
  const sessions = [...hidden, ...partlyShown].map((session) => ({
    ...facts(session),
    why: `${"shownFrom" in session ? "the web and Desktop apps do not list it" : WHY[session.cause]}${placeText(session, target)}`,
    action: actionFor(session),
    isSuggested: session.cause !== "archived" && session.cause !== "put-aside" && actionFor(session).kind === "certain",
    isLast: session.cause === "archived",
  }));
  const more = incomplete.map(({ sessionID, title, messages, more: count, isContained }) => ({
    ...{ sessionID, title, messages, updatedMs: null, directory: null, isLast: false },
    why: `another store has ${plural(count, "more message")} → ${isContained ? target : "a session of its own"}`,
    action: { kind: "certain" } as const,
    // Only where nothing of it is here it was not shortened on purpose.
    isSuggested: messages === 0,
  }));
  return [...sessions, ...more]
    .sort((a, b) => Number(a.isLast) - Number(b.isLast) || (b.updatedMs ?? 0) - (a.updatedMs ?? 0))
    .map(({ isLast: _isLast, ...choice }) => choice);
}

/**
 * The arguments of the `repair` that gives these sessions their record again. The newest copy in opencode's log is a
 * finding of its own code, and is looked for in every database where the session is named.
 */
export function recordRepair(sessionIDs: readonly string[]): string[] {
  const codes = [LOST_RECORD.code, LOST_SESSION.code].flatMap((code) => ["--only", code]);
  return ["repair", ...new Set(sessionIDs), ...codes];
}

function facts({ sessionID, title, updatedMs, directory, messages }: HiddenSession) {
  return { sessionID, title, updatedMs, directory, messages: messages ?? null };
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
  const { cause, target, directory, candidates = [], withoutRecord } = session;
  if (withoutRecord !== undefined) return { kind: "repair", sessionID: withoutRecord };
  const isPlaced = cause === "moved" || cause === "project-changed";
  if (isPlaced && target == null && directory !== null) return { kind: "folder", from: directory, candidates };
  return { kind: "certain" };
}
