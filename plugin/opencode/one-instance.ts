import { TOOL } from "../tool-identity.ts";

/**
 * A key in the symbol registry of the process. All copies of this package find the same key, also copies of another
 * version.
 */
const TAKEN = Symbol.for(`${TOOL.name}.taken`);

/**
 * Whether this plugin instance is the first one for `place`. Later instances must not report anything. opencode starts
 * several instances if its configuration lists the package twice, for example globally and in a project. `place` is an
 * object that opencode gives to all plugins that it loads together: the client of a directory, or the terminal UI.
 * opencode creates a new object for the next load.
 */
export function takePlace(place: object): boolean {
  const shared = globalThis as { [TAKEN]?: WeakSet<object> };
  shared[TAKEN] ??= new WeakSet();
  if (shared[TAKEN].has(place)) return false;
  shared[TAKEN].add(place);
  return true;
}

/** Lets the next plugin instance report problems again. `place` is explained at {@link takePlace}. */
export function leavePlace(place: object): void {
  (globalThis as { [TAKEN]?: WeakSet<object> })[TAKEN]?.delete(place);
}
