import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import { elsewhere } from "./hidden.ts";
import { findIncomplete } from "./incomplete.ts";
import { type KnownStores, openKnownStores } from "./known-stores.ts";

/**
 * Whether copies of the database that opencode opens, or another data directory, have a session or a message that this
 * database lacks. It is `true` also if that cannot be told. Changes no byte.
 */
export async function hasMore(
  files: FileSystem,
  located: Located,
  where: "put-aside" | { readonly dataDir: string },
): Promise<boolean> {
  const fromData = typeof where === "string" ? null : where.dataDir;
  const knowing = await openKnownStores(files, located, null, fromData);
  if (!knowing.ok) return true;
  const { stores } = knowing;
  try {
    return await haveMore(stores, typeof where === "string" ? where : "other-data");
  } catch {
    return true;
  } finally {
    stores.close();
  }
}

async function haveMore({ target, others, unread }: KnownStores, wanted: "put-aside" | "other-data"): Promise<boolean> {
  if (unread.some(({ origin }) => origin === wanted)) return true;
  const stores = others.filter(({ origin }) => origin === wanted);
  return (await elsewhere(target, stores, undefined)).length > 0 || (await findIncomplete(target, stores)).length > 0;
}
