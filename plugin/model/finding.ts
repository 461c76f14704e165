import type { Locator, RecordKind } from "./artifact.ts";
import type { ContentHash, Replacement } from "./replacement.ts";

/** `blocking`: because of this record, the opencode that loads the store fails on a request that loads sessions. */
export type Severity = "blocking" | "warning" | "info";

export type Remedy = "quarantine" | "recover" | "normalise" | "settle" | "report";

/** The actions of opencode 2.x that may fail because of a row. */
export type Stop = "session list" | "session" | "messages" | "prompts" | "project list" | "settings" | "import";

/** One problem that a check found, and its place. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly sessionID: string | null;
  readonly kind: RecordKind;
  readonly recordID: string | null;
  readonly locator: Locator;
  readonly remedy: Remedy;
  readonly evidence: string;
  /** The position of the store in the check's list of stores. */
  readonly store: number;
  /** The versions of opencode that fail on the record, if other versions that may load the store do not fail. */
  readonly hosts?: readonly string[];
  /** For a row that opencode 2.x reads: the actions of opencode that fail because of the row. */
  readonly stops?: readonly Stop[];
}

/** A finding with the data that a repair needs: the hash of the bytes that were checked, and a possible replacement. */
export interface ConfirmedFinding extends Finding {
  /** The time at which the record was last written, if the store shows it; milliseconds since 1970. */
  readonly writtenMs: number | null;
  readonly seen: ContentHash | null;
  /** The new content of the record, if the remedy replaces the content. */
  readonly replacement: Replacement | null;
  /**
   * A record that was rebuilt from other records, because opencode kept no copy. If the user asks for the repair, this
   * record replaces the damaged one. Otherwise the damaged record is quarantined.
   */
  readonly rebuilt?: Replacement;
  /**
   * `true` for a part, or a value of a session or project, that no rule completes, and for a copy of a session's file that
   * opencode lists but cannot open. If the user names the code of the problem, the record is quarantined. Without it, the
   * session opens.
   */
  readonly leavesIfNamed?: true;
  /**
   * Advice that replaces the catalogue's advice, because the command in the catalogue's advice is refused for this
   * database.
   */
  readonly advice?: string;
}

/**
 * Codes of warnings about records that a terminal UI cannot show. `/repair` also repairs records with these codes when
 * the user asks for it.
 */
export const FAILING_ON_SCREEN: readonly string[] = ["screen-fatal"];

/** Whether the server loads the record, but a terminal UI closes because of it. */
export function isOnScreen({ code }: Finding): boolean {
  return FAILING_ON_SCREEN.includes(code);
}

/**
 * Whether the running opencode cannot load or cannot show the record. Which records it cannot show depends on its
 * version.
 */
export function isFailingHere(finding: Finding): boolean {
  return finding.severity === "blocking" || isOnScreen(finding);
}

/** Codes of warnings and notes about records that opencode does not show: mostly, the record or its parent is missing. */
const MISSING: readonly string[] = [
  "lost-record",
  "lost-session-record",
  "lost-message-record",
  "message-without-role",
  "part-without-type",
  "orphans",
  "not-imported",
  "not-in-opencode-2",
  "incomplete-in-opencode-2",
];

/** Codes of records that could not be read, so that nothing is known about their content. */
const UNREAD: readonly string[] = ["access-denied", "unavailable", "database-unavailable", "no-room-for-copy"];

/** Whether the finding means that a record, or what contains it, could not be read. */
export function isUnread({ code, severity, evidence }: Finding): boolean {
  // A file in the place of a folder with sessions, messages or parts hides what was in that folder.
  if (code === "folder-is-file") return severity === "blocking";
  return UNREAD.includes(code) && !evidence.includes("may not be written");
}

/** Whether the finding means that records could not be read, although their store could be read. */
export function isUnreadRecord(finding: Finding): boolean {
  return isUnread(finding) && (finding.code === "access-denied" || finding.code === "unavailable");
}

/** Whether opencode does not show the record: it fails on the record, or the record or its parent is missing. */
export function isNotShown(finding: Finding): boolean {
  return isFailingHere(finding) || MISSING.includes(finding.code);
}

/** The verb for what opencode cannot do with these records, used in sentences about them. */
export function failedVerb(findings: readonly Finding[]): "load" | "load or show" {
  return findings.some(isOnScreen) ? "load or show" : "load";
}

/** The result of a check. `unread`: no problem was found, but some records were not read. */
export type Verdict = "healthy" | "damaged" | "unusable" | "unread";

/** The verdict of a check. With a `blocking` problem it is `damaged`. If a store cannot be opened, it is `unusable`. */
export function verdictOf(findings: readonly Finding[], { anyUnusable, anyUnread }: StoreStates): Verdict {
  if (anyUnusable) return "unusable";
  if (findings.some((finding) => finding.severity === "blocking")) return "damaged";
  return anyUnread ? "unread" : "healthy";
}

export interface StoreStates {
  readonly anyUnusable: boolean;
  /** Whether a store holds records that were not read, because this tool does not know their form. */
  readonly anyUnread: boolean;
}
