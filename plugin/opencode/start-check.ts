import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { PluginSettings } from "../configuration/options.ts";
import { looksHealthy } from "../faults/quick-look.ts";
import { abilitiesOf } from "../hosts/running-host.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { quarantinePath } from "../quarantine/places.ts";
import type { WholeCheck } from "../repair/finished-runs.ts";
import { type InspectOptions, inspectScope } from "../repair/inspect-scope.ts";
import { STORAGE } from "../stores/json/layout.ts";
import type { Located } from "../stores/locate.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { type Counts, type LoadedScope, noCounts, type Scope, type Store, type Visit } from "../stores/store.ts";
import type { Notice } from "../words/answers/notice.ts";
import { DatabaseFollower } from "./database-follower.ts";
import type { Recollection, ValidatedMemory } from "./validated-memory.ts";

const DAY_MS = 86_400_000;

export interface StartCheckInput {
  readonly files: FileSystem;
  /** The data directory, with only the store that the running opencode uses. */
  readonly located: Located;
  readonly projectID: string | null;
  readonly settings: PluginSettings;
  readonly hostVersion: string | null;
  /** The records that an earlier start found healthy. */
  readonly memory: ValidatedMemory;
  /** The reason why nothing may be written to the store; absent or `null` if it may be written. */
  readonly refusal?: string | null;
}

/** A store that is open for as long as opencode runs. */
export interface FollowedStore {
  readonly opened: OpenedStore & { readonly state: "ok" };
  /** The number by which findings name this store. */
  readonly index: number;
  /** For a database: reports the rows that were written. */
  readonly follower: DatabaseFollower | null;
}

export function followStores(stores: readonly OpenedStore[]): FollowedStore[] {
  return stores.flatMap((opened, index) => {
    if (opened.state !== "ok") return [];
    const { changedRows, description } = opened.store;
    const { database } = description;
    const isFollowed = changedRows !== null && database !== undefined;
    return [{ opened, index, follower: isFollowed ? new DatabaseFollower(changedRows, database) : null }];
  });
}

/** The time for checking a large healthy store before sessions load, in milliseconds. */
const LOOKING_MS = 3;

/**
 * A database up to this size is checked completely before sessions load, unless it is known to be healthy. The check
 * takes about 0.1 s.
 */
const SMALL_DATABASE_BYTES = 32 * 1024 * 1024;

/** Even on a slow machine, this many records are checked before sessions load. */
const LEAST_RECORDS = 100;

/** After a problem is found, the check may use this share of the budget. The rest of the budget is for the repair. */
const LOOKING_SHARE = 0.25;

/**
 * Checks a store in the order in which opencode needs it. First come the records that decide whether the project's
 * session list loads. Then come the project's sessions, the most recently used first. Records that are known to be
 * unchanged are skipped. The signal is aborted when the budget is used up.
 */
export async function checkBeforeLoad(
  input: StartCheckInput,
  stores: readonly FollowedStore[],
  budget: AbortSignal,
): Promise<ConfirmedFinding[]> {
  const started = performance.now();
  const counts = noCounts();
  const findings: ConfirmedFinding[] = [];
  let isKnown = false;
  let isSmall = false;
  const isOver = () => {
    const records = counts.sessions + counts.messages + counts.parts;
    const isEnough = findings.length === 0 && !isSmall && (isKnown || records >= LEAST_RECORDS);
    const share = isEnough ? LOOKING_MS : input.settings.budgetMs * LOOKING_SHARE;
    return budget.aborted || performance.now() > started + share;
  };
  const check = async (followed: FollowedStore, scope: LoadedScope) => {
    if (firstLook(followed, scope, counts, isOver) === "suspect") findings.push(...(await checkScope(followed, scope)));
  };
  for (const followed of stores) {
    const changed = followed.follower?.resume(input.memory);
    if (changed !== undefined && changed !== "lost") {
      findings.push(...(await checkScope(followed, { what: "rows", rowIDs: changed })));
      continue;
    }
    isKnown = isListKnown(input, followed);
    isSmall = followed.follower !== null && (await databaseBytes(input, followed)) <= SMALL_DATABASE_BYTES;
    if (!isKnown) await check(followed, { what: "list", projectID: input.projectID });
    if (isOver()) continue;
    for (const { id } of await followed.opened.store.sessions(input.projectID)) {
      if (isOver()) break;
      if (followed.follower === null && input.memory.session(id).isKnown) continue;
      await check(followed, { what: "session", sessionID: id });
      await setImmediate();
    }
  }
  return findings;
}

