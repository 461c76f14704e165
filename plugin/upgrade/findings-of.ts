import { isFileLocator, type Locator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import { sha256 } from "../platform/hash.ts";
import { inspectScope } from "../repair/inspect-scope.ts";
import type { SourceSession } from "../stores/source-session.ts";
import { type DatabaseStore, noCounts, type Store } from "../stores/store.ts";
import type { SessionOutcomes } from "./outcomes.ts";
import { prescribed, type UpgradeFinding } from "./prescribe-upgrade.ts";

/**
 * Finds out which records of a session would not arrive unchanged in opencode 2.x, and which repair would prevent that.
 */
export async function findingsOf(
  store: DatabaseStore,
  session: SourceSession,
  outcomes: SessionOutcomes,
  { concurrency, signal }: { readonly concurrency: number; readonly signal?: AbortSignal },
): Promise<UpgradeFinding[]> {
  const isDamaged = outcomes.departures.some(({ isByDesign }) => !isByDesign);
  const scope = { what: "session", sessionID: session.id } as const;
  const options = { concurrency, counts: noCounts(), storeIndex: 0, ...(signal && { signal }) };
  const found = isDamaged ? await withRebuilt(store, await inspectScope(store, scope, options)) : [];
  return prescribed(session, outcomes, {
    findings: found.filter(({ severity }) => severity === "blocking"),
    hashOf: (locator) => hashOf(store, locator),
    store: 0,
    isFreeID: (id) =>
      store.query((connection) => connection.all("select 1 from message where id = ?", id).length === 0),
  });
}

async function withRebuilt(store: Store, found: ConfirmedFinding[]): Promise<ConfirmedFinding[]> {
  return found.length === 0 ? found : (await import("../repair/rebuild.ts")).withRebuilt(store, found);
}

function hashOf(store: DatabaseStore, locator: Locator): ConfirmedFinding["seen"] {
  if (isFileLocator(locator)) return null;
  const { table, key } = locator;
  if (table !== "message" && table !== "part") return null;
  const sql = `select cast(data as blob) as bytes from ${table} where id = ?`;
  const [row] = store.query((connection) => connection.all(sql, key.id ?? ""));
  if (row === undefined) return null;
  const bytes = row.bytes instanceof Uint8Array ? row.bytes : new Uint8Array();
  return { bytes: bytes.length, sha256: sha256(bytes) };
}
