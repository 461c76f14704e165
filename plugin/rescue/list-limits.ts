import { hostLine } from "../hosts/store-line.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import type { KnownStore } from "./known-stores.ts";

/** The sessions that the lists of a host leave out, although these sessions are in the right place. */
export interface ListLimits {
  /** Sessions that no list of a terminal UI shows, from any folder. */
  readonly beyond: number;
  /** The limit of a list: in 1.2-1.14 an age, in 1.17 and newer a number. */
  readonly rule: "30 days" | "100 newest";
  /**
   * Sessions that the list of the web and Desktop apps does not show at first. That list shows 55 sessions of a folder
   * (measured in 1.14.41 and 1.18.33; 1.2 and 1.3 load the present app from the web).
   */
  readonly beyondWeb: number;
  /**
   * The address, without the host, at which the web app opens the newest of these sessions; `null` if there is none.
   */
  readonly webAddress: string | null;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** The limit of `GET /session?start=…`, which the terminal UI of 1.2-1.14 sends. */
const LISTED_DAYS = 30;
/** The limit of `GET /session?roots=true&limit=100`, which the terminal UI of 1.17 and newer sends. */
const LISTED_ROOTS = 100;
/** The limit of `GET /session?directory=…&roots=true&limit=55`, which the web and Desktop apps send. */
const LISTED_ON_WEB = 55;

/** The number of sessions that the lists do not show without a search. A pure function. */
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

/** Whether the list of a terminal UI leaves a session out by its age, from every folder. */
export function isTooOld({ opened }: Pick<KnownStore, "opened">, { updatedMs }: SessionFacts, nowMs: number): boolean {
  return hostLine(opened.description).listed === "30 days" && (updatedMs ?? 0) < nowMs - LISTED_DAYS * DAY_MS;
}

/** Where the web app opens a session, after the host and port. `null` if the session states no folder. */
function webAddress({ id, directory }: SessionFacts): string | null {
  return directory === null ? null : `/${Buffer.from(directory, "utf8").toString("base64url")}/session/${id}`;
}

/**
 * The sessions that are in no list, if each list holds that many of the newest sessions. `listsOf` returns the lists of
 * a session, the one of its own folder first.
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
 * The lists of a terminal UI that contain a session: that of its folder, and of each folder above it up to the git
 * worktree.
 */
function above({ projectID, path }: SessionFacts): string[] {
  const names = (path ?? "").split("/").filter(Boolean);
  return Array.from({ length: names.length + 1 }, (_, dropped) =>
    JSON.stringify([projectID, ...names.slice(0, names.length - dropped)]),
  );
}
