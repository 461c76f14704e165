import { hostLine } from "../hosts/store-line.ts";
import type { KnownStore } from "./known-stores.ts";

/** What the lists of a host leave out of sessions that are where they belong. */
export interface ListLimits {
  /** Sessions that the list of a terminal UI does not reach. */
  readonly beyond: number;
  /** How the list is cut off: 1.2-1.14 by age, 1.17 and newer by number. */
  readonly rule: "30 days" | "100 newest";
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** `GET /session?start=…` of the terminal UI of 1.2-1.14. */
const LISTED_DAYS = 30;
/** `GET /session?roots=true&limit=100` of the terminal UI of 1.17 and newer. */
const LISTED_ROOTS = 100;

/** How many sessions a terminal UI does not reach without a search. A pure function. */
export function listLimits({ sessions, opened }: KnownStore, nowMs: number): ListLimits {
  const roots = sessions.filter(({ hasRecord, parentID }) => hasRecord && parentID === null);
  if (hostLine(opened.description).listed === "30 days") {
    const old = roots.filter(({ updatedMs }) => (updatedMs ?? 0) < nowMs - LISTED_DAYS * DAY_MS);
    return { beyond: old.length, rule: "30 days" };
  }
  const counts = new Map<string | null, number>();
  for (const { projectID } of roots) counts.set(projectID, (counts.get(projectID) ?? 0) + 1);
  const beyond = [...counts.values()].reduce((sum, count) => sum + Math.max(0, count - LISTED_ROOTS), 0);
  return { beyond, rule: "100 newest" };
}
