import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import { elsewhere } from "./hidden.ts";
import { findIncomplete } from "./incomplete.ts";
import { isOf1xAlone, type KnownStore, type KnownStores, openKnownStores } from "./known-stores.ts";

/** Databases that together are larger than this are not compared, because a check must stay fast. */
const MOST_COMPARED_BYTES = 256 * 1024 * 1024;

/**
 * Whether another data directory has a session or a message that this data directory lacks. Also `true` if that is
 * unknown, or if the databases are too large to compare. Changes no byte.
 */
export async function hasMore(files: FileSystem, located: Located, dataDir: string): Promise<boolean> {
  try {
    if ((await sizeTogether(files, [...located.databases, join(dataDir, "opencode.db")])) > MOST_COMPARED_BYTES) {
      return true;
    }
    const knowing = await openKnownStores(files, located, null, dataDir);
    if (!knowing.ok) return true;
    try {
      return await haveMore(knowing.stores);
    } finally {
      knowing.stores.close();
    }
  } catch {
    return true;
  }
}

async function sizeTogether(files: FileSystem, paths: readonly string[]): Promise<number> {
  let sum = 0;
  for (const path of paths) sum += (await files.stat(path))?.size ?? 0;
  return sum;
}

async function haveMore({ target, others, unread }: KnownStores): Promise<boolean> {
  if (unread.some(({ origin }) => origin === "other-data")) return true;
  const stores = others.filter(({ origin }) => origin === "other-data");
  // The sessions of opencode 2.x cannot be compared. So a database of 2.x is treated as if it had more sessions.
  if (!stores.every(isOf1xAlone)) return true;
  const onUnread = (_: KnownStore, error: unknown) => {
    throw error;
  };
  return (
    (await elsewhere(target, stores, onUnread)).length > 0 ||
    (await findIncomplete(target, stores, onUnread)).length > 0
  );
}
