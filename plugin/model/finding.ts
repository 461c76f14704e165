import type { Locator, RecordKind } from "./artifact.ts";
import type { ContentHash, Replacement } from "./replacement.ts";

/** `blocking`: because of this record, a request that loads sessions fails in the host of the store. */
export type Severity = "blocking" | "warning" | "info";

export type Remedy = "quarantine" | "recover" | "normalise" | "settle" | "report";

/** An action of opencode 2.x that fails because of a row. */
export type Stop = "session list" | "session" | "messages" | "prompts" | "project list" | "settings" | "import";

/** One diagnosed fault and its place. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly sessionID: string | null;
  readonly kind: RecordKind;
  readonly recordID: string | null;
  readonly locator: Locator;
  readonly remedy: Remedy;
  readonly evidence: string;
  /** Index into the check's list of stores. */
  readonly store: number;
  /** The versions of opencode that fail on the record, if not all that may load the store do. */
  readonly hosts?: readonly string[];
  /** For a row that opencode 2.x reads: the actions that fail because of it. */
  readonly stops?: readonly Stop[];
}

/** A finding with the data that a repair needs: the bytes that were checked, and their possible replacement. */
export interface ConfirmedFinding extends Finding {
  /** The time at which the record was last written, if the store shows it; milliseconds since 1970. */
  readonly writtenMs: number | null;
  readonly seen: ContentHash | null;
  /** The replacement, if the remedy uses one. */
  readonly replacement: Replacement | null;
  /**
   * A rebuilt record that is used instead of quarantine. opencode did not record it. The rebuilt record is used only if
   * the user asks for the repair.
   */
  readonly rebuilt?: Replacement;
  /**
   * No rule completes this part. If the user names the code of the fault, the part is quarantined, and the session
   * opens without it.
   */
  readonly leavesIfNamed?: true;
  /** Another advice, because the catalogue's advice is refused for this database. */
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
 * Whether the running opencode cannot load or cannot show the record. The version of opencode decides which screen
 * problems are found.
 */
export function isFailingHere(finding: Finding): boolean {
  return finding.severity === "blocking" || isOnScreen(finding);
}

/** The verb for the action that fails in opencode on the records of these findings. */
export function failedVerb(findings: readonly Finding[]): "load" | "load or show" {
  return findings.some(isOnScreen) ? "load or show" : "load";
}

/** `unread`: no problem was found, but some records were not read. */
export type Verdict = "healthy" | "damaged" | "unusable" | "unread";

/** Blocking findings make a store damaged. A store that cannot be opened gives the verdict `unusable`. */
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
