import type { FileSystem } from "../files/file-system.ts";
import { storedRuns } from "../quarantine/vault.ts";
import { inspect } from "../repair/inspect.ts";
import { locatorText } from "../stores/artifact.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import type { Located } from "../stores/locate.ts";
import { type OpenedStore, openStores } from "../stores/open.ts";
import { noCounts, type StoreDescription } from "../stores/store.ts";
import { type KnownFault, type TranscriptMessage, transcribe } from "./transcript.ts";

export interface ShowInput {
  readonly files: FileSystem;
  readonly located: Located;
  readonly sessionID: string;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** A record of the session that a repair has set aside and nobody has put back. */
export interface SetAside {
  readonly runID: string;
  readonly kind: string;
  readonly recordID: string | null;
  readonly bytes: number;
}

/** One session, open for reading. */
export interface ShownSession {
  readonly facts: SessionFacts;
  readonly store: StoreDescription;
  /** What is wrong with the session's own record. */
  readonly recordFaults: readonly KnownFault[];
  readonly setAside: readonly SetAside[];
  /** Read as it is asked for, message by message. */
  messages(): AsyncIterable<TranscriptMessage>;
  close(): void;
}

export type Showing =
  | { readonly ok: true; readonly session: ShownSession }
  | { readonly ok: false; readonly reason: "unknown" | "unusable" };

type OpenStore = OpenedStore & { state: "ok" };

/** Finds a session in the stores, databases first, also where it has no record of its own. Changes nothing. */
export async function showSession(input: ShowInput): Promise<Showing> {
  const opened = await openStores(input.files, input.located, "outside");
  let shown: ShownSession | null = null;
  try {
    for (const store of opened) {
      if (store.state !== "ok" || shown !== null) continue;
      const facts = (await store.store.sessionFacts()).find(({ id }) => id === input.sessionID);
      if (facts !== undefined) shown = await shownFrom(input, store, facts);
    }
  } finally {
    for (const store of opened) {
      if (store.state === "ok" && store.description !== shown?.store) store.store.close();
    }
  }
  if (shown !== null) return { ok: true, session: shown };
  return { ok: false, reason: opened.some((store) => store.state === "unusable") ? "unusable" : "unknown" };
}

async function shownFrom(input: ShowInput, opened: OpenStore, facts: SessionFacts): Promise<ShownSession> {
  const { sessionID } = input;
  const { store, description } = opened;
  const faults = await faultsOf(input, opened);
  return {
    facts,
    store: description,
    recordFaults: [...faults.values()].filter(({ kind }) => kind !== "message" && kind !== "part"),
    setAside: await setAsideOf(input),
    async *messages() {
      const seen = new Set<string>();
      for await (const message of store.messages(sessionID)) {
        if (input.signal?.aborted) return;
        yield transcribe(message, faults, seen);
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
  const found = await inspect(store, { what: "session", sessionID }, options);
  return new Map(
    found.filter(({ severity }) => severity !== "info").map((finding) => [locatorText(finding.locator), finding]),
  );
}

async function setAsideOf({ files, located, sessionID }: ShowInput): Promise<SetAside[]> {
  const found: SetAside[] = [];
  for (const run of await storedRuns(files, located.dataDir)) {
    if (!run.ok || run.manifest.sessionID !== sessionID) continue;
    for (const { state, remedy, kind, recordID, original } of run.manifest.items) {
      if (state !== "done" || remedy !== "quarantine") continue;
      found.push({ runID: run.manifest.runID, kind, recordID, bytes: original?.bytes ?? 0 });
    }
  }
  return found;
}
