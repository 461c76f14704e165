import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { DatabaseFollower } from "./database-follower.ts";
import type { HostActivity } from "./pacing.ts";
import { type CaredStore, checkEverything, checkScope, type StartCheckInput } from "./start-check.ts";

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
 * Checks whatever is written to a database while opencode runs, and all of it where it is not known whether it `isHealthy`:
 * that may take its time, and what is written meanwhile is looked at at once. Resolves when that is over, to what is
 * damaged still; `null` where all was not looked at.
 */
export async function watchDatabase(
  watch: Watch,
  cared: CaredStore,
  follower: DatabaseFollower,
  isHealthy: boolean | null,
): Promise<readonly ConfirmedFinding[] | null> {
  let healthy = isHealthy === true;
  let isInDoubt = false;
  /** What was repaired during the full check: the check finds it too, and it is no news. */
  const repaired = new Set<string>();
  const doubt = () => {
    healthy = false;
    isInDoubt = true;
  };
  const lookAtAll = async () => {
    healthy = false;
    isInDoubt = false;
    repaired.clear();
    const left = await checkWhole(watch, cared, repaired).catch(() => null);
    healthy = left?.length === 0 && !isInDoubt;
    return left;
  };
  let looking = isHealthy === null ? lookAtAll() : Promise.resolve(null);
  let isToLookAgain = false;
  const lookAgain = () => {
    healthy = false;
    if (isToLookAgain) return;
    isToLookAgain = true;
    looking = looking.then(() => {
      isToLookAgain = false;
      return lookAtAll();
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
    const findings = await checkScope(cared, { what: "rows", rowIDs });
    const left = findings.length > 0 ? await watch.found(findings) : [];
    for (const { locator } of findings) repaired.add(locatorText(locator));
    for (const { locator } of left) repaired.delete(locatorText(locator));
    if (left.length > 0) doubt();
  };
  const onQuiet = async () => {
    const quiet = performance.now() - quietSince;
    if (!healthy || stage === "remembered" || quiet < QUIET_MS || watch.input.settings.preload !== "repair") return;
    if (stage === "written") {
      stage = (await follower.settle()) ? "copied" : "remembered";
      copiedAt = performance.now();
    } else if (performance.now() - copiedAt > SETTLED_MS) {
      if (follower.remember(watch.input.memory)) await watch.input.memory.save();
      stage = "remembered";
    }
  };
  const step = async () => {
    try {
      if (follower.hasNews()) await onNews();
      else await onQuiet().catch(() => undefined);
    } catch {
      // What could not be looked at is not remembered as healthy: the next start looks at everything.
      doubt();
    }
    setTimeout(() => void step(), LOOK_MS).unref?.();
  };
  void step();
  return await looking;
}

/** Checks all of a database; resolves to what is still damaged, without what was repaired already. */
async function checkWhole(
  watch: Watch,
  cared: CaredStore,
  repaired: ReadonlySet<string>,
): Promise<readonly ConfirmedFinding[]> {
  let left: readonly ConfirmedFinding[] = [];
  await checkEverything(watch.input, cared, watch.pause, async (findings) => {
    const news = findings.filter(({ locator }) => !repaired.has(locatorText(locator)));
    left = news.length === 0 ? [] : await watch.found(news);
  });
  return left;
}
