import { setTimeout as sleep } from "node:timers/promises";
import type { ConfirmedFinding } from "../model/finding.ts";
import { relativeDatabase } from "../quarantine/places.ts";
import type { WholeCheck } from "../repair/finished-runs.ts";
import { openStores } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { noCounts } from "../stores/store.ts";
import type { Notice } from "../words/answers/notice.ts";
import { guardLoads, type LoadedList } from "./load-guard.ts";
import { gentlePace, type HostActivity } from "./pacing.ts";
import {
  checkBeforeLoad,
  checkEverything,
  checkScope,
  checkSession,
  type FollowedStore,
  failsWholeLists,
  firstLook,
  followStores,
  forgetFinishedRuns,
  repairUnasked,
  type StartCheckInput,
} from "./start-check.ts";
import { type Watch, watchDatabase } from "./watch-database.ts";

/**
 * The check in the background begins this long after the start, in milliseconds. By then opencode has shown its
 * first screen.
 */
const BACKGROUND_DELAY_MS = 1500;

/** After the start, a repair waits at most this long for another repair, in milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * The key of the stores that this process checks already. Each directory has its own plugin instance, and all instances
 * share one process.
 */
const WATCHES = Symbol.for("opencode-session-repair.watches");

function watches(): Map<string, Watch> {
  const shared = globalThis as { [WATCHES]?: Map<string, Watch> };
  shared[WATCHES] ??= new Map();
  return shared[WATCHES];
}

/** Stops earlier work in this process from changing or reporting anything. */
export function stopSchedule(): void {
  for (const watch of watches().values()) watch.found = async (findings) => findings;
}

/**
 * Checks and repairs the host's store. The records that opencode loads first are checked while opencode waits, as long
 * as the budget allows. All other records are checked afterwards, and then every new write. Resolves when opencode may
 * continue.
 */
export async function beginSchedule(
  input: StartCheckInput,
  activity: HostActivity,
  say: (notice: Notice) => void,
): Promise<void> {
  const { budgetMs } = input.settings;
  const started = performance.now();
  const opened = await openStores(input.files, input.located, "beside-host", input.hostVersion);
  const stores = followStores(opened);
  const refusal = await told(opened, say);
  const budget = new AbortController();
  const checked: StartCheckInput = { ...input, refusal };
  const held = checkBeforeLoad(input, stores, budget.signal).then(async (findings) => {
    const notice = await repairUnasked(
      checked,
      "preload",
      findings,
      Math.max(0, budgetMs - (performance.now() - started)),
    );
    say(notice);
    return notice.remaining;
  });
  await Promise.race([held.catch(() => undefined), sleep(budgetMs, undefined, { ref: false })]);
  budget.abort();
  const watch: Watch = {
    input: checked,
    activity,
    pause: gentlePace(activity),
    found: async (findings) => {
      const notice = await repairUnasked(checked, "watch", findings, PATIENCE_MS);
      say(notice);
      return notice.remaining;
    },
  };
  const [only] = stores;
  const usesFiles = input.located.databases.length === 0;
  if (usesFiles && only !== undefined) {
    guardLoads(input.located.dataDir, (loaded) => checkAsLoaded(watch, only, loaded));
  }
  const key = `${input.located.dataDir}\n${input.located.databases.join("\n")}`;
  const begun = watches().get(key);
  if (begun !== undefined) {
    Object.assign(begun, watch);
    void held.catch(() => undefined).then(() => stores.map((followed) => followed.opened.store.close()));
    return;
  }
  watches().set(key, watch);
  void held
    .catch(() => null)
    .then(async (remaining) => {
      await sleep(BACKGROUND_DELAY_MS, undefined, { ref: false });
      const whole: WholeCheck[] = [];
      for (const followed of stores) {
        const findings = await keepHealthy(watch, followed, remaining);
        if (findings !== null) whole.push({ database: databaseOf(input, followed), findings });
      }
      await forgetFinishedRuns(input, whole);
    })
    .catch(() => undefined);
}

/**
 * Reports databases that do not belong to opencode 1.x alone. Returns the reason why nothing may be written to these
 * databases, if there is one.
 */
async function told(opened: readonly OpenedStore[], say: (notice: Notice) => void): Promise<string | null> {
  if (opened.every(({ origin }) => origin === null || origin.kind === "1.x")) return null;
  // The module is loaded only if there is a message to show.
  const { originsSentence } = await import("../words/origins.ts");
  const { writingRefusal } = await import("../repair/may-write.ts");
  const note = originsSentence(opened);
  if (note !== null)
    say({ trigger: "preload", runID: null, items: [], remaining: [], warnings: [], stopped: null, note });
  return opened.map(({ origin }) => writingRefusal(origin)).find((each) => each !== null) ?? null;
}

/** The name of the database in manifests; `null`: the files of the JSON generation. */
function databaseOf({ located }: StartCheckInput, { opened }: FollowedStore): string | null {
  const { database } = opened.description;
  return database === undefined ? null : relativeDatabase(located.dataDir, database);
}

/**
 * Checks the records that the start did not check, and then every new write. `left` is the damage that remained after
 * the start, or `null` if the start failed. When everything was checked, the result is the damage that remains now, or
 * `null` if not everything could be checked.
 */
async function keepHealthy(
  watch: Watch,
  followed: FollowedStore,
  left: readonly ConfirmedFinding[] | null,
): Promise<readonly ConfirmedFinding[] | null> {
  const { follower } = followed;
  if (follower === null) {
    // If the store is a database, its JSON files are used only for diffs and need no watch. The watch begins before the
    // check, so that no write between the two is missed.
    const { FolderWatch } = await import("./watch-folders.ts");
    const folders = watch.input.located.databases.length === 0 ? await FolderWatch.begin(watch, followed) : null;
    const remaining: ConfirmedFinding[] = [];
    const trusted = await checkEverything(watch.input, followed, watch.pause, async (findings) => {
      remaining.push(...(await watch.found(findings)));
    });
    // The patrol is not awaited. If some folders cannot be watched, it checks their sessions for as long as opencode
    // runs.
    void folders?.patrol(trusted);
    return folders === null || trusted.length > 0 ? null : remaining;
  }
  const isKnown = follower.isFollowing() && left !== null;
  if (!isKnown) follower.begin();
  const found = await watchDatabase(watch, followed, follower, isKnown ? left.length === 0 : null);
  return isKnown ? left : found;
}

/** Sessions that were checked when they were loaded. After that check, the folders of these sessions are watched. */
const checkedAsLoaded = new Set<string>();

async function checkAsLoaded(watch: Watch, followed: FollowedStore, loaded: LoadedList): Promise<void> {
  const { input } = watch;
  const key = JSON.stringify(loaded);
  if (checkedAsLoaded.has(key)) return;
  checkedAsLoaded.add(key);
  const findings =
    loaded.what === "session"
      ? await checkSession(input, followed, loaded.sessionID)
      : await checkList(input, followed, loaded.projectID);
  if (findings.length === 0) return;
  await Promise.race([watch.found(findings), sleep(input.settings.budgetMs, undefined, { ref: false })]);
}

async function checkList(
  input: StartCheckInput,
  followed: FollowedStore,
  projectID: string,
): Promise<ConfirmedFinding[]> {
  if (!failsWholeLists(input) || input.memory.knowsList(projectID)) return [];
  const scope = { what: "list", projectID } as const;
  return firstLook(followed, scope, noCounts(), () => false) === "suspect" ? checkScope(followed, scope) : [];
}
