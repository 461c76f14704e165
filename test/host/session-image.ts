import { join } from "node:path";
import { isJsonHost } from "./binary.ts";
import { openDatabase } from "./record-place.ts";
import type { StoredSession } from "./sessions.ts";
import { fileImage, type StoreImage } from "./store-image.ts";
import type { RealStore } from "./stored-fixture.ts";

/** The messages and parts of a session. Two images are equal only if all records are equal byte for byte. */
export async function sessionImage(store: RealStore, session: StoredSession): Promise<StoreImage> {
  return isJsonHost(store.home.version) ? filesOf(store, session) : rowsOf(store, session);
}

async function filesOf({ dataDir }: RealStore, { id, messages }: StoredSession): Promise<StoreImage> {
  const image: Record<string, string> = {};
  for (const folder of [join("message", id), ...messages.map((message) => join("part", message.id))]) {
    const files = await fileImage(join(dataDir, "storage", folder)).catch(() => ({}));
    for (const [name, value] of Object.entries(files)) if (!name.endsWith("/")) image[join(folder, name)] = value;
  }
  return image;
}

function rowsOf(store: RealStore, { id }: StoredSession): StoreImage {
  using database = openDatabase(store);
  const image: Record<string, string> = {};
  for (const table of ["message", "part"]) {
    const rows = database
      .query<{ id: string; value: string }, [string]>(
        `select id, rowid || ' ' || typeof(data) || ' ' || hex(data) || ' ' || time_created || ' ' || time_updated as value
         from ${table} where session_id = ?`,
      )
      .all(id);
    for (const row of rows) image[`${table} ${row.id}`] = row.value;
  }
  return image;
}
