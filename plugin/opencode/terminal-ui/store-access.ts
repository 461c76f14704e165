import { nodeFileSystem } from "../../platform/file-system.ts";
import { filesOf, locate } from "../../stores/locate.ts";
import { openStores } from "../../stores/open.ts";
import type { OpenedStore } from "../../stores/opened-store.ts";
import { DatabaseFollower } from "../database-follower.ts";
import { storesOfHost } from "../host-store.ts";
import type { RequestContext } from "../repair-request.ts";
import type { GuardedStore } from "./session-guard.ts";

/** The store of the opencode that this terminal UI belongs to; `null` if there is none. */
export async function requestContext(hostVersion: string | null, concurrency: number): Promise<RequestContext | null> {
  const found = await locate(nodeFileSystem, { env: process.env });
  if (!found.ok) return null;
  const located = await storesOfHost(nodeFileSystem, found.located, null);
  return { files: filesOf(located), located, hostVersion, concurrency, trigger: "tui", spare: null };
}

/** The database, open for quick checks of single sessions; `null` if there is no database or it cannot be opened. */
export async function openForLooks(context: RequestContext): Promise<GuardedStore | null> {
  const opened = await openStores(context.files, context.located, "beside-host", context.hostVersion);
  let chosen: GuardedStore | null = null;
  for (const each of opened) {
    if (each.state !== "ok") continue;
    chosen ??= guardedStore(each);
    if (chosen?.store !== each.store) each.store.close();
  }
  return chosen;
}

/**
 * The parts of a store that the guard of sessions needs. `null` if the opencode of this database has no plugins in its
 * terminal UI.
 */
function guardedStore({ store, origin }: OpenedStore & { state: "ok" }): GuardedStore | null {
  const { opening, changedRows, description } = store;
  if (opening === null || changedRows === null || origin === null || description.database === undefined) return null;
  return { store, opening, origin, follower: new DatabaseFollower(changedRows, description.database) };
}
