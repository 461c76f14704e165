import { posix } from "node:path";
import type { HiddenSession, KnownStore } from "./hidden.ts";
import type { KnownFolders } from "./known-folders.ts";
import { type Place, placeIn } from "./misplaced.ts";
import { isWindowsPath } from "./windows-path.ts";

/** A move that a user names. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

export type Targets =
  | { readonly ok: true; readonly places: ReadonlyMap<string, Place> }
  | { readonly ok: false; readonly message: string };

/** Where each session goes by `--relink` alone: only what surely belongs there. */
export function certainTargets(sessions: readonly HiddenSession[]): ReadonlyMap<string, Place> {
  return new Map(sessions.flatMap(({ sessionID, target }) => (target == null ? [] : [[sessionID, target] as const])));
}

/** Where the sessions of a folder go when the user says where it is now. What opencode shows from that folder stays. */
export async function movedTargets(
  store: KnownStore,
  sessions: readonly HiddenSession[],
  folders: KnownFolders,
  move: Move,
): Promise<Targets> {
  const to = await folders.look(move.to);
  if (to === null || to === "unknown") return { ok: false, message: "The folder of --to is not there." };
  const there = placeIn(to, to.directory);
  if (there === null) {
    return { ok: false, message: "Which project the folder of --to belongs to cannot be told without git." };
  }
  const places = new Map<string, Place>();
  for (const { sessionID, directory, cause } of sessions) {
    const below = cause === "archived" || directory === null ? null : belowOf(directory, move.from);
    if (below === null) continue;
    const folder = posix.join(to.directory, below);
    const found = await folders.look(folder);
    const place = found === null || found === "unknown" ? null : placeIn(found, found.directory);
    places.set(sessionID, place ?? { ...there, directory: folder });
  }
  if (places.size > 0) return { ok: true, places };
  const isHeld = store.sessions.some(({ directory }) => directory !== null && belowOf(directory, move.from) !== null);
  const message = isHeld
    ? "opencode shows every session of the folder of --from there already."
    : "No session was held in the folder of --from.";
  return { ok: false, message };
}

/** What of a path lies below a folder, with `/`: empty for the folder itself, `null` outside. Windows knows no case. */
export function belowOf(directory: string, folder: string): string | null {
  const isWindows = isWindowsPath(folder);
  const [path, root] = [directory, folder].map((each) => (isWindows ? each.replaceAll("\\", "/") : each));
  if (path === undefined || root === undefined) return null;
  const beginning = path.slice(0, root.length);
  if (isWindows ? beginning.toLowerCase() !== root.toLowerCase() : beginning !== root) return null;
  const rest = path.slice(root.length);
  if (rest === "" || root.endsWith("/")) return rest;
  return rest.startsWith("/") ? rest.slice(1) : null;
}
