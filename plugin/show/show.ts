import { locatorText } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { leavesUnread } from "../repair/by-origin.ts";
import { inspectScope } from "../repair/inspect-scope.ts";
import { garbageCollection } from "../repair/scan.ts";
import type { SessionFacts, StoredDocument, StoredMessage } from "../stores/conversation.ts";
import type { Located } from "../stores/locate.ts";
import { openStores } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { sqliteFailure } from "../stores/sqlite/sqlite-error.ts";
import { type Counts, noCounts } from "../stores/store.ts";
import { originSentence } from "../words/origins.ts";
import { type QuarantinedRecord, quarantinedRecords, withQuarantined } from "./quarantined.ts";
import { type KnownFault, type Quarantined, type TranscriptMessage, transcribe } from "./transcript.ts";

export interface ShowInput {
  readonly files: FileSystem;
  readonly located: Located;
  readonly sessionID: string;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  /**
   * Whether only the beginning of a text of megabytes is loaded. The rest of the text is then read when it is printed.
   */
  readonly longInPieces?: boolean;
}

/** One session, open for reading. */
export interface ShownSession {
  readonly facts: SessionFacts;
  readonly store: StoreDescription;
  /** The problems of the session's own record. */
  readonly recordFaults: readonly KnownFault[];
  /**
   * The reason why messages may be missing from this list: opencode 2.x keeps its messages elsewhere. `null` if none
   * are missing.
   */
  readonly unread: string | null;
  /** Records in quarantine that were not restored. Quarantined messages and parts also appear among the messages. */
  readonly quarantined: readonly QuarantinedRecord[];
  /** The opencode whose copy of the session this is. An upgraded database has one copy for 1.x and one for 2.x. */
  readonly copy: "1.x" | "2.x";
  /** If this is the copy of opencode 1.x, and opencode 2.x has a copy too: the copy of 2.x. */
  readonly other: ShownSession | null;
  /** Reads the messages one after the other, so that a large session does not fill the memory. */
  messages(): AsyncIterable<TranscriptMessage>;
  close(): void;
}

export type Showing =
  | { readonly ok: true; readonly session: ShownSession }
  /**
   * `unread`: no session of 1.x has the id, but there are records of 2.x or of a newer opencode. `other-program`: the
   * database belongs to another program or to none. `no-room`: there is no space for a private copy of the database;
   * `evidence` says how much is needed.
   */
  | { readonly ok: false; readonly reason: "unknown" | "unusable" | "unread" | "other-program" }
  | { readonly ok: false; readonly reason: "no-room"; readonly evidence: string };

type OpenStore = OpenedStore & { state: "ok" };

/** Finds a session in the stores, databases first, even if the session has no record of its own. Changes nothing. */
export async function showSession(input: ShowInput): Promise<Showing> {
  const opened = await openStores(input.files, input.located, "outside");
  let shown: ShownSession | null = null;
  try {
    for (const store of opened) {
      if (store.state === "unusable" || shown !== null) continue;
      const of2x = await shown2x(input, store);
      const facts = store.state === "ok" ? await store.store.conversations.factsOf(input.sessionID) : null;
      const isElsewhere = of2x !== null && store.state === "ok" && (await isOfPreview(store, input.sessionID));
      if (store.state === "unread" || facts === null || isElsewhere) shown = of2x;
      else shown = await shownFrom(input, store, facts, of2x);
    }
  } finally {
    for (const store of opened) {
      const isInUse = shown?.copy === "1.x" && store.description === shown.store;
      if (store.state === "ok" && !isInUse) store.store.close();
    }
  }
  if (shown !== null) return { ok: true, session: shown };
  const unusable = opened.filter((store) => store.state === "unusable");
  const withoutRoom = unusable.find(({ problem }) => problem.code === "no-room-for-copy");
  if (withoutRoom !== undefined) return { ok: false, reason: "no-room", evidence: withoutRoom.problem.evidence };
  const isOther = ({ origin }: OpenedStore) => origin?.kind === "other program" || origin?.kind === "blank";
  if (unusable.some(isOther)) return { ok: false, reason: "other-program" };
  if (unusable.length > 0) return { ok: false, reason: "unusable" };
  const { profileFor } = await import("../stores/sqlite/profile-2x.ts");
  const isUnread = opened.some((store) => {
    const { origin } = store;
    const isOf2x = store.state !== "unusable" && (store.state === "unread" || origin?.kind === "1.x and 2.x");
    return isOf2x && origin !== null && (store.half2x === null || profileFor(origin, store.half2x.schema) === null);
  });
  return { ok: false, reason: isUnread ? "unread" : "unknown" };
}

/**
 * Whether a session belongs to the preview of opencode 2.x. The preview keeps the session's record in the table of 1.x,
 * and the messages in a table of its own.
 */