async function databaseBytes({ files }: StartCheckInput, { opened }: FollowedStore): Promise<number> {
  const { database } = opened.description;
  const found = database === undefined ? null : await files.stat(database);
  return found?.size ?? Number.POSITIVE_INFINITY;
}

/** Whether one bad file makes a whole list fail in this version of opencode. */
export function failsWholeLists({ hostVersion }: StartCheckInput): boolean {
  return abilitiesOf(hostVersion).failsWholeLists;
}

/**
 * Whether the records of the project's session list were found healthy and are unchanged. The caller needs this only if
 * one bad file makes the whole list fail. Otherwise a check of a few files is faster than a comparison of the times of
 * all files.
 */
function isListKnown(input: StartCheckInput, followed: FollowedStore): boolean {
  const { projectID, memory } = input;
  return followed.follower === null && failsWholeLists(input) && projectID !== null && memory.knowsList(projectID);
}

/**
 * The background check compares the times of this many files with those of the last check, the most recently used files
 * first. The comparison takes about a tenth of a millisecond for each file.
 */
const FILES_LOOKED_AT = 8000;

/**
 * Checks everything that is not known to be unchanged, at the given pace. `found` is called as soon as there is a
 * finding. Returns the sessions that are trusted for now. These sessions were healthy at an earlier check, but there
 * are too many files to compare all their times at a start. The caller checks these sessions later. If opencode 1.0-1.1
 * loads one of them before that, it waits for a check of that session.
 */
export async function checkEverything(
  input: StartCheckInput,
  followed: FollowedStore,
  pause: () => Promise<void>,
  found: (findings: readonly ConfirmedFinding[]) => Promise<void>,
): Promise<string[]> {
  const { memory } = input;
  const effort: Effort = { concurrency: 2, counts: noCounts(), pause };
  if (followed.follower !== null) {
    await found(await checkScope(followed, { what: "everything" }, effort));
    return [];
  }
  const sessions = await followed.opened.store.sessions(null);
  const records = (await input.files.list(join(input.located.dataDir, STORAGE, "project"))) ?? [];
  const projects = records.map(({ name }) => name.replace(/\.json$/, ""));
  for (const projectID of new Set([...projects, ...sessions.flatMap((session) => session.projectID ?? [])])) {
    const recollection = memory.list(projectID);
    if (recollection.isKnown) continue;
    const lists = await checkScope(followed, { what: "list", projectID }, effort);
    recollection.learn(lists.length === 0);
    if (lists.length > 0) await found(lists);
  }
  const trusted: string[] = [];
  let lookedAt = 0;
  for (const { id } of sessions) {
    if (lookedAt > FILES_LOOKED_AT && memory.hasSession(id)) {
      trusted.push(id);
      continue;
    }
    await pause();
    const recollection = memory.session(id);
    if (recollection.isKnown) {
      lookedAt += recollection.files;
      continue;
    }
    const findings = await checkUnknown(followed, id, recollection, effort);
    if (findings.length > 0) await found(findings);
  }
  await memory.save();
  return trusted;
}

/** Checks a session of the JSON generation, unless it is known to be unchanged. */
export async function checkSession(
  input: StartCheckInput,
  followed: FollowedStore,
  sessionID: string,
  effort: Effort = { concurrency: input.settings.concurrency, counts: noCounts() },
): Promise<ConfirmedFinding[]> {
  const recollection = input.memory.session(sessionID);
  return recollection.isKnown ? [] : checkUnknown(followed, sessionID, recollection, effort);
}

async function checkUnknown(
  followed: FollowedStore,
  sessionID: string,
  recollection: Recollection,
  effort: Effort,
): Promise<ConfirmedFinding[]> {
  const scope = { what: "session", sessionID } as const;
  if (await isHealthyAtFirst(followed, sessionID, effort)) {
    recollection.learn(true);
    return [];
  }
  const findings = await checkScope(followed, scope, effort);
  recollection.learn(findings.length === 0);
  return findings;
}

/**
 * A quick check of the records that opencode is about to load, which takes milliseconds. Returns whether the records
 * look healthy, or `"unread"` if `isOver` ended the check and nothing suspicious was seen before.
 */
export function firstLook(
  { opened: { store } }: FollowedStore,
  scope: LoadedScope,
  counts: Counts,
  isOver: () => boolean,
): "healthy" | "suspect" | "unread" {
  const { visit, isHealthy } = impressionOf(store);
  const isThrough = store.scanNow(scope, visit, counts, isOver);
  if (!isHealthy()) return "suspect";
  return isThrough ? "healthy" : "unread";
}

