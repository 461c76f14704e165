import { asNewer, isOwnText, NOTHING_NEWER, stepsOf, together } from "../hosts/screen.ts";
import type { AnswerSteps, Artifact, NewerMessages, ShownIn } from "../model/artifact.ts";
import { errnoCode } from "../platform/file-system.ts";
import { parseDocument, type StoredDocument } from "../stores/conversation.ts";
import type { Store } from "../stores/store.ts";

/** For the id of each message and part in a session: the messages that come after it. */
type ByRecord = ReadonlyMap<string, NewerMessages>;

/**
 * Tells which messages come after a record in its session. The terminal UI crashes on some values only if they are on
 * the screen, where the last messages are. The answers for the last session are kept in memory.
 */
export class NewerMessagesSource {
  readonly #store: Store;
  #last: { readonly sessionID: string; readonly byRecord: Promise<ByRecord> } | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The messages that come after a record; `null` if the record is in no session. */
  async than({ recordID }: Artifact, sessionID: string | null): Promise<NewerMessages | null> {
    if (sessionID === null || recordID === null) return null;
    if (this.#last?.sessionID !== sessionID) {
      this.#last = { sessionID, byRecord: readBackwards(this.#store, sessionID) };
    }
    return (await this.#last.byRecord).get(recordID) ?? null;
  }
}

interface OfMessage {
  readonly messageID: string;
  readonly shownIn: ReadonlyMap<string, ShownIn>;
  readonly alone: NewerMessages;
  readonly steps: AnswerSteps;
}

async function readBackwards(store: Store, sessionID: string): Promise<ByRecord> {
  const found: OfMessage[] = [];
  try {
    for await (const { messageID, document, parts } of store.conversations.messages(sessionID)) {
      // opencode does not show parts whose message is gone, so they take no room on the screen.
      if (document === null) continue;
      const alone = asNewer(valueIn(document));
      const places = alone.anyAnswer ? parts.map(({ recordID }) => [recordID, "answer"] as const) : inQuestion(parts);
      const own = [messageID, alone.anyAnswer ? "answer" : isPrinted(places) ? "question" : "nowhere"] as const;
      found.push({ messageID, shownIn: new Map([own, ...places]), alone, steps: stepsOf(parts.map(valueIn)) });
    }
  } catch (error) {
    // Another check reports a folder that may not be read.
    if (errnoCode(error) === null) throw error;
    return new Map();
  }
  const byRecord = new Map<string, NewerMessages>();
  let newer = NOTHING_NEWER;
  const running = found.findIndex(({ alone }) => alone.anyUnfinished);
  for (const [index, { messageID, shownIn, alone, steps }] of [...found.entries()].reverse()) {
    for (const [id, place] of shownIn) byRecord.set(id, { ...newer, shownIn: place, steps });
    // While an older answer is unfinished, opencode shows a mark at the question instead of the question's time.
    const isWaiting = !newer.anyUnfinished && running !== -1 && running < index;
    if (isWaiting && !alone.anyAnswer) byRecord.set(messageID, { ...newer, shownIn: "nowhere" });
    newer = together(newer, alone);
  }
  return byRecord;
}

function isPrinted(places: readonly (readonly [id: string, place: ShownIn])[]): boolean {
  return places.some(([, place]) => place === "question");
}

function valueIn(document: StoredDocument): unknown {
  const parsed = parseDocument(document);
  return parsed.ok ? parsed.value : null;
}

/**
 * Which parts of a question the terminal UI shows. If a question has no text that the user wrote, the UI shows none of
 * its parts.
 */
function inQuestion(parts: readonly StoredDocument[]): (readonly [id: string, ShownIn])[] {
  const texts = parts.filter((part) => isOwnText(valueIn(part)));
  return parts.map((part) => {
    const isPrinted = texts[0] !== undefined && (part === texts[0] || !texts.includes(part));
    return [part.recordID, isPrinted ? "question" : "nowhere"];
  });
}
