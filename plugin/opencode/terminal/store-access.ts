import { nodeFileSystem } from "../../platform/file-system.ts";
import { filesOf, locate } from "../../stores/locate.ts";
import { openStores } from "../../stores/open.ts";
import { SqliteStore } from "../../stores/sqlite/sqlite-store.ts";
import { storesOfHost } from "../host-store.ts";
import type { RequestContext } from "../repair-request.ts";

/** The store of the opencode that this terminal UI belongs to; `null` where there is none. */
export async function requestContext(hostVersion: string | null, concurrency: number): Promise<RequestContext | null> {
  const found = await locate(nodeFileSystem, { env: process.env });
  if (!found.ok) return null;
  const located = await storesOfHost(nodeFileSystem, found.located, null);
  return { files: filesOf(located), located, hostVersion, concurrency, trigger: "tui", spare: null };
}

/** The database, open for looks at single sessions; `null` where there is none or it cannot be opened. */
export async function openForLooks(context: RequestContext): Promise<SqliteStore | null> {
  const opened = await openStores(context.files, context.located, "beside-host", context.hostVersion);
  let chosen: SqliteStore | null = null;
  for (const each of opened) {
    if (each.state !== "ok") continue;
    if (chosen === null && each.store instanceof SqliteStore) chosen = each.store;
    else each.store.close();
  }
  return chosen;
}
