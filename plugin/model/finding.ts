import type { Locator, RecordKind } from "./artifact.ts";
import type { ContentHash, Replacement } from "./replacement.ts";

/** `blocking`: this record makes the host of the store fail on its load path. */
export type Severity = "blocking" | "warning" | "info";

export type Remedy = "quarantine" | "recover" | "normalise" | "settle" | "report";

/** What a row of 2.x stops opencode 2.x from doing. */
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
  /** The versions of opencode that fail on it, if not all that may load the store do. */
  readonly hosts?: readonly string[];
  /** For a row that opencode 2.x reads: what fails because of it. */
  readonly stops?: readonly Stop[];
}

/** A finding with what a repair needs: the bytes that were examined, and their possible replacement. */
export interface ConfirmedFinding extends Finding {
  /** When the record was last written, if the store shows it; milliseconds since 1970. */
  readonly writtenMs: number | null;
  readonly seen: ContentHash | null;
  /** The replacement, if the remedy uses one. */
  readonly replacement: Replacement | null;
  /**
   * A rebuilt record (not recorded by opencode) that is used instead of quarantine. Only if the user asks for the
   * repair.
   */
  readonly rebuilt?: Replacement;
  /** No rule completes this part. It leaves its session, and goes to quarantine, if the user names its fault. */
  readonly leavesIfNamed?: true;
  /** Replaces the catalogue's advice if that is refused for this database. */
  readonly advice?: string;
}

/** Codes of warnings that keep a terminal UI from showing a session. `/repair` also repairs these when it is asked. */
export const FAILING_ON_SCREEN: readonly string[] = ["screen-fatal"];

/** Whether the server loads the record but a terminal UI crashes on it. */
export function isOnScreen({ code }: Finding): boolean {
  return FAILING_ON_SCREEN.includes(code);
}

/**
 * Whether the opencode that asks cannot load or cannot show the record. Its version decides which screen problems are
 * found.
 */
export function isFailingHere(finding: Finding): boolean {
  return finding.severity === "blocking" || isOnScreen(finding);
}

/** The verb for what opencode cannot do with the records of findings. */
export function failedVerb(findings: readonly Finding[]): "load" | "load or show" {
  return findings.some(isOnScreen) ? "load or show" : "load";
}

/** `unread`: no problem was found, but some records were not read. */
export type Verdict = "healthy" | "damaged" | "unusable" | "unread";

/** Blocking findings make a store damaged. A store that cannot be opened makes the result `unusable`. */
export function verdictOf(findings: readonly Finding[], { anyUnusable, anyUnread }: StoreStates): Verdict {
  if (anyUnusable) return "unusable";
  if (findings.some((finding) => finding.severity === "blocking")) return "damaged";
  return anyUnread ? "unread" : "healthy";
}

export interface StoreStates {
  readonly anyUnusable: boolean;
  /** Whether a store holds records that were not read, because this tool does not know them. */
  readonly anyUnread: boolean;
}
