import { messageProblem } from "../faults/diagnose-2x.ts";
import type { Profile } from "../hosts/v2/profile.ts";
import type { Origin } from "../model/origin.ts";
import type { Replacement } from "../model/replacement.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { Half2x } from "../stores/opened-store.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { ImportedMessage } from "../upgrade/imported-message.ts";
import { cellsOf, type Place2x } from "./place-2x.ts";

interface Upgraded {
  readonly half: Half2x;
  readonly description: StoreDescription;
  readonly origin: Origin;
}

/**
 * Finds messages of opencode 2.x in the tables of opencode 1.x, from which 2.x imported them. The tables of 1.x stay in
 * the database.
 */
export class Twins {
  readonly #connection: Connection;
  readonly #profile: Profile;
  readonly #upgraded: Upgraded;
  readonly #imported = new Map<string, ReadonlyMap<string, ImportedMessage>>();

  constructor(connection: Connection, profile: Profile, upgraded: Upgraded) {
    this.#connection = connection;
    this.#profile = profile;
    this.#upgraded = upgraded;
  }

  /**
   * The message as the import of opencode 2.x would write it again from the rows of 1.x. It is used only if the times
   * of both rows are equal, which shows that neither opencode wrote the message after the import.
   */
  async of({ table, sessionID, row }: Place2x): Promise<Replacement | null> {
    if (table !== "session_message" || sessionID === null || this.#upgraded.origin.kind !== "1.x and 2.x") return null;
    const { values, json } = row;
    const twin = (await this.#importedAgain(sessionID)).get(String(values.id));
    if (twin === undefined || twin.type !== values.type) return null;
    if (twin.created !== values.time_created || twin.updated !== values.time_updated) return null;
    const bytes = Buffer.from(JSON.stringify(twin.data));
    const rebuilt = new Map(json).set("data", { storage: "text", size: bytes.length, bytes });
    if (messageProblem(this.#profile, { values, json: rebuilt }) !== null) return null;
    return {
      source: "the copy of this message in the tables of opencode 1.x",
      content: { cells: cellsOf("data", bytes) },
    };
  }

  async #importedAgain(sessionID: string): Promise<ReadonlyMap<string, ImportedMessage>> {
    const known = this.#imported.get(sessionID);
    if (known !== undefined) return known;
    const { importedAgain } = await import("../upgrade/twin.ts");
    const { half, description } = this.#upgraded;
    const imported = importedAgain(this.#connection, half.schema, description, sessionID);
    this.#imported.set(sessionID, imported);
    return imported;
  }
}
