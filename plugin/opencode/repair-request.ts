import type { ConfirmedFinding, Verdict } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { Trigger } from "../quarantine/manifest.ts";
import { isRunID } from "../quarantine/run-id.ts";
import type { Located } from "../stores/locate.ts";

/** The request of a user or of the agent, in the words that follow `/repair`. */
export type RepairRequest =
  | { readonly what: "repair" | "check"; readonly sessionID: string | null }
  | { readonly what: "undo"; readonly runID: string | null }
  | { readonly what: "runs" }
  | { readonly what: "help" };

/** Whether a text has the form of a session's id. */
export function isSessionID(text: string): boolean {
  return /^ses[A-Za-z0-9_-]+$/.test(text);
}

/** Reads the words after `/repair`. Unknown words are answered with the help text; nothing is guessed. */
export function readRequest(text: string): RepairRequest {
  const [first, second, ...rest] = text.trim().split(/\s+/).filter(Boolean);
  if (first === undefined) return { what: "repair", sessionID: null };
  if (rest.length > 0) return { what: "help" };
  if (isSessionID(first) && second === undefined) return { what: "repair", sessionID: first };
  switch (first) {
    case "check":
      if (second === undefined || isSessionID(second)) return { what: "check", sessionID: second ?? null };
      return { what: "help" };
    case "undo":
      if (second === undefined || isRunID(second)) return { what: "undo", runID: second ?? null };
      return { what: "help" };
    case "runs":
      return second === undefined ? { what: "runs" } : { what: "help" };
    default:
      return { what: "help" };
  }
}

/** Whether the words are one of the forms that the help text lists. */
export function isUnderstood(text: string): boolean {
  return readRequest(text).what !== "help" || text.trim() === "help";
}

export interface RequestContext {
  readonly files: FileSystem;
  /** The data directory, with only the store that the running opencode uses. */
  readonly located: Located;
  readonly hostVersion: string | null;
  readonly concurrency: number;
  readonly trigger: Trigger;
  /** A session that must not be changed, because the agent's tool runs in it. */
  readonly spare: string | null;
}

/** The answer to a request, in words and as data. It has ids, codes and counts, but no session content and no paths. */
export interface RequestAnswer {
  /** The result, in one sentence. */
  readonly headline: string;
  /** Further lines below the headline. */
  readonly details: readonly string[];
  readonly runID: string | null;
  readonly changedSessions: readonly string[];
  /** Findings that remain: blocking ones, and those that make the terminal UI close. */
  readonly remaining: readonly ConfirmedFinding[];
  /** The verdict of the last check in this request; `null` if no check was completed. */
  readonly verdict: Verdict | null;
}

export const HELP_ANSWER: RequestAnswer = {
  headline: "/repair opens sessions that opencode cannot load.",
  details: [
    "/repair              repair every session that opencode cannot load",
    "/repair SESSION_ID   repair one session",
    "/repair check        report the problems, change nothing",
    "/repair undo [RUN]   undo the newest run, or the run with this id",
    "/repair runs         list the repairs",
    "/repair help         this text",
  ],
  runID: null,
  changedSessions: [],
  remaining: [],
  verdict: null,
};
