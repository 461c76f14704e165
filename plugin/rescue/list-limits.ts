import { hostLine } from "../hosts/store-line.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import type { KnownStore } from "./known-stores.ts";

/**
 * How many sessions opencode leaves out of its lists only because a session is too old, or because a list has a largest
 * length.
 */
export interface ListLimits {
  /** How many sessions no list of the terminal UI shows, whatever the folder. */
  readonly beyond: number;
  /** How the list of the terminal UI is limited: by age in 1.2-1.14, by number in 1.17 and newer. */
  readonly rule: "30 days" | "100 newest";
  /**
   * How many sessions the list of the web and Desktop apps does not show at first. That list starts with 55 sessions of
   * a folder (measured in 1.14.41 and 1.18.33). 1.2 and 1.3 load the newest web app, so the limit applies to them too.
   */
  readonly beyondWeb: number;
  /**
   * The address, without host and port, at which the web app opens the newest session that its list leaves out; `null`
   * if there is no such session.
   */
  readonly webAddress: string | null;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** The terminal UI of 1.2-1.14 sends `GET /session?start=…` with a start time that is this many days ago. */
const LISTED_DAYS = 30;
/** The terminal UI of 1.17 and newer sends `GET /session?roots=true&limit=100`. */
const LISTED_ROOTS = 100;
/** The web and Desktop apps send `GET /session?directory=…&roots=true&limit=55`. */
const LISTED_ON_WEB = 55;

/** Counts the sessions that opencode's lists do not show without a search. A pure function. */
export function listLimits({ sessions, opened }: Pick<KnownStore, "sessions" | "opened">, nowMs: number): ListLimits {
  const roots = sessions.filter(({ hasRecord, parentID }) => hasRecord && parentID === null);
  const newestFirst = [...roots].sort((a, b) => (b.updatedMs ?? 0) - (a.updatedMs ?? 0));
  const shownOnWeb = newestFirst.filter(({ archivedMs }) => archivedMs === null);
  const onWeb = beyond(shownOnWeb, LISTED_ON_WEB, ({ projectID, directory }) => [
    JSON.stringify([projectID, directory]),
  ]);
  const web = { beyondWeb: onWeb.length, webAddress: onWeb[0] === undefined ? null : webAddress(onWeb[0]) };
  if (hostLine(opened.description).listed === "30 days") {
    const old = roots.filter((facts) => isTooOld({ opened }, facts, nowMs));
    return { beyond: old.length, rule: "30 days", ...web };
  }
  return { beyond: beyond(newestFirst, LISTED_ROOTS, above).length, rule: "100 newest", ...web };
}

/** Whether the terminal UI leaves out a session in every folder because of its age. */
export function isTooOld({ opened }: Pick<KnownStore, "opened">, { updatedMs }: SessionFacts, nowMs: number): boolean {
  return hostLine(opened.description).listed === "30 days" && (updatedMs ?? 0) < nowMs - LISTED_DAYS * DAY_MS;
}

/** The path under which the web app opens a session; `null` if the folder of the session is unknown. */
function webAddress({ id, directory }: SessionFacts): string | null {
  return directory === null ? null : `/${Buffer.from(directory, "utf8").toString("base64url")}/session/${id}`;
}

/**
 * The sessions that are in no list, if each list shows only the `most` newest of its sessions. `listsOf` names the
 * lists to which a session belongs.
 */
function beyond(
  newestFirst: readonly SessionFacts[],
  most: number,
  listsOf: (session: SessionFacts) => readonly string[],
): SessionFacts[] {
  const counts = new Map<string, number>();
  const found: SessionFacts[] = [];
  for (const session of newestFirst) {
    const lists = listsOf(session);
    if (lists.every((list) => (counts.get(list) ?? 0) >= most)) found.push(session);
    for (const list of lists) counts.set(list, (counts.get(list) ?? 0) + 1);
  }
  return found;
}

/**
 * The lists of the terminal UI to which a session belongs. There is one for its folder, and one for each folder above
 * it up to the git worktree.
 */
function above({ projectID, path }: SessionFacts): string[] {
  const names = (path ?? "").split("/").filter(Boolean);
  return Array.from({ length: names.length + 1 }, (_, dropped) =>
    JSON.stringify([projectID, ...names.slice(0, names.length - dropped)]),
  );
}
