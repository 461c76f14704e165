import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import { newRunID } from "../quarantine/run-id.ts";
import { type Plan, planRepair } from "./plan.ts";
import { type RepairInput, type RepairResult, repair } from "./repair.ts";

export interface ConvergeInput extends RepairInput {
  /** What a check finds now; `null`: it was stopped. */
  readonly findAgain: () => Promise<readonly ConfirmedFinding[] | null>;
  /** Whether the next step of the repair may be made as well. Without it, it may. */
  readonly confirm?: (next: Plan) => Promise<boolean>;
}

export interface ConvergedResult extends RepairResult {
  /** Everything that was planned, step for step. */
  readonly plans: readonly Plan[];
}

/** Each step brings to light what stood behind the one before: a project's folder follows from its sessions'. */
const MOST_STEPS = 5;

/**
 * Repairs, checks again (after the last step as well) and repairs what that brought to light, as one run. No record is changed twice, so that the run
 * can be undone in any order.
 */
export async function repairThroughout(input: ConvergeInput): Promise<ConvergedResult> {
  const runID = newRunID(Date.now());
  const plans: Plan[] = [];
  const planned = new Set<string>();
  let findings = input.findings;
  let result: RepairResult = { runID: null, manifests: [], items: [], stopped: null };
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const open = findings.filter((finding) => !planned.has(placeOf(finding)));
    const plan = planRepair(open, input.selection);
    if (plan.length === 0) break;
    if (step > 0 && input.confirm !== undefined && !(await input.confirm(plan))) break;
    plans.push(plan);
    for (const { store, operations } of plan)
      for (const { locator } of operations) planned.add(placeOf({ store, locator }));
    const done = await repair({ ...input, findings: open, runID });
    result = {
      runID: done.runID ?? result.runID,
      manifests: [...result.manifests, ...done.manifests],
      items: [...result.items, ...done.items],
      stopped: done.stopped,
    };
    const found = await input.findAgain();
    if (found === null || done.stopped !== null || done.items.every(({ action }) => action === "skipped")) break;
    findings = found;
  }
  return { ...result, plans };
}

function placeOf({ store, locator }: Pick<ConfirmedFinding, "store" | "locator">): string {
  return `${store} ${locatorText(locator)}`;
}