/** The quick check of a session of the JSON generation. The quick check pauses regularly, so that opencode can work. */
async function isHealthyAtFirst(
  followed: FollowedStore,
  sessionID: string,
  { counts, pause }: Effort,
): Promise<boolean> {
  const { store } = followed.opened;
  const { fileRecords } = store;
  if (pause === undefined || fileRecords === null) {
    return firstLook(followed, { what: "session", sessionID }, counts, () => false) === "healthy";
  }
  const { visit, isHealthy } = impressionOf(store);
  for (const _step of fileRecords.inSteps(sessionID, visit, counts)) {
    if (!isHealthy()) break;
    await pause();
  }
  return isHealthy();
}

/** A visitor of records, which remembers whether all of them look healthy. */
function impressionOf({ description }: Store): { readonly visit: Visit; isHealthy(): boolean } {
  let isHealthy = true;
  return {
    visit: (artifact, text, row) => {
      isHealthy &&= looksHealthy(artifact, text, row, description);
    },
    isHealthy: () => isHealthy,
  };
}

type Effort = Omit<InspectOptions, "storeIndex">;

/** The findings that keep opencode from loading a record. `scope` says which records are checked. */
export async function checkScope(
  followed: FollowedStore,
  scope: Scope,
  effort: Effort = { concurrency: 1, counts: noCounts() },
): Promise<ConfirmedFinding[]> {
  const { origin, store, description } = followed.opened;
  const found = await inspectScope(store, scope, { ...effort, storeIndex: followed.index });
  const isShared = found.length > 0 && origin !== null && origin.kind !== "1.x";
  // The module is loaded only if something is found in a database that a newer opencode has written.
  const known = isShared
    ? (await import("../repair/by-origin.ts")).byOrigin(origin, found, description.running)
    : found;
  return known.filter((finding) => finding.severity === "blocking");
}

/** Repairs the records that may be repaired without asking, and reports the result. */
export async function repairUnasked(
  input: StartCheckInput,
  trigger: Notice["trigger"],
  found: readonly ConfirmedFinding[],
  patienceMs: number,
): Promise<Notice> {
  const findings = withoutRepeats(found);
  const notice: Notice = { trigger, runID: null, items: [], remaining: findings, warnings: [], stopped: null };
  if (findings.length === 0) return notice;
  if (input.refusal) return { ...notice, stopped: input.refusal };
  if (input.settings.preload !== "repair") return notice;
  // The module is loaded only for a repair, so a healthy start does not load it.
  const { repair } = await import("../repair/repair.ts");
  const result = await repair({
    files: input.files,
    located: input.located,
    access: "beside-host",
    findings,
    selection: { codes: null, unasked: true },
    trigger,
    hostVersion: input.hostVersion,
    patienceMs,
  });
  const { isOvertaken } = await import("../stores/writer.ts");
  // Another start or a command repaired the record first, so its present content differs from the finding.
  const overtaken = new Set(result.items.filter(({ reason }) => isOvertaken(reason)));
  const settled = result.items.filter((item) => item.action !== "skipped" || overtaken.has(item));
  const done = new Set(settled.map((item) => item.recordID));
  return {
    ...notice,
    runID: result.runID,
    items: result.items.filter((item) => !overtaken.has(item)),
    remaining: findings.filter((finding) => !done.has(finding.recordID)),
    stopped: result.stopped?.message ?? null,
  };
}

/**
 * Completes or rolls back a run that a crash interrupted. Deletes runs whose records all left quarantine, after the
 * configured number of days (`retentionDays`). `checked`: the stores that were checked completely.
 */
export async function forgetFinishedRuns(input: StartCheckInput, checked: readonly WholeCheck[]): Promise<void> {
  const { files, located, settings } = input;
  if (settings.preload !== "repair" || (await files.stat(quarantinePath(located.dataDir))) === null) return;
  const where = { files, located, access: "beside-host" } as const;
  const { isUnfinished } = await import("../quarantine/runs.ts");
  if (await isUnfinished(files, located.dataDir)) await (await import("../repair/repair.ts")).settleUnfinished(where);
  const { deleteFinishedRuns } = await import("../repair/finished-runs.ts");
  await deleteFinishedRuns(where, checked, settings.retentionDays * DAY_MS);
}

function withoutRepeats(findings: readonly ConfirmedFinding[]): ConfirmedFinding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding.locator), finding])).values()];
}
