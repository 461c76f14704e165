import { setTimeout as sleep } from "node:timers/promises";

/**
 * Windows error codes for a file that another program holds for a moment: an antivirus, an indexer, or a sync program.
 * Users of opencode see such an error as `UNKNOWN` (#10533).
 */
const HELD = new Set<unknown>(["EBUSY", "EPERM", "EACCES", "UNKNOWN"]);

/**
 * The pauses between the tries, in milliseconds: 2.5 seconds in all. A virus scan of one file takes a fraction of that
 * time.
 */
const PAUSES_MS = [10, 20, 40, 80, 160, 320, 640, 1_280] as const;

/**
 * A hard link is tried fewer times, because a file system without hard links reports EPERM too. Then another way is
 * used.
 */
const MOST_LINK_TRIES = 4;

/** Operations that change nothing if they fail, so they can be repeated. */
const REPEATED = [
  ...["stat", "list", "read", "readPiece", "syncFile", "makeDirectory", "rename", "unlink", "removeDirectory"],
  ...["chmod", "touch"],
] as const;

/** Operations that create a file and then write to it. Only the creation is repeated. */
const MAKING = ["writeNew", "copyNew"] as const;

type Operation = (...args: unknown[]) => Promise<unknown>;

/**
 * Wraps an interface to files, so that it repeats operations which Windows refuses while another program holds a file.
 * If an operation is still refused after the last pause, it fails with its own error.
 */
export function patient<Files extends object>(files: Files, pauses: readonly number[] = PAUSES_MS): Files {
  const operations = files as Record<string, Operation>;
  const repeat = (name: string, isWorthIt: (error: unknown) => boolean, between: readonly number[]) => {
    const operation = operations[name];
    if (operation === undefined) throw new TypeError(`there is no operation ${name}`);
    return [name, (...args: unknown[]) => retried(() => operation(...args), isWorthIt, between)] as const;
  };
  return {
    ...files,
    ...Object.fromEntries([
      ...REPEATED.map((name) => repeat(name, isHeld, pauses)),
      ...MAKING.map((name) => repeat(name, isHeldAtOpening, pauses)),
      repeat("link", isHeld, pauses.slice(0, MOST_LINK_TRIES)),
    ]),
  };
}

async function retried(
  work: () => Promise<unknown>,
  isWorthIt: (error: unknown) => boolean,
  pauses: readonly number[],
): Promise<unknown> {
  for (const pause of pauses) {
    try {
      return await work();
    } catch (error) {
      if (!isWorthIt(error)) throw error;
      await sleep(pause);
    }
  }
  return work();
}

function isHeld(error: unknown): boolean {
  return error instanceof Error && "code" in error && HELD.has(error.code);
}

function isHeldAtOpening(error: unknown): boolean {
  return isHeld(error) && error instanceof Error && "syscall" in error && error.syscall === "open";
}
