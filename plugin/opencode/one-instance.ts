import { TOOL } from "../tool-identity.ts";

/** In the registry that all modules of a process share: copies of this package, of whatever version, find it there. */
const TAKEN = Symbol.for(`${TOOL.name}.taken`);

/**
 * Whether this is the first instance that speaks for `place`; the others keep quiet. A place is what opencode hands to
 * every plugin that it loads together and makes new for the next load: the client of a directory, the screen of a
 * terminal. The package may be listed twice, by path and by name, or globally and in a project.
 */
export function takePlace(place: object): boolean {
  const shared = globalThis as { [TAKEN]?: WeakSet<object> };
  shared[TAKEN] ??= new WeakSet();
  if (shared[TAKEN].has(place)) return false;
  shared[TAKEN].add(place);
  return true;
}

/** Leaves a place to the next instance. */
export function leavePlace(place: object): void {
  (globalThis as { [TAKEN]?: WeakSet<object> })[TAKEN]?.delete(place);
}
