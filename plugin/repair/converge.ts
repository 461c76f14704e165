import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import { newRunID } from "../quarantine/run-id.ts";
import { type Plan, planRepair } from "./plan.ts";
import { type RepairInput, type RepairResult, repair } from "./repair.ts";

export interface ConvergeInput extends RepairInput {
  /** Checks the same sessions again; `null` if the check was stopped. */
  readonly findAgain: () => Promise<readonly ConfirmedFinding[] | null>;
  /** Asks the user whether the next step may be done. Without this function, every step is done. */
  readonly confirm?: (next: Plan) => Promise<boolean>;
}

export interface ConvergedResult extends RepairResult {
  /** The plans of all repair steps, in their order. */
  readonly plans: readonly Plan[];
}

/**
 * The largest number of repair steps. Each step can reveal problems that were hidden before: for example, a project's
 * folder follows from its repaired sessions.
 */
const MOST_STEPS = 5;

/**
 * Repairs, checks again, and repairs what the new check finds, all in one run. A later step may change a record again,
 * but only because of another problem. The undo of a run begins with its last step.
 * If the user chose certain problems, a later step also repairs new problems in the same sessions. Example: opencode
 * reads the parts of a message only after the message was recovered.
 */
export async function repairThroughout(input: ConvergeInput): Promise<ConvergedResult> {
  const runID = newRunID(Date.now());
  const plans: Plan[] = [];
  /** The problems that a step was to repair. No problem is repaired twice, so every run ends. */
  const planned = new Set<string>();
  /** Sessions in which a record was recovered or rebuilt. */
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
    const open = findings.filter((finding) => !planned.has(problemOf(finding)));
    const plan = planRepair(open, selection);
    if (plan.length === 0) break;
    if (step > 0 && input.confirm !== undefined && !(await input.confirm(plan))) break;
    plans.push(plan);
    for (const { store, operations } of plan) {
      for (const { code, locator } of operations) planned.add(problemOf({ store, code, locator }));
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

function problemOf(finding: Pick<ConfirmedFinding, "store" | "code" | "locator">): string {
  return `${finding.code} ${placeOf(finding)}`;
}

function placeOf({ store, locator }: Pick<ConfirmedFinding, "store" | "locator">): string {
  return `${store} ${locatorText(locator)}`;
}
