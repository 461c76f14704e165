import { settleUnfinished } from "../repair/repair.ts";
import { planRestore, type RestoreInput, type RestorePlan, restore } from "../repair/restore.ts";
import { plural, were } from "../repair/words.ts";
import { changeAnswer, NOT_REACHED } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { answer, type CommandContext, checkWithProgress, problem, stopped, UNCHECKED } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { itemLine } from "./text.ts";

type Restore = Command & { name: "restore" };

/** `restore`: puts the items of a run back, byte for byte; refuses where something else is in their place. */
export async function restoreCommand(context: CommandContext, command: Restore): Promise<ExitStatus> {
  const { files, located } = context;
  const { runID, sessionIDs, itemIDs } = command;
  const input: RestoreInput = { files, located, access: "outside", runID, sessionIDs, itemIDs };
  const planning = await planRestore(input);
  if (!planning.ok) {
    return problem(context, planning.message, planning.reason === "unknown" ? EXIT.usage : EXIT.refused);
  }
  const count = planning.plan.runs.reduce((sum, { items }) => sum + items.length, 0);
  if (count > 0 && !(await confirmed(context, command, planning.plan, count))) {
    const items = planning.plan.runs.flatMap(({ sessionID, items: own }) =>
      own.map(({ id, recordID, kind, code }) => ({
        id,
        sessionID,
        recordID,
        kind,
        code,
        action: "skipped" as const,
        reason: "not confirmed",
      })),
    );
    answer(context, changeAnswer({ runID, manifests: [], items, ...(await current(context)) }), "");
    return EXIT.findings;
  }
  if (context.signal.aborted) return stopped(context, "Stopped. Nothing was changed.");
  if (count === 0 && command.yes) await settleUnfinished(input);
  const result = await restore(input, planning.plan);
  const restored = result.items.filter((item) => item.action === "restored").length;
  const after = await current(context);
  const wasStopped = context.options.json && after.verdict === null;
  const messages = [...(result.stopped === null ? [] : [result.stopped.message]), ...(wasStopped ? [UNCHECKED] : [])];
  const message = messages.length === 0 ? undefined : messages.join(" ");
  const document = changeAnswer({
    runID,
    manifests: result.manifests,
    items: result.items,
    ...after,
    ...(message === undefined ? {} : { message }),
  });
  answer(context, document, [`Put ${plural(restored, "record")} back.`, ...result.items.map(itemLine)].join("\n"));
  if (message !== undefined) context.terminal.complain(message);
  if (result.stopped !== null) return result.stopped.kind === "failed" ? EXIT.failed : EXIT.refused;
  if (wasStopped) return EXIT.refused;
  if (result.items.every((item) => item.action === "restored")) return EXIT.done;
  return restored === 0 ? EXIT.refused : EXIT.findings;
}

/** What the store is like now: only the document says it, so only for the document it is looked at. */
async function current(context: CommandContext) {
  if (!context.options.json) return NOT_REACHED;
  const outcome = await checkWithProgress(context, []);
  return outcome.ok ? { remaining: outcome.result.findings, verdict: outcome.result.verdict } : NOT_REACHED;
}

async function confirmed(
  context: CommandContext,
  command: Restore,
  plan: RestorePlan,
  count: number,
): Promise<boolean> {
  if (command.yes) return true;
  const { terminal } = context;
  const show = context.options.json ? terminal.say : terminal.print;
  show(`Plan: put ${plural(count, "record")} back where ${were(count)}.`);
  for (const { sessionID, items } of plan.runs) {
    show(`  ${sessionID ?? "no session"}`);
    for (const item of items) show(`    ${item.id} ${item.kind} ${item.recordID ?? ""} (${item.code})`);
  }
  if (!terminal.interactive) {
    show("Nothing was changed. Add --yes to do this.");
    return false;
  }
  const yes = await terminal.ask(
    `Put ${plural(count, "record")} back? opencode will fail on ${count === 1 ? "it" : "them"} again.`,
  );
  if (!yes) show("Nothing was changed.");
  return yes;
}
