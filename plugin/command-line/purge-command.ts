import { deleteRun, itemsOnlyHere, runsOlderThan } from "../quarantine/retention.ts";
import { allRuns } from "../quarantine/runs.ts";
import { TAKEN_OVER } from "../repair/apply.ts";
import { isStopped, settleUnfinished, underLock } from "../repair/repair.ts";
import { plural } from "../words/amounts.ts";
import { ADD_YES } from "../words/answers/common.ts";
import type { ListedRun } from "../words/answers/runs.ts";
import { listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { answer, type CommandContext, problem, stopped } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { listedLines, listRun } from "./runs-command.ts";

/** `purge`: shows old runs, then deletes them for good. `purge` is the only command that deletes data for good. */
export async function purgeCommand(context: CommandContext, command: Command & { name: "purge" }): Promise<ExitStatus> {
  const { files, located, terminal } = context;
  const old = runsOlderThan(await allRuns(files, located.dataDir), command.ageMs, Date.now());
  const listed: ListedRun[] = [];
  for (const run of old) listed.push(await listRun(context, run));
  if (old.length === 0) {
    if (command.yes) await settleUnfinished({ files, located, access: "outside" });
    answer(context, listAnswer({ purged: [], planned: [] }), `No runs are older than ${command.age}.`);
    return EXIT.done;
  }
  const show = context.options.json ? terminal.say : terminal.print;
  if (!command.yes || command.dryRun) {
    show("These runs would be deleted for good. After that, their records can no longer be restored:");
    for (const line of await listedLines(context, old, listed)) show(line);
    const only = old.reduce((sum, run) => sum + itemsOnlyHere(run), 0);
    if (only > 0) show(`${only} of these originals ${only === 1 ? "exists" : "exist"} nowhere else.`);
    const undone = old.filter(({ state }) => state.byState.restored !== undefined).length;
    if (undone > 0) {
      show(
        `Records of ${plural(undone, "run")} were restored. If ${undone === 1 ? "this run is" : "these runs are"} deleted, the plugin may repair these records again at the next start of opencode.`,
      );
    }
    const yes = !command.dryRun && terminal.interactive && (await terminal.ask(`Delete ${plural(old.length, "run")}?`));
    if (!yes) {
      answer(
        context,
        listAnswer({ purged: [], planned: listed }),
        command.dryRun ? "" : `Nothing was deleted. ${ADD_YES}`,
      );
      return EXIT.findings;
    }
  }
  if (context.signal.aborted) return stopped(context, "Stopped. Nothing was deleted.");
  const deleted = new Set<string>();
  const outcome = await underLock({ files, located, access: "outside" }, async (lock) => {
    // Another purge may have deleted the run already.
    const left = new Set((await allRuns(files, located.dataDir)).map(({ folder }) => folder));
    for (const run of old) {
      if (context.signal.aborted) return null;
      if (!(await lock.isHeld())) return TAKEN_OVER;
      if (left.has(run.folder)) await deleteRun(files, run);
      deleted.add(run.folder);
    }
    return null;
  });
  const failure = outcome !== null && isStopped(outcome) ? outcome : null;
  if (failure !== null && deleted.size === 0) {
    return problem(context, failure.message, failure.kind === "failed" ? EXIT.failed : EXIT.refused);
  }
  const purged = listed.filter(({ folder }) => deleted.has(folder));
  const planned = listed.filter(({ folder }) => !deleted.has(folder));
  const message = failure?.message ?? (planned.length === 0 ? undefined : "Stopped. The other runs are still there.");
  answer(
    context,
    listAnswer({ purged, planned, ...(message === undefined ? {} : { message }) }),
    `Deleted ${plural(purged.length, "run")}.`,
  );
  if (message !== undefined) terminal.complain(message);
  if (failure !== null) return failure.kind === "failed" ? EXIT.failed : EXIT.refused;
  return planned.length === 0 ? EXIT.done : EXIT.refused;
}
