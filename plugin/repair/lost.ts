import { LOST_RECORD, LOST_SESSION } from "../faults/lost.ts";
import { lostRecords } from "../recovery/lost.ts";
import { rebuiltSession } from "../recovery/rebuilt-session.ts";
import { usageOf } from "../recovery/usage.ts";
import type { Artifact } from "../stores/artifact.ts";
import type { StoredMessage } from "../stores/conversation.ts";
import type { Store } from "../stores/store.ts";
import type { ConfirmedFinding } from "./finding.ts";
import { plural } from "./words.ts";

/** Sessions whose log is looked through when everything is checked: the logs of larger databases are read on request only. */
const LARGEST_LOG_BYTES = 64 * 1024 * 1024;

/** Records of these sessions that are missing although opencode logged them; `null`: of all, where that is quick. */
export async function findLost(
  store: Store,
  sessionIDs: readonly string[] | null,
  storeIndex: number,
): Promise<ConfirmedFinding[]> {
  const found: ConfirmedFinding[] = [];
  for (const sessionID of sessionIDs ?? store.loggedSessions(LARGEST_LOG_BYTES)) {
    // The rows first: what is written meanwhile is in the log, and looked up again.
    const present = store.recordIDs(sessionID);
    const lost = lostRecords(store.events(sessionID), store.newestEvent(sessionID), present, store.description);
    if (lost.length === 0) continue;
    const usage = lost.some(({ kind }) => kind === "session") ? await usageOf(store.messages(sessionID)) : null;
    for (const { kind, id, row, sequence } of lost) {
      const locator = { table: kind, key: { id } };
      const artifact: Artifact = { kind, sessionID, recordID: id, locator };
      if ((await store.examine(artifact)) !== null) continue;
      const hasMessages = kind === "session" && present.size > 0;
      found.push({
        code: LOST_RECORD.code,
        severity: "warning",
        ...artifact,
        remedy: LOST_RECORD.remedy,
        evidence: `opencode logged it last as event ${sequence} of its session and never removed it`,
        store: storeIndex,
        writtenMs: null,
        seen: null,
        replacement: {
          source: `event ${sequence} of opencode's log of this session`,
          content: { cells: new Map([...row, ...(hasMessages ? (usage ?? []) : [])]) },
        },
      });
    }
  }
  return found;
}

/** Sessions with messages and no record of their own, the record made anew; `null`: of the whole store. */
export async function findSessionsWithoutRecord(
  store: Store,
  sessionIDs: readonly string[] | null,
  storeIndex: number,
): Promise<ConfirmedFinding[]> {
  const found: ConfirmedFinding[] = [];
  const bare = (await store.sessionsWithoutRecord()).filter((id) => sessionIDs === null || sessionIDs.includes(id));
  if (bare.length === 0) return [];
  const projects = await store.projectFacts();
  for (const sessionID of bare) {
    const messages: StoredMessage[] = [];
    for await (const message of store.messages(sessionID)) messages.push(message);
    const rebuilt = rebuiltSession(sessionID, messages, projects, store.description);
    if (rebuilt === null) continue;
    found.push({
      code: LOST_SESSION.code,
      severity: "warning",
      kind: "session",
      sessionID,
      recordID: sessionID,
      locator: rebuilt.locator,
      remedy: LOST_SESSION.remedy,
      evidence: plural(messages.length, "message"),
      store: storeIndex,
      writtenMs: null,
      seen: null,
      replacement: { source: "rebuilt from what the messages of the session state", content: rebuilt.content },
    });
  }
  return found;
}
