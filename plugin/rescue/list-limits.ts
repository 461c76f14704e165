import { hostLine } from "../hosts/store-line.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import type { KnownStore } from "./known-stores.ts";

/** What the lists of a host leave out, although the sessions are where they belong. */
export interface ListLimits {
  /** Sessions that no list of a terminal UI shows, from any folder. */
  readonly beyond: number;
  /** How the list is limited: in 1.2-1.14 by age, in 1.17 and newer by number. */
  readonly rule: "30 days" | "100 newest";
  /**
   * Sessions that the list of the web and Desktop apps does not show at first. It shows 55 of a folder (1.17 and
   * newer).
   */
  readonly beyondWeb: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** The limit of `GET /session?start=…`, which the terminal UI of 1.2-1.14 sends. */
const LISTED_DAYS = 30;
/** The limit of `GET /session?roots=true&limit=100`, which the terminal UI of 1.17 and newer sends. */
const LISTED_ROOTS = 100;
/** The limit of `GET /session?directory=…&roots=true&limit=55`, which the web and Desktop apps send. */
const LISTED_ON_WEB = 55;

/** How many sessions the lists do not show without a search. A pure function. */
export function listLimits({ sessions, opened }: Pick<KnownStore, "sessions" | "opened">, nowMs: number): ListLimits {
  const roots = sessions.filter(({ hasRecord, parentID }) => hasRecord && parentID === null);
  if (hostLine(opened.description).listed === "30 days") {
    const old = roots.filter(({ updatedMs }) => (updatedMs ?? 0) < nowMs - LISTED_DAYS * DAY_MS);
    return { beyond: old.length, rule: "30 days", beyondWeb: 0 };
  }
  const newestFirst = [...roots].sort((a, b) => (b.updatedMs ?? 0) - (a.updatedMs ?? 0));
  const onWeb = newestFirst.filter(({ archivedMs }) => archivedMs === null);
  return {
    beyond: beyond(newestFirst, LISTED_ROOTS, above),
    rule: "100 newest",
    beyondWeb: beyond(onWeb, LISTED_ON_WEB, ({ projectID, directory }) => [JSON.stringify([projectID, directory])]),
  };
}

/**
 * How many sessions are in no list, if each list holds that many of the newest. `listsOf` returns the lists of a
 * session, the one of its own folder first.
 */
function beyond(
  newestFirst: readonly SessionFacts[],
  most: number,
  listsOf: (session: SessionFacts) => readonly string[],
): number {
  const counts = new Map<string, number>();
  let count = 0;
  for (const session of newestFirst) {
    const lists = listsOf(session);
    if (lists.every((list) => (counts.get(list) ?? 0) >= most)) count += 1;
    for (const list of lists) counts.set(list, (counts.get(list) ?? 0) + 1);
  }
  return count;
}

/**
 * The lists of a terminal UI that contain a session: that of its folder, and of each folder above it up to the git
 * worktree.
 */
function above({ projectID, path }: SessionFacts): string[] {
  const names = (path ?? "").split("/").filter(Boolean);
  return Array.from({ length: names.length + 1 }, (_, dropped) =>
    JSON.stringify([projectID, ...names.slice(0, names.length - dropped)]),
  );
}
