import { NOT_IMPORTED, SEVERAL_DATABASES } from "../faults/whereabouts.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { SessionEntry } from "../stores/store.ts";
import { amount } from "../words/amounts.ts";
import { NAMES_DATABASE } from "../words/origins.ts";
import { type StoreAtIndex, speaker } from "./store-finding.ts";

/** The advice for a second database whose sessions are all in the first database too. */
const CONTAINED_DATABASE = `Nothing needs to be done: the database that opencode opens by default has each of these sessions. ${NAMES_DATABASE} \`opencode-session-repair rescue\` says if another database has more messages of a session.`;

/** A store whose records were all checked, and the list of its sessions. */
interface Neighbour extends StoreAtIndex {
  readonly sessions: readonly SessionEntry[];
}

/**
 * Findings about several stores in one data directory, such as sessions in files that are missing from the database.
 */
export function storesBesideEachOther(stores: readonly Neighbour[]): ConfirmedFinding[] {
  const findings: ConfirmedFinding[] = [];
  const databases = stores.filter((store) => store.description.database !== undefined);
  // The first store is the database that opencode opens by default, even if that database holds no sessions.
  const opened = new Set(databases[0]?.sessions.map((session) => session.id));
  for (const { description, index, sessions } of databases.slice(1)) {
    if (sessions.length === 0) continue;
    const evidence = `${amount(sessions.length, "session")} here`;
    const finding = speaker(description, index)(SEVERAL_DATABASES, "info", null, evidence);
    const isContained = sessions.every((session) => opened.has(session.id));
    findings.push(isContained ? { ...finding, advice: CONTAINED_DATABASE } : finding);
  }
  const files = stores.find((store) => store.description.database === undefined);
  if (files === undefined || databases.length === 0) return findings;
  const known = new Set(databases.flatMap((store) => store.sessions.map((session) => session.id)));
  const missing = files.sessions.filter((session) => session.projectID !== null && !known.has(session.id));
  if (missing.length === 0) return findings;
  const say = speaker(files.description, files.index);
  return [...findings, say(NOT_IMPORTED, "warning", null, amount(missing.length, "session"))];
}
