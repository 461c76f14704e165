import { locatorText } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { leavesUnread } from "../repair/by-origin.ts";
import { inspectScope } from "../repair/inspect-scope.ts";
import { originSentence } from "../repair/origin-words.ts";
import type { SessionFacts, StoredDocument } from "../stores/conversation.ts";
import { readFileParts } from "../stores/json/json-conversation.ts";
import type { Located } from "../stores/locate.ts";
import { type OpenedStore, openStores } from "../stores/open.ts";
import { withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { noCounts } from "../stores/store.ts";
import { type QuarantinedRecord, quarantinedRecords, withQuarantined } from "./quarantined.ts";
import { type KnownFault, type Quarantined, type TranscriptMessage, transcribe } from "./transcript.ts";

export interface ShowInput {
  readonly files: FileSystem;
  readonly located: Located;
  readonly sessionID: string;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** One session, open for reading. */
export interface ShownSession {
  readonly facts: SessionFacts;
  readonly store: StoreDescription;
  /** What is wrong with the session's own record. */
  readonly recordFaults: readonly KnownFault[];
  /** Why messages of it may be missing here: opencode 2.x keeps its own. `null`: none are. */
  readonly unread: string | null;
  /** What a repair moved to quarantine and nobody has restored; messages and parts are among the messages as well. */
  readonly quarantined: readonly QuarantinedRecord[];
  /** Read as it is asked for, message by message. */
  messages(): AsyncIterable<TranscriptMessage>;
  close(): void;
}

export type Showing =
  | { readonly ok: true; readonly session: ShownSession }
  /** `unread`: no session of 1.x has the id, and there are records of 2.x, or of a newer opencode. */
  | { readonly ok: false; readonly reason: "unknown" | "unusable" | "unread" };

type OpenStore = OpenedStore & { state: "ok" };

/** Finds a session in the stores, databases first, also where it has no record of its own. Changes nothing. */
export async function showSession(input: ShowInput): Promise<Showing> {
  const opened = await openStores(input.files, input.located, "outside");
  let shown: ShownSession | null = null;
  try {
    for (const store of opened) {
      if (store.state !== "ok" || shown !== null) continue;
      const facts = (await store.store.conversations.sessionFacts()).find(({ id }) => id === input.sessionID);
      if (facts !== undefined) shown = await shownFrom(input, store, facts);
    }
  } finally {
    for (const store of opened) {
      if (store.state === "ok" && store.description !== shown?.store) store.store.close();
    }
  }
  if (shown !== null) return { ok: true, session: shown };
  if (opened.some((store) => store.state === "unusable")) return { ok: false, reason: "unusable" };
  const isUnread = opened.some((store) => store.state === "unread" || store.origin?.kind === "1.x and 2.x");
  return { ok: false, reason: isUnread ? "unread" : "unknown" };
}

/** An upgraded session goes on in 2.x; one of the preview of 2.x has no message where 1.x keeps its own. */
async function unreadOf({ origin, store, sessionsOf2x }: OpenStore, sessionID: string): Promise<string | null> {
  if (origin === null) return null;
  const known = withMessagesOf2x(origin, sessionsOf2x());
  if (!leavesUnread(known)) return null;
  if (known.kind === "1.x and 2.x") return originSentence(known);
  for await (const _message of store.conversations.messages(sessionID)) return null;
  return originSentence(known);
}

async function shownFrom(input: ShowInput, opened: OpenStore, facts: SessionFacts): Promise<ShownSession> {
  const { sessionID } = input;
  const { store, description } = opened;
  const faults = await faultsOf(input, opened);
  const { files, located } = input;
  const quarantined = await quarantinedRecords(files, located.dataDir, sessionID);
  const holes = new Map(quarantined.flatMap((record) => holeIn(record)));
  const remainingParts = async (messageID: string) =>
    description.generation === "json" ? readFileParts(files, located.dataDir, messageID) : [];
  return {
    facts,
    store: description,
    unread: await unreadOf(opened, sessionID),
    recordFaults: [...faults.values()].filter(({ kind }) => kind !== "message" && kind !== "part"),
    quarantined,
    async *messages() {
      const seen = new Set<string>();
      const stored = store.conversations.messages(sessionID);
      for await (const message of withQuarantined(stored, quarantined, description.generation, remainingParts)) {
        if (input.signal?.aborted) return;
        yield transcribe(message, faults, holes, seen);
        seen.add(message.messageID);
      }
    },
    close: () => store.close(),
  };
}

async function faultsOf(
  { sessionID, concurrency, signal }: ShowInput,
  { store }: OpenStore,
): Promise<Map<string, KnownFault & { readonly kind: string }>> {
  const options = { concurrency, counts: noCounts(), storeIndex: 0, ...(signal && { signal }) };
  const found = await inspectScope(store, { what: "session", sessionID }, options);
  return new Map(
    found.filter(({ severity }) => severity !== "info").map((finding) => [locatorText(finding.locator), finding]),
  );
}

/** The hole that a record in quarantine leaves, by the very document that was read from there. */
function holeIn({ place, isHealthy, code, evidence, runID }: QuarantinedRecord): [StoredDocument, Quarantined][] {
  return place === null ? [] : [[place.document, { runID, isHealthy, code, evidence }]];
}
