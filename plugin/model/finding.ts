import type { Locator, RecordKind } from "./artifact.ts";
import type { ContentHash, Replacement } from "./replacement.ts";

/** `blocking`: the host of the store fails on its load path because of it. */
export type Severity = "blocking" | "warning" | "info";

export type Remedy = "quarantine" | "recover" | "normalise" | "settle" | "report";

/** What a row of 2.x keeps opencode 2.x from. */
export type Stop = "session list" | "session" | "messages" | "prompts" | "project list" | "settings" | "import";

/** One diagnosed fault at its place. */
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
  /** The versions of opencode that fail on it, where that is not every one that may load the store. */
  readonly hosts?: readonly string[];
  /** Of a row that opencode 2.x reads: what it cannot do because of it. */
  readonly stops?: readonly Stop[];
}

/** A finding with what a repair needs to know: the bytes that were judged, and what could take their place. */
export interface ConfirmedFinding extends Finding {
  /** When the record was last written, as far as the store tells; milliseconds since 1970. */
  readonly writtenMs: number | null;
  readonly seen: ContentHash | null;
  /** Where the remedy puts something in its place. */
  readonly replacement: Replacement | null;
  /** Instead of quarantine: a record that was rebuilt, not recorded by opencode. Used only if the user asks for the repair. */
  readonly rebuilt?: Replacement;
  /** In place of what the catalogue advises, where that is refused for the database at hand. */
  readonly advice?: string;
}

/** Codes of warnings that keep a terminal UI from showing a session: `/repair` repairs them too, once it is asked. */
export const FAILING_ON_SCREEN: readonly string[] = ["screen-fatal"];

/** Whether the server loads the record, and a terminal UI ends on it. */
export function isOnScreen({ code }: Finding): boolean {
  return FAILING_ON_SCREEN.includes(code);
}

/** Whether the opencode that asks cannot load or cannot show the record; its version decides what is found on the screen. */
export function isFailingHere(finding: Finding): boolean {
  return finding.severity === "blocking" || isOnScreen(finding);
}

/** What opencode cannot do with the records of findings. */
export function failedVerb(findings: readonly Finding[]): "load" | "load or show" {
  return findings.some(isOnScreen) ? "load or show" : "load";
}

/** `unread`: nothing was found, and there are records that were not read. */
export type Verdict = "healthy" | "damaged" | "unusable" | "unread";

/** Blocking findings make a store damaged; one that cannot be opened makes the answer `unusable`. */
export function verdictOf(findings: readonly Finding[], { anyUnusable, anyUnread }: StoreStates): Verdict {
  if (anyUnusable) return "unusable";
  if (findings.some((finding) => finding.severity === "blocking")) return "damaged";
  return anyUnread ? "unread" : "healthy";
}

export interface StoreStates {
  readonly anyUnusable: boolean;
  /** Whether a store holds records that were not read, since this tool does not know them. */
  readonly anyUnread: boolean;
}
