import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { DatabaseFollower } from "./database-follower.ts";
import type { HostActivity } from "./pacing.ts";
import { checkEverything, checkScope, type FollowedStore, type StartCheckInput } from "./start-check.ts";

/** The interval at which the watch looks for new writes, in milliseconds. */
const LOOK_MS = 500;

/**
 * If nothing was written for this time, in milliseconds, the WAL is copied into the database file. A little later, the
 * state of that file is remembered.
 */
const QUIET_MS = 4000;
const SETTLED_MS = 2500;

/**
 * The values that every watcher of a store uses. A plugin instance that starts later replaces these values with its
 * own.
 */
export interface Watch {
  input: StartCheckInput;
  activity: HostActivity;
  pause: () => Promise<void>;
  /** Called with records that opencode cannot load. Resolves to those that remain. */
  found: (findings: readonly ConfirmedFinding[]) => Promise<readonly ConfirmedFinding[]>;
}

/**
 * Checks all rows that are written to a database while opencode runs. If `isHealthy` is `null`, the whole database is
 * checked too, and new rows are still checked at once. Resolves after the check of the whole database to the damage
 * that remains; `null` if not everything was checked.
 */
export async function watchDatabase(
  watch: Watch,
  followed: FollowedStore,
  follower: DatabaseFollower,
  isHealthy: boolean | null,
): Promise<readonly ConfirmedFinding[] | null> {
  let healthy = isHealthy === true;
  let isInDoubt = false;
  /**
   * Records that were repaired during the check of the whole database. The full check finds these records too, but they
   * are not reported again.
   */
  const repaired = new Set<string>();
  const doubt = () => {
    healthy = false;
    isInDoubt = true;
  };
  const lookAtAll = async () => {
    healthy = false;
    isInDoubt = false;
    repaired.clear();
    const left = await checkWhole(watch, followed, repaired).catch(() => null);
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
    const findings = await checkScope(followed, { what: "rows", rowIDs });
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
      // Records that could not be checked are not remembered as healthy. The next start checks everything.
      doubt();
    }
    setTimeout(() => void step(), LOOK_MS).unref?.();
  };
  void step();
  return await looking;
}

/** Checks all of a database. Resolves to the remaining damage, without records that were already repaired. */
async function checkWhole(
  watch: Watch,
  followed: FollowedStore,
  repaired: ReadonlySet<string>,
): Promise<readonly ConfirmedFinding[]> {
  let left: readonly ConfirmedFinding[] = [];
  await checkEverything(watch.input, followed, watch.pause, async (findings) => {
    const news = findings.filter(({ locator }) => !repaired.has(locatorText(locator)));
    left = news.length === 0 ? [] : await watch.found(news);
  });
  return left;
}
