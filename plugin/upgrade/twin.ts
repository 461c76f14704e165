import type { StoreDescription } from "../model/store-description.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { Schema } from "../stores/sqlite/schema.ts";
import { readSourceSession } from "../stores/sqlite/source-rows.ts";
import { asImported } from "./import-contract.ts";
import type { ImportedMessage } from "./imported-message.ts";
import { importOutcomes } from "./outcomes.ts";

/**
 * Converts the rows of a 1.x session as the import of opencode 2.x would do it again. The result maps message ids to
 * messages. It is empty if the tables of 1.x do not have the session. `store` is the description of the tables of 1.x.
 * Reads only.
 */
export function importedAgain(
  connection: Connection,
  schema: Schema,
  store: StoreDescription,
  sessionID: string,
): ReadonlyMap<string, ImportedMessage> {
  const source = readSourceSession(connection, schema, sessionID);
  if (source === null) return new Map();
  return new Map(importOutcomes(source, asImported(store)).messages.map((message) => [message.id, message]));
}
