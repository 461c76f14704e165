import { TOOL } from "../tool-identity.ts";

/** A key in the registry that all modules of a process share. Every copy of this package finds it, in any version. */
const TAKEN = Symbol.for(`${TOOL.name}.taken`);

/**
 * Whether this is the first instance that reports for `place`. The others stay silent. A place is an object that
 * opencode gives to all plugins that it loads together, and creates again for the next load. It is the client of a
 * directory, or the screen of a terminal. The package may be listed twice, by path and by name, or globally and in a
 * project.
 */
export function takePlace(place: object): boolean {
  const shared = globalThis as { [TAKEN]?: WeakSet<object> };
  shared[TAKEN] ??= new WeakSet();
  if (shared[TAKEN].has(place)) return false;
  shared[TAKEN].add(place);
  return true;
}

/** Frees a place for the next instance. */
export function leavePlace(place: object): void {
  (globalThis as { [TAKEN]?: WeakSet<object> })[TAKEN]?.delete(place);
}
