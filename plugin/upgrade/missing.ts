import type { StoreDescription } from "../model/store-description.ts";
import { readSourceSession, sourceSessionIDs } from "../stores/sqlite/source-rows.ts";
import { hasTwins, readImportState, readTwin, sessionsOf2x } from "../stores/sqlite/twin-rows.ts";
import type { DatabaseStore } from "../stores/store.ts";
import { asImported } from "./import-contract.ts";
import { importOutcomes } from "./outcomes.ts";
import { comparedWithTwin, type MissingIn2x, neverArrived } from "./twins.ts";

/**
 * Finds sessions and messages that an upgraded database has only in its tables of opencode 1.x. These sessions never
 * arrived in 2.x, arrived with losses, or were continued in 1.x after the import. Returns `null` if a signal stopped
 * the search. Returns an empty list if the tables of 2.x are missing or unknown.
 */
export function missingIn2x(
  store: DatabaseStore,
  sessionIDs: readonly string[],
  signal?: AbortSignal,
): readonly MissingIn2x[] | null {
  if (!store.query((_connection, schema) => hasTwins(schema))) return [];
  const description: StoreDescription = asImported(store.description);
  const state = store.query(readImportState);
  const arrived = store.query(sessionsOf2x);
  const found: MissingIn2x[] = [];
  for (const id of store.query(sourceSessionIDs)) {
    if (signal?.aborted) return null;
    if (sessionIDs.length > 0 && !sessionIDs.includes(id)) continue;
    const session = store.query((connection, schema) => readSourceSession(connection, schema, id));
    if (session === null) continue;
    if (!arrived.has(id)) {
      found.push(neverArrived(session, state));
      continue;
    }
    const twin = store.query((connection) => readTwin(connection, id));
    found.push(...comparedWithTwin(session, importOutcomes(session, description), twin, state));
  }
  return found;
}
