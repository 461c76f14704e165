import { Database } from "bun:sqlite";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Locator, RecordKind } from "../../plugin/model/artifact.ts";
import type { Damage } from "./damage.ts";
import type { RealStore } from "./stored-fixture.ts";

/** The place of a record in a store that a real opencode wrote. Its functions damage and restore the record. */
export interface RecordPlace {
  readonly name: string;
  readonly kind: RecordKind;
  /** The id of the session to which a finding about the record belongs. */
  readonly sessionID: string | null;
  readonly recordID: string;
  readonly locator: Locator;
  readonly isRow: boolean;
  damage(damage: Damage): Promise<void>;
  /** Restores the original record, even if opencode has written another one there. */
  heal(): Promise<void>;
}

type PlaceIdentity = Pick<RecordPlace, "kind" | "sessionID" | "recordID">;

/** A file in the data directory. Restoring it also restores its times and its mode. */
export function filePlace(store: RealStore, identity: PlaceIdentity, path: string): RecordPlace {
  const live = join(store.dataDir, path);
  const aside = join(store.home.root, `aside-${path.replaceAll("/", "-")}`);
  return {
    ...identity,
    name: `${identity.kind} file`,
    locator: { path },
    isRow: false,
    async damage(damage) {
      const bytes = damage.bytes(await readFile(live));
      await rename(live, aside);
      await writeFile(live, bytes, { mode: 0o640 });
    },
    heal: () => rename(aside, live),
  };
}

/** A JSON value of a row. If the column is `data`, the locator does not name it, as in the tool's own locators. */
export function rowPlace(
  store: RealStore,
  identity: PlaceIdentity,
  table: "session" | "project" | "message" | "part",
  column: string,
): RecordPlace {
  const key = { id: identity.recordID };
  let original: Buffer | null = null;
  return {
    ...identity,
    name: `${table}.${column}`,
    locator: column === "data" ? { table, key } : { table, key, column },
    isRow: true,
    async damage(damage) {
      using database = openDatabase(store);
      const row = database
        .query<{ bytes: Uint8Array | null }, [string]>(
          `select cast(${column} as blob) as bytes from ${table} where id = ?`,
        )
        .get(key.id);
      if (!row?.bytes) throw new Error(`${table}.${column} of ${key.id} holds nothing to damage`);
      original = Buffer.from(row.bytes);
      setValue(database, table, column, key.id, damage.bytes(original), damage.storage);
    },
    async heal() {
      if (original === null) return;
      using database = openDatabase(store);
      setValue(database, table, column, key.id, original, "text");
      original = null;
    },
  };
}

/** Opens the store's database for writing while opencode may be running. */
export function openDatabase(store: Pick<RealStore, "dataDir">): Database {
  const database = new Database(join(store.dataDir, "opencode.db"), { readwrite: true });
  database.run("pragma busy_timeout = 5000");
  return database;
}

/** Writes exactly these bytes. They are a hexadecimal literal, because Bun binds an empty byte array as NULL. */
function setValue(
  database: Database,
  table: string,
  column: string,
  id: string,
  bytes: Buffer,
  storage: Damage["storage"],
): void {
  const { changes } = database
    .query(`update ${table} set ${column} = cast(x'${bytes.toString("hex")}' as ${storage}) where id = ?`)
    .run(id);
  if (changes !== 1) throw new Error(`${table} has no row ${id}`);
}
