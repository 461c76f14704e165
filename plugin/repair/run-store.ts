import type { FileSystem } from "../platform/file-system.ts";
import type { Manifest } from "../quarantine/manifest.ts";
import { relativeDatabase } from "../quarantine/places.ts";
import { JsonWriter } from "../stores/json/json-writer.ts";
import { databaseNamed, type Located } from "../stores/locate.ts";
import { openStores } from "../stores/open.ts";
import type { Access } from "../stores/opened-store.ts";
import { DatabaseFileWriter } from "../stores/sqlite/database-file-writer.ts";
import { StoreRefusedError, type StoreWriter } from "../stores/writer.ts";
import { refusalToWrite } from "./may-write.ts";

/**
 * Opens the store that a manifest names. The database must be one that this tool has located itself, because a path in
 * a manifest is not trusted.
 * @throws StoreRefusedError if the database is missing, cannot be opened, or must not be changed
 */
export async function writerForManifest(
  files: FileSystem,
  located: Located,
  access: Access,
  manifest: Manifest,
): Promise<StoreWriter> {
  return OPENERS[manifest.store.generation](files, located, access, manifest);
}

type Opener = (files: FileSystem, located: Located, access: Access, manifest: Manifest) => Promise<StoreWriter>;

const OPENERS: Readonly<Record<Manifest["store"]["generation"], Opener>> = {
  json: async (files, { dataDir }) => new JsonWriter(files, dataDir),
  sqlite: databaseWriter,
};

async function databaseWriter(
  files: FileSystem,
  located: Located,
  access: Access,
  manifest: Manifest,
): Promise<StoreWriter> {
  const isWhole = manifest.items.some((item) => item.kind === "database");
  const database =
    located.databases.find((path) => relativeDatabase(located.dataDir, path) === manifest.store.database) ??
    // A whole database can be restored even if the database file is missing now.
    (isWhole ? databaseNamed(located.dataDir, manifest.store.database ?? "") : undefined);
  if (database === undefined)
    throw new StoreRefusedError("busy", "The database of that run is not in this data directory.");
  if (isWhole) {
    if (access === "beside-host") {
      throw new StoreRefusedError(
        "busy",
        "The database is open in this opencode. Close opencode, and use the command line.",
      );
    }
    return new DatabaseFileWriter(files, database, manifest.items);
  }
  const [store] = await openStores(files, { ...located, json: "none" as const, databases: [database] }, access);
  if (store === undefined || store.state === "unusable") {
    throw new StoreRefusedError("failed", "The database of that run cannot be opened.");
  }
  if (store.state === "ok") store.store.close();
  const refusal = refusalToWrite(
    store.origin,
    manifest.items.map(({ locator }) => locator),
  );
  if (refusal !== null) throw new StoreRefusedError("busy", refusal);
  return store.state === "ok" ? store.openWriter() : store.half2x.openWriter();
}
