import type { StoreDescription } from "../model/store-description.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { Schema } from "../stores/sqlite/schema.ts";
import { readSourceSession } from "../stores/sqlite/source-rows.ts";
import { asImported } from "./import-contract.ts";
import type { ImportedMessage } from "./imported-message.ts";
import { outcomesOf } from "./outcomes.ts";

/**
 * The messages of 2.x as its import would make them again from the remaining rows of 1.x, by id. Empty if 1.x does not
 * have the session. `store`: the half of 1.x. Reads only.
 */
export function importedAgain(
  connection: Connection,
  schema: Schema,
  store: StoreDescription,
  sessionID: string,
): ReadonlyMap<string, ImportedMessage> {
  const source = readSourceSession(connection, schema, sessionID);
  if (source === null) return new Map();
  return new Map(outcomesOf(source, asImported(store)).messages.map((message) => [message.id, message]));
}
