import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import { newRunID } from "../quarantine/run-id.ts";
import { type Plan, planRepair } from "./plan.ts";
import { type RepairInput, type RepairResult, repair } from "./repair.ts";

export interface ConvergeInput extends RepairInput {
  /** Checks again; `null` if the check was stopped. */
  readonly findAgain: () => Promise<readonly ConfirmedFinding[] | null>;
  /** Asks whether the repair may do its next step. Without this function it may. */
  readonly confirm?: (next: Plan) => Promise<boolean>;
}

export interface ConvergedResult extends RepairResult {
  /** All plans, step by step. */
  readonly plans: readonly Plan[];
}

/**
 * Each step can reveal problems that the previous one hid. For example, a project's folder follows from its sessions.
 */
const MOST_STEPS = 5;

/**
 * Repairs, checks again (also after the last step), and repairs the findings of that check, all as one run. No record
 * is changed twice, so that the items of the run can be undone in any order. If the user named some codes, a later step
 * also repairs problems that an earlier step revealed in the same sessions: opencode then reads the parts of a restored
 * message.
 */
export async function repairThroughout(input: ConvergeInput): Promise<ConvergedResult> {
  const runID = newRunID(Date.now());
  const plans: Plan[] = [];
  const planned = new Set<string>();
  /** Sessions in which a record was restored. */
  const restored = new Set<string | null>();
  const failedBefore = new Set(input.findings.filter(isBlocking).map(placeOf));
  const isRevealed = (finding: ConfirmedFinding) =>
    isBlocking(finding) &&
    finding.sessionID !== null &&
    restored.has(finding.sessionID) &&
    !failedBefore.has(placeOf(finding));
  let { findings, selection } = input;
  let result: RepairResult = { runID: null, manifests: [], items: [], stopped: null };
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const open = findings.filter((finding) => !planned.has(placeOf(finding)));
    const plan = planRepair(open, selection);
    if (plan.length === 0) break;
    if (step > 0 && input.confirm !== undefined && !(await input.confirm(plan))) break;
    plans.push(plan);
    for (const { store, operations } of plan) {
      for (const { locator } of operations) planned.add(placeOf({ store, locator }));
    }
    const done = await repair({ ...input, selection, findings: open, runID });
    for (const { action, sessionID } of done.items) if (action === "recovered") restored.add(sessionID);
    result = {
      runID: done.runID ?? result.runID,
      manifests: [...result.manifests, ...done.manifests],
      items: [...result.items, ...done.items],
      stopped: done.stopped,
    };
    const found = await input.findAgain();
    if (found === null || done.stopped !== null || done.items.every(({ action }) => action === "skipped")) break;
    const { codes } = input.selection;
    findings = codes === null ? found : found.filter((each) => codes.includes(each.code) || isRevealed(each));
    if (codes !== null) selection = { ...input.selection, codes: null, also: codes };
  }
  return { ...result, plans };
}

function isBlocking({ severity }: ConfirmedFinding): boolean {
  return severity === "blocking";
}

function placeOf({ store, locator }: Pick<ConfirmedFinding, "store" | "locator">): string {
  return `${store} ${locatorText(locator)}`;
}
