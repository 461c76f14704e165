import type { SqliteStoreUnderTest } from "./sqlite-fixture.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** The path of a folder that exists on no machine. */
export const GONE = "/gone-for-opencode-session-repair";

/** Gives every session of a store a folder of its own below {@link GONE}. */
export function loseFolders(store: StoreUnderTest | SqliteStoreUnderTest): void {
  if ("connect" in store) {
    const connection = store.connect();
    connection.run("update session set directory = ? || '/' || id", GONE);
    connection.close();
    return;
  }
  for (const { id } of store.content.sessions) {
    const locator = store.locatorOf("session", id);
    const session = JSON.parse(store.bytesAt(locator)?.toString("utf8") ?? "{}") as Record<string, unknown>;
    store.overwrite(locator, Buffer.from(JSON.stringify({ ...session, directory: `${GONE}/${id}` })));
  }
}
