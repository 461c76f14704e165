import { setImmediate } from "node:timers/promises";
import type { FileSystem } from "../files/file-system.ts";
import { quarantinePath } from "../quarantine/places.ts";
import type { ConfirmedFinding } from "../repair/finding.ts";
import { type InspectOptions, inspect } from "../repair/inspect.ts";
import type { Located } from "../stores/locate.ts";
import { type OpenedStore, openStores } from "../stores/open.ts";
import { noCounts, type Scope } from "../stores/store.ts";
import type { Notice } from "./notice.ts";
import type { PluginSettings } from "./options.ts";
import { gentlePace } from "./pacing.ts";

const DAY_MS = 86_400_000;

export interface StartCheckInput {
  readonly files: FileSystem;
  /** The running host's own store. */
  readonly located: Located;
  readonly projectID: string | null;
  readonly settings: PluginSettings;
  readonly hostVersion: string | null;
}

type OpenStore = OpenedStore & { state: "ok" };

/** Looking takes this share of the budget at most; the rest is for mending what was found. */
const LOOKING_SHARE = 0.25;

/** However slow the machine, this many records are looked at within the budget: all of a small store. */
const LEAST_RECORDS = 500;

/**
 * Checks and mends a store in the order in which opencode needs it: the records that decide whether the project's
 * session list loads, then the project's sessions, most recently used first. The signal says when the budget is spent.
 */
export async function checkBeforeLoad(input: StartCheckInput, budget: AbortSignal): Promise<Notice> {
  const started = performance.now();
  const counts = noCounts();
  const looking = new AbortController();
  const pause = async () => {
    const spent = performance.now() - started > input.settings.budgetMs * LOOKING_SHARE;
    if (budget.aborted || (spent && counts.messages + counts.parts >= LEAST_RECORDS)) looking.abort();
    await setImmediate();
  };
  const effort: Effort = { concurrency: input.settings.concurrency, counts, pause, signal: looking.signal };
  return withStores(input, async (stores) => {
    const findings: ConfirmedFinding[] = [];
    for (const [index, opened] of stores.entries()) {
      if (opened.state === "unusable") continue;
      findings.push(...(await look(opened, index, { what: "list", projectID: input.projectID }, effort)));
      for (const { id } of await opened.store.sessions(input.projectID)) {
        if (looking.signal.aborted) break;
        findings.push(...(await look(opened, index, { what: "session", sessionID: id }, effort)));
      }
    }
    return mend(input, findings);
  });
}

/** Checks and mends the whole store, slowly enough not to be felt. */
export async function checkInBackground(input: StartCheckInput): Promise<Notice> {
  const effort: Effort = { concurrency: 2, counts: noCounts(), pause: gentlePace() };
  return withStores(input, async (stores) => {
    const findings: ConfirmedFinding[] = [];
    for (const [index, opened] of stores.entries()) {
      if (opened.state === "unusable") continue;
      findings.push(...(await look(opened, index, { what: "everything" }, effort)));
    }
    const notice = await mend(input, findings);
    await forgetFinishedRuns(input, findings);
    return notice;
  });
}

async function withStores(
  input: StartCheckInput,
  work: (stores: readonly OpenedStore[]) => Promise<Notice>,
): Promise<Notice> {
  const stores = await openStores(input.files, input.located, "beside-host", input.hostVersion);
  try {
    return await work(stores);
  } finally {
    for (const store of stores) if (store.state === "ok") store.store.close();
  }
}

type Effort = Omit<InspectOptions, "storeIndex">;

async function look(opened: OpenStore, storeIndex: number, scope: Scope, effort: Effort): Promise<ConfirmedFinding[]> {
  const found = await inspect(opened.store, scope, { ...effort, storeIndex });
  return found.filter((finding) => finding.severity === "blocking");
}

async function mend(input: StartCheckInput, found: readonly ConfirmedFinding[]): Promise<Notice> {
  const findings = withoutRepeats(found);
  const notice: Notice = {
    trigger: "preload",
    runID: null,
    items: [],
    remaining: findings,
    warnings: [],
    stopped: null,
  };
  if (findings.length === 0 || input.settings.preload !== "repair") return notice;
  // Loaded only where there is something to mend: a healthy start does not pay for it.
  const { keptByUser, repair } = await import("../repair/repair.ts");
  const kept = await keptByUser(input.files, input.located.dataDir);
  const result = await repair({
    files: input.files,
    located: input.located,
    access: "beside-host",
    findings,
    selection: { codes: null, unasked: true, kept },
    trigger: "preload",
    hostVersion: input.hostVersion,
  });
  const done = new Set(result.items.filter((item) => item.action !== "skipped").map((item) => item.recordID));
  return {
    ...notice,
    runID: result.runID,
    items: result.items,
    remaining: findings.filter((finding) => !done.has(finding.recordID)),
    stopped: result.stopped?.message ?? null,
  };
}

/** Deletes runs that hold nothing any more, after the days that the settings give them. */
async function forgetFinishedRuns(input: StartCheckInput, findings: readonly ConfirmedFinding[]): Promise<void> {
  const { files, located, settings } = input;
  if ((await files.stat(quarantinePath(located.dataDir))) === null) return;
  const { deleteFinishedRuns } = await import("../repair/finished-runs.ts");
  await deleteFinishedRuns({ files, located, access: "beside-host" }, findings, settings.retentionDays * DAY_MS);
}

function withoutRepeats(findings: readonly ConfirmedFinding[]): ConfirmedFinding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding.locator), finding])).values()];
}
