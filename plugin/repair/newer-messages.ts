import { asNewer, NOTHING_NEWER, together } from "../hosts/screen.ts";
import type { Artifact, NewerMessages } from "../model/artifact.ts";
import { errnoCode } from "../platform/file-system.ts";
import { parseDocument } from "../stores/conversation.ts";
import type { Store } from "../stores/store.ts";

/** What each message and part of a session has behind it, by its id. */
type ByRecord = ReadonlyMap<string, NewerMessages>;

/** What is newer than a record in its session. One session is read at a time, and the last one kept. */
export class NewerMessagesSource {
  readonly #store: Store;
  #last: { readonly sessionID: string; readonly byRecord: Promise<ByRecord> } | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** `null` where the record is in no session. */
  async than({ recordID }: Artifact, sessionID: string | null): Promise<NewerMessages | null> {
    if (sessionID === null || recordID === null) return null;
    if (this.#last?.sessionID !== sessionID) {
      this.#last = { sessionID, byRecord: readBackwards(this.#store, sessionID) };
    }
    return (await this.#last.byRecord).get(recordID) ?? null;
  }
}

async function readBackwards(store: Store, sessionID: string): Promise<ByRecord> {
  const found: { readonly ids: readonly string[]; readonly alone: NewerMessages; readonly isInAnswer: boolean }[] = [];
  try {
    for await (const { messageID, document, parts } of store.conversations.messages(sessionID)) {
      // Parts alone are not shown, and push nothing out of sight.
      if (document === null) continue;
      const parsed = parseDocument(document);
      const ids = [messageID, ...parts.map(({ recordID }) => recordID)];
      const alone = asNewer(parsed.ok ? parsed.value : null);
      found.push({ ids, alone, isInAnswer: alone.anyAnswer });
    }
  } catch (error) {
    // A folder that may not be read is a finding of its own.
    if (errnoCode(error) === null) throw error;
    return new Map();
  }
  const byRecord = new Map<string, NewerMessages>();
  let newer = NOTHING_NEWER;
  for (const { ids, alone, isInAnswer } of found.reverse()) {
    for (const id of ids) byRecord.set(id, { ...newer, isInAnswer });
    newer = together(newer, alone);
  }
  return byRecord;
}
