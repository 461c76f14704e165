import { folderBelow, NO_WORKTREE, pathBelow, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import { needsGit } from "../words/refusals.ts";
import type { HiddenSession } from "./hidden.ts";
import type { KnownFolders } from "./known-folders.ts";
import type { KnownStore } from "./known-stores.ts";
import { type Place, placeIn } from "./standing.ts";

/** The old and the new path of a moved folder, as the user named them. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

export type Targets =
  | { readonly ok: true; readonly places: ReadonlyMap<string, Place> }
  | { readonly ok: false; readonly message: string };

/**
 * The new place of each session that `--relink` moves without a question. Only places that are certain are included.
 */
export function certainTargets(sessions: readonly HiddenSession[]): ReadonlyMap<string, Place> {
  return new Map(sessions.flatMap(({ sessionID, target }) => (target == null ? [] : [[sessionID, target] as const])));
}

/**
 * The new place of each session of a folder, after the user said where the folder is now. Sessions that opencode
 * already shows in the new folder are not moved.
 */
export async function movedTargets(
  store: KnownStore,
  sessions: readonly HiddenSession[],
  folders: KnownFolders,
  move: Move,
): Promise<Targets> {
  const to = await folders.look(move.to);
  if (to === null || to === "unknown") return { ok: false, message: "The folder of --to does not exist." };
  const there = placeIn(to, to.directory);
  if (there === null) {
    return { ok: false, message: needsGit("the folder of --to") };
  }
  const isHeldIn = (folder: string) =>
    store.sessions.some(({ directory }) => directory !== null && placeBelow(directory, folder) !== null);
  const real = isHeldIn(move.from) ? null : await folders.realPlace(move.from);
  const from = real !== null && isHeldIn(real) ? real : move.from;
  const places = new Map<string, Place>();
  for (const { sessionID, directory, cause } of sessions) {
    const below = cause === "archived" || directory === null ? null : placeBelow(directory, from);
    if (below === null) continue;
    const folder = folderBelow(THIS_SYSTEM, to.directory, below);
    const found = await folders.look(folder);
    const place = found === null || found === "unknown" ? null : placeIn(found, found.directory);
    places.set(sessionID, place ?? { ...there, directory: folder });
  }
  if (places.size > 0) return { ok: true, places };
  const message = isHeldIn(from)
    ? "In the folder of --to, opencode already shows every session of the folder of --from."
    : "No session was used in the folder of --from.";
  return { ok: false, message };
}

/**
 * The relative path from the folder `from` to `directory`. `null` if `directory` is outside `from`. opencode stores `/`
 * for an unknown folder. So if `from` is `/`, only `/` itself matches, and not every folder of the system.
 */
function placeBelow(directory: string, from: string): string | null {
  if (from === NO_WORKTREE) return directory === NO_WORKTREE ? "" : null;
  return pathBelow(directory, from);
}
