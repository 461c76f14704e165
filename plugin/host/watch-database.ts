import type { ConfirmedFinding } from "../repair/finding.ts";
import type { DatabaseFollower } from "./database-follower.ts";
import type { HostActivity } from "./pacing.ts";
import { type CaredStore, checkEverything, look, type StartCheckInput } from "./start-check.ts";

/** What was written is looked at this often, in milliseconds. */
const LOOK_MS = 500;

/** After so long without a write the log is copied into the database, and a little later the state is remembered. */
const QUIET_MS = 4000;
const SETTLED_MS = 2500;

/** What every watcher of a store works with. A plugin instance that starts later puts its own in place. */
export interface Watch {
  input: StartCheckInput;
  activity: HostActivity;
  pause: () => Promise<void>;
  /** Told of what opencode cannot load; resolves to what is left of it. */
  found: (findings: readonly ConfirmedFinding[]) => Promise<readonly ConfirmedFinding[]>;
}

/**
 * Checks whatever is written to a database while opencode runs, and while a look at all of it, which may take its time, is
 * under way: `first` resolves to whether all is healthy.
 */
export function watchDatabase(
  watch: Watch,
  cared: CaredStore,
  follower: DatabaseFollower,
  first: Promise<boolean>,
): void {
  let healthy = false;
  let isInDoubt = false;
  const doubt = () => {
    healthy = false;
    isInDoubt = true;
  };
  const judge = async (whole: Promise<boolean>) => {
    isInDoubt = false;
    healthy = (await whole.catch(() => false)) && !isInDoubt;
  };
  let looking = judge(first);
  let isToLookAgain = false;
  const lookAgain = () => {
    healthy = false;
    if (isToLookAgain) return;
    isToLookAgain = true;
    looking = looking.then(() => {
      isToLookAgain = false;
      return judge(checkWhole(watch, cared).then((left) => left.length === 0));
    });
  };
  let quietSince = performance.now();
  let stage: "written" | "copied" | "remembered" = "written";
  let copiedAt = 0;
  const onNews = async () => {
    quietSince = performance.now();
    stage = "written";
    const rowIDs = follower.news();
    if (rowIDs === "lost") return lookAgain();
    if (rowIDs.length === 0) return;
    const findings = await look(cared, { what: "rows", rowIDs });
    if (findings.length > 0 && (await watch.found(findings)).length > 0) doubt();
  };
  const onQuiet = async () => {
    const quiet = performance.now() - quietSince;
    if (!healthy || stage === "remembered" || quiet < QUIET_MS || watch.input.settings.preload !== "repair") return;
    if (stage === "written") {
      stage = (await follower.settle()) ? "copied" : "remembered";
      copiedAt = performance.now();
    } else if (performance.now() - copiedAt > SETTLED_MS) {
      if (follower.remember(watch.input.memory)) watch.input.memory.save();
      stage = "remembered";
    }
  };
  const step = async () => {
    // What could not be looked at is not remembered as healthy: the next start looks at everything.
    await (follower.hasNews() ? onNews().catch(doubt) : onQuiet().catch(() => undefined));
    setTimeout(() => void step(), LOOK_MS).unref?.();
  };
  void step();
}

/** Checks all of a database; resolves to what is left damaged. */
export async function checkWhole(watch: Watch, cared: CaredStore): Promise<readonly ConfirmedFinding[]> {
  let left: readonly ConfirmedFinding[] = [];
  await checkEverything(watch.input, cared, watch.pause, async (findings) => {
    left = findings.length === 0 ? [] : await watch.found(findings);
  });
  return left;
}
