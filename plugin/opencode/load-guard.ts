import { join, relative, sep } from "node:path";
import { STORAGE } from "../stores/json/layout.ts";

/** A list of records that opencode 1.0-1.1 is about to load. */
export type LoadedList =
  | { readonly what: "session"; readonly sessionID: string }
  | { readonly what: "list"; readonly projectID: string };

type Scan = (this: unknown, options?: unknown) => AsyncIterableIterator<string>;

type Check = (loaded: LoadedList) => Promise<void>;

const GUARD = Symbol.for("opencode-session-repair.load-guard");

interface GlobPrototype {
  scan: Scan;
  /** The check of the plugin instance that was started last. */
  [GUARD]?: Check;
}

function globPrototype(): GlobPrototype | null {
  const { Bun: bun } = globalThis as { Bun?: { Glob?: { prototype?: GlobPrototype } } };
  return bun?.Glob?.prototype ?? null;
}

/**
 * Makes opencode 1.0-1.1 wait for `check` whenever it loads a session or a session list. These versions list a folder
 * with `Bun.Glob.scan({ cwd })` right before they read its files. Other scans are not changed. Returns `true` if the
 * guard is in place.
 */
export function guardLoads(dataDir: string, check: Check): boolean {
  const prototype = globPrototype();
  if (prototype === null) return false;
  const isGuarded = prototype[GUARD] !== undefined;
  prototype[GUARD] = check;
  if (isGuarded) return true;
  const original = prototype.scan;
  const storage = join(dataDir, STORAGE);
  prototype.scan = function scan(options) {
    const loaded = loadedBy(storage, options);
    const scan = () => original.call(this, options);
    return loaded === null ? scan() : after(prototype[GUARD]?.(loaded) ?? Promise.resolve(), scan);
  };
  return true;
}

function loadedBy(storage: string, options: unknown): LoadedList | null {
  const folder = typeof options === "object" && options !== null && "cwd" in options ? options.cwd : null;
  if (typeof folder !== "string" || !folder.startsWith(storage + sep)) return null;
  const [kind, id, ...below] = relative(storage, folder).split(sep);
  if (id === undefined || below.length > 0) return null;
  if (kind === "message") return { what: "session", sessionID: id };
  return kind === "session" ? { what: "list", projectID: id } : null;
}

/** A scan that waits for the check before its first result. After the check, the scan runs at its usual speed. */
function after(check: Promise<void>, scan: () => AsyncIterableIterator<string>): AsyncIterableIterator<string> {
  let names: AsyncIterableIterator<string> | null = null;
  const begun = check
    .catch(() => undefined)
    .then(() => {
      names = scan();
      return names;
    });
  return {
    next: () => names?.next() ?? begun.then((first) => first.next()),
    return: () => begun.then((first) => first.return?.() ?? { done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
