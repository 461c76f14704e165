import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { showSession } from "../../plugin/show/show.ts";
import { realStore } from "../host/stored-fixture.ts";
import { located } from "../stores/store-under-test.ts";

/** Removes every entry from an index that has only one page, as a damage of that page may do. */
function emptyIndex(path: string, index: string): void {
  using database = new Database(path);
  database.run("pragma wal_checkpoint(truncate)");
  const { page } = database
    .query<{ page: number }, [string]>("select rootpage as page from sqlite_schema where name = ?")
    .get(index) ?? { page: 0 };
  const { size } = database.query<{ size: number }, []>("select page_size as size from pragma_page_size").get() ?? {
    size: 0,
  };
  const file = openSync(path, "r+");
  // Bytes 3 and 4 of a page are the number of its cells.
  writeSync(file, Buffer.from([0, 0]), 0, 2, (page - 1) * size + 3);
  closeSync(file);
}

test("a session whose row no index finds is shown with its title and folder", async () => {
  const store = await realStore("1.18.33");
  try {
    const sessionID = store.sessions.plain.id;
    emptyIndex(join(store.dataDir, "opencode.db"), "sqlite_autoindex_session_1");
    const shown = await showSession({ files, located: await located(files, store.dataDir), sessionID, concurrency: 4 });
    if (!shown.ok) throw new Error(shown.reason);
    shown.session.close();
    const { hasRecord, title, directory } = shown.session.facts;
    expect({ hasRecord, title, directory }).toEqual({
      hasRecord: true,
      title: "A plain session",
      directory: store.project,
    });
  } finally {
    await store.home.remove();
  }
});