async function isOfPreview({ store, origin }: OpenStore, sessionID: string): Promise<boolean> {
  if (origin?.kind !== "1.x") return false;
  for await (const _message of store.conversations.messages(sessionID)) return false;
  return true;
}

/** The copy of a session that opencode 2.x has; `null` if 2.x has no session with this id, or no message of it. */
async function shown2x(
  { files, located, sessionID }: ShowInput,
  opened: OpenedStore & { state: "ok" | "unread" },
): Promise<ShownSession | null> {
  const { half2x, origin, description } = opened;
  if (half2x === null || origin === null) return null;
  const known = opened.state === "ok" ? withMessagesOf2x(origin, opened.sessionsOf2x()) : origin;
  if (known.kind === "1.x" || known.kind === "newer") return null;
  const { copyOf2x } = await import("./copy-2x.ts");
  const quarantined = await quarantinedRecords(files, located.dataDir, sessionID);
  const own = quarantined.filter(({ of2x }) => of2x !== null);
  // If pages are damaged, the copy is left out and all other readable records are shown. `check` reports the damaged
  // pages.
  const copy = await copyOf2x(half2x, known, sessionID, own).catch((error: unknown) => {
    if (sqliteFailure(error) === "malformed") return null;
    throw error;
  });
  if (copy === null || (known.kind === "1.x with messages of 2.x" && copy.messages.length === 0)) return null;
  const { facts, recordFaults, messages } = copy;
  return {
    facts,
    store: description,
    recordFaults,
    unread: null,
    quarantined: own,
    copy: "2.x",
    other: null,
    async *messages() {
      yield* messages;
    },
    close: () => undefined,
  };
}

/**
 * The reason why messages of this session may be missing; `null` if none are. An upgraded session continues in the
 * tables of 2.x. A session of the preview of 2.x has no messages in the tables of 1.x.
 */
async function unreadOf({ origin, store, sessionsOf2x, half2x }: OpenStore, sessionID: string): Promise<string | null> {
  if (origin === null || half2x === null) return null;
  const known = withMessagesOf2x(origin, sessionsOf2x());
  if (!leavesUnread(known)) return null;
  const { profileFor } = await import("../stores/sqlite/profile-2x.ts");
  const { schema } = half2x;
  // The tables of 2.x can be read, and this session is not in them, so none of its messages are missing.
  if (profileFor(known, schema) !== null && known.kind === "1.x and 2.x") return null;
  if (known.kind === "1.x and 2.x") return originSentence(known);
  for await (const _message of store.conversations.messages(sessionID)) return null;
  return originSentence(known);
}

async function shownFrom(
  input: ShowInput,
  opened: OpenStore,
  facts: SessionFacts,
  other: ShownSession | null,
): Promise<ShownSession> {
  const { sessionID } = input;
  const { store, description } = opened;
  const counts = noCounts();
  const faults = await faultsOf(input, opened, counts);
  const collect = await garbageCollection(store.description);
  const { files, located } = input;
  const quarantined = (await quarantinedRecords(files, located.dataDir, sessionID)).filter(({ of2x }) => of2x === null);
  const holes = new Map(quarantined.flatMap((record) => holeIn(record)));
  return {
    facts,
    store: description,
    unread: other === null ? await unreadOf(opened, sessionID) : null,
    copy: "1.x",
    other,
    recordFaults: [...faults.values()].filter(({ kind }) => kind !== "message" && kind !== "part"),
    quarantined,
    async *messages() {
      const seen = new Set<string>();
      const stored = store.conversations.messages(sessionID, input.longInPieces ? "long-in-pieces" : "whole");
      let { bytes } = counts;
      for await (const message of withQuarantined(stored, quarantined, store.conversations)) {
        if (input.signal?.aborted) return;
        bytes += sizeOf(message);
        collect(bytes);
        yield transcribe(message, faults, holes, seen);
        seen.add(message.messageID);
      }
    },
    close: () => store.close(),
  };
}

function sizeOf({ document, parts }: StoredMessage): number {
  return parts.reduce((sum, { size }) => sum + size, document?.size ?? 0);
}

async function faultsOf(
  { sessionID, concurrency, signal }: ShowInput,
  { store }: OpenStore,
  counts: Counts,
): Promise<Map<string, KnownFault & { readonly kind: string }>> {
  const options = { concurrency, counts, storeIndex: 0, ...(signal && { signal }) };
  const found = await inspectScope(store, { what: "session", sessionID }, options);
  return new Map(
    found.filter(({ severity }) => severity !== "info").map((finding) => [locatorText(finding.locator), finding]),
  );
}

/** The mark for a quarantined record, with the document that was read from quarantine. */
function holeIn({ place, isHealthy, code, evidence, runID }: QuarantinedRecord): [StoredDocument, Quarantined][] {
  return place === null ? [] : [[place.document, { runID, isHealthy, code, evidence }]];
}
