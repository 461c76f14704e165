import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { COLUMNS_MISSING } from "../faults/skew.ts";
import { openersText } from "../platform/open-files.ts";
import { thisSystem } from "../platform/this-system.ts";
import type { RepairLock } from "../quarantine/lock.ts";
import { type CheckResult, check } from "../repair/check.ts";
import { networkFileSystemOf } from "../repair/data-directory.ts";
import { isStopped, settleUnfinished, underLock } from "../repair/repair.ts";
import type { SalvageReport, Stage } from "../salvage/salvage.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { hasOtherConnection } from "../stores/sqlite/sole-use.ts";
import { sizeText } from "../words/amounts.ts";
import { NOTHING_CHANGED } from "../words/answers/common.ts";
import { isWhole, type SalvageDone, salvageText, salvageVerdict } from "../words/answers/salvage.ts";
import { listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { salvageAside, surveyAside } from "./aside.ts";
import { isAgreed } from "./confirmation.ts";
import { answer, type CommandContext, commandHere, problem, stopped } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { namesForScreen } from "./known-sessions.ts";
import { unlessLeft } from "./leaving.ts";
import { showProgress } from "./progress-line.ts";
import { damagedDatabase, WITHOUT_TARGET } from "./salvage-target.ts";

type Salvage = Command & { name: "salvage" };

const STAGES: Readonly<Record<Stage, string>> = {
  mapping: "Looking at every page",
  reading: "Reading rows",
  filling: "Filling gaps from the event log",
  indexing: "Building indexes",
  verifying: "Verifying the new database",
};

/**
 * `salvage`: builds a new database from the readable parts of a damaged one. The new database replaces the damaged one
 * only if the user asks for it.
 */
export async function salvageCommand(context: CommandContext, command: Salvage): Promise<ExitStatus> {
  const { files, located, terminal } = context;
  // An interrupted salvage is completed or rolled back before this salvage looks for damage.
  if (command.yes && !command.dryRun) await settleUnfinished({ files, located, access: "outside" });
  const target = await unlessLeft(() => damagedDatabase(context, command.swap), context.signal);
  if (target === null || context.signal.aborted)
    return stopped(context, `Stopped before the database was checked. ${NOTHING_CHANGED}`);
  if (target.outcome === "sound") {
    answer(context, listAnswer({ swapped: false, message: target.message }), target.message);
    return WITHOUT_TARGET.sound;
  }
  if (target.outcome !== "found") return problem(context, target.message, WITHOUT_TARGET[target.outcome]);
  const { database, code, evidence, isSwappable } = target;
  if (!(await confirmed(context, command, database))) {
    const message = command.dryRun ? "dry run" : "not confirmed";
    answer(context, listAnswer({ runID: null, swapped: false, message }), "");
    return EXIT.findings;
  }
  const driver = await loadDriver();
  if (driver === null)
    return problem(context, "This runtime has no SQLite that could write the new database.", EXIT.refused);
  const runs = await import("../salvage/salvage-run.ts");
  const { salvage } = await import("../salvage/salvage.ts");
  const { SalvageStoppedError } = await import("../salvage/stopped.ts");
  // SQLite creates files with the permissions that the umask allows. Other users must not read the new database.
  process.umask(0o077);
  const work = async (lock: Pick<RepairLock, "isHeld">): Promise<SalvageDone> => {
    const earlier = await runs.findSalvageRun(files, located.dataDir, database);
    if (earlier === null) terminal.progress("Copying the database aside …");
    const run = earlier ?? (await runs.copyAside(files, located.dataDir, database, code, evidence, context.signal));
    let report = await runs.finishedReport(files, run);
    if (report === null) {
      await runs.discardUnfinished(files, run);
      const { source, target } = run;
      const { signal } = context;
      const input = { source, target, dataDir: located.dataDir, signal, onProgress: stageProgress(terminal) };
      report = await salvageAside(input);
      if (report === null) {
        await runs.discardUnfinished(files, run);
        if (signal.aborted) throw new SalvageStoppedError(true);
        report = await salvage({ files, driver, ...input });
      }
      if (code === COLUMNS_MISSING.code) report = withLostTables(report);
      await runs.finishSalvage(files, run, report);
    }
    const checked = await checkNew(context, run.target);
    // If no other process could be started, an interrupt is noticed only here, before anything is swapped.
    await setImmediate();
    if (context.signal.aborted) throw new SalvageStoppedError(true);
    // If missing columns or tables were the only damage, the new database must have them again. Otherwise it is no
    // better than the old one.
    const isBetter = code !== COLUMNS_MISSING.code || report.emptyColumns.length > 0;
    const swapped =
      command.swap && report.isSound && isBetter ? await runs.swapIn(files, run, database, lock, context.signal) : null;
    return { run, report, checked, isSwapped: swapped !== null };
  };
  try {
    const outcome = await underLock({ files, located, access: "outside" }, work);
    if (isStopped(outcome)) {
      return problem(context, outcome.message, outcome.kind === "failed" ? EXIT.failed : EXIT.refused);
    }
    return tell(context, outcome, database, isSwappable);
  } catch (error) {
    if (!(error instanceof SalvageStoppedError)) throw error;
    const copy = error.keepsCopy ? "the copy is kept, and the next salvage uses it" : "the incomplete copy is removed";
    return stopped(context, `Stopped. The database was not changed; ${copy}.`);
  }
}

async function confirmed(context: CommandContext, command: Salvage, database: string): Promise<boolean> {
  const { files, terminal } = context;
  const size = (await files.stat(database))?.size ?? 0;
  const show = context.options.json ? terminal.say : terminal.print;
  const network = command.swap ? await networkFileSystemOf(files, dirname(database)) : undefined;
  if (network !== undefined) {
    terminal.say(
      `The database is on a network file system (${network}), so this tool cannot see whether another machine has it open. Close every opencode on every machine.`,
    );
  }
  if (!command.yes || command.dryRun) {
    const name = basename(database);
    show(
      `Plan: copy ${name} (${sizeText(size)}) with its WAL into quarantine, and build a new database beside the copy.`,
    );
    show("The new database gets all that is left in the copy, in the event log and in the files of opencode 1.0-1.1.");
    show(
      command.swap
        ? `Then the new database takes the place of ${name}, and the damaged database stays in quarantine.`
        : `${name} stays as it is. With --swap, the new database takes the place of ${name}.`,
    );
    const { openFiles } = await thisSystem();
    const openers = (await openFiles?.openersOf([database, `${database}-wal`])) ?? [];
    if (openers.length > 0) show(`The database is in use by ${openersText(openers)}. Close the database there first.`);
    else {
      const driver = await loadDriver();
      const isOpen = driver !== null && (await hasOtherConnection(files, driver, database));
      if (isOpen) show("A process that this tool cannot see has the database open. Close the database first.");
    }
  }
  if (command.dryRun) return false;
  if (command.yes) return true;
  return isAgreed(
    context,
    command.swap ? "Salvage the database, and put the new database in its place?" : "Salvage the database?",
  );
}

/** Checks the new database by the rules of the host that will load it. */
async function checkNew(context: CommandContext, database: string): Promise<CheckResult | null> {
  const located = { dataDir: context.located.dataDir, json: "none" as const, databases: [database] };
  const outcome = await check({
    files: context.files,
    located,
    sessionIDs: [],
    concurrency: context.options.concurrency,
    signal: context.signal,
    surveyAside,
  });
  return outcome.ok ? outcome.result : null;
}

async function tell(
  context: CommandContext,
  done: SalvageDone,
  database: string,
  isSwappable: boolean,
): Promise<ExitStatus> {
  const { run, report, checked, isSwapped } = done;
  const { runID } = run.manifest;
  const blocking = (checked?.findings ?? []).filter((finding) => finding.severity === "blocking");
  const unloadable = new Set(blocking.flatMap(({ sessionID }) => (sessionID === null ? [] : [sessionID])));
  const sessions = report.sessions.map((session) => ({ ...session, loads: !unloadable.has(session.sessionID) }));
  const made = isSwapped ? database : run.target;
  const located = { ...context.located, json: "none", databases: [made] } as const;
  const names = await namesForScreen({ ...context, located });
  const document = listAnswer({
    runID,
    manifests: [join(run.folder, "manifest.json")],
    database: made,
    swapped: isSwapped,
    ...report,
    sessions,
    remaining: blocking.length,
    verdict: salvageVerdict(done),
  });
  const command = (...args: readonly string[]) => commandHere(context, ...args);
  answer(
    context,
    document,
    salvageText(done, sessions, blocking, { terminal: context.terminal, names, command, isSwappable }),
  );
  if (!report.isSound || checked === null) return EXIT.failed;
  return blocking.length > 0 || !isWhole(report) ? EXIT.findings : EXIT.done;
}

/** Shows the progress of a salvage. Each stage of the salvage has its own count of pages, which begins at zero. */
function stageProgress(terminal: CommandContext["terminal"]): (stage: Stage, done: number, of: number) => void {
  let current: { readonly stage: Stage; readonly tell: ReturnType<typeof showProgress> } | null = null;
  return (stage, done, of) => {
    if (current?.stage !== stage) current = { stage, tell: showProgress(terminal, STAGES[stage], "pages") };
    current.tell(done, of);
  };
}

/** Adds missing tables to the missing columns of the report. The content of both is unknown. */
function withLostTables(report: SalvageReport): SalvageReport {
  const tables = report.addedSchemaObjects.filter((name) => name in report.rows);
  return { ...report, emptyColumns: [...report.emptyColumns, ...tables] };
}
