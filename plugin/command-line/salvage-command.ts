import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { ACCESS_DENIED, DATABASE_IS_FOLDER, NO_ROOM_FOR_COPY } from "../faults/access.ts";
import { DATABASE_MALFORMED, WAL_DAMAGED } from "../faults/container.ts";
import type { Finding } from "../model/finding.ts";
import { openersOf, openersText } from "../platform/openers.ts";
import type { RepairLock } from "../quarantine/lock.ts";
import { type CheckResult, check } from "../repair/check.ts";
import { networkFileSystemOf } from "../repair/data-directory.ts";
import { salvageRefusal } from "../repair/origin-words.ts";
import { isStopped, settleUnfinished, underLock } from "../repair/repair.ts";
import { plural, sizeText } from "../repair/words.ts";
import type { SalvageReport, Stage } from "../salvage/salvage.ts";
import type { SalvageRun } from "../salvage/salvage-run.ts";
import { unreadLog } from "../salvage/write-ahead-log.ts";
import { openStores } from "../stores/open.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { firstDamage } from "../stores/sqlite/integrity.ts";
import { type Origin, withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { openReadView } from "../stores/sqlite/read-view.ts";
import { hasOtherConnection } from "../stores/sqlite/sole-use.ts";
import { listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { aside, surveyAside } from "./aside.ts";
import { answer, type CommandContext, commandHere, problem, stopped } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";

type Salvage = Command & { name: "salvage" };

const STAGES: Readonly<Record<Stage, string>> = {
  mapping: "Looking at every page",
  reading: "Reading rows",
  filling: "Filling gaps from the event log",
  indexing: "Building indexes",
  verifying: "Verifying the new database",
};

/** `salvage`: builds a new database from what can be read of a damaged one; puts it in its place only when asked. */
export async function salvageCommand(context: CommandContext, command: Salvage): Promise<ExitStatus> {
  const { files, located, terminal } = context;
  // What an earlier one left half done is not what there is to salvage.
  if (command.yes && !command.dryRun) await settleUnfinished({ files, located, access: "outside" });
  const target = await damagedDatabase(context, command.swap);
  if (context.signal.aborted) return stopped(context, "Stopped before the database was checked. Nothing was changed.");
  if (target.outcome !== "found") return problem(context, target.message, WITHOUT_TARGET[target.outcome]);
  const { database, code, evidence, isSwappable } = target;
  if (!(await confirmed(context, command, database))) {
    const message = command.dryRun ? "dry run" : "not confirmed";
    answer(context, listAnswer({ runID: null, swapped: false, message }), "");
    return EXIT.findings;
  }
  const driver = await loadDriver();
  if (driver === null) return problem(context, "There is no SQLite to write the new database with.", EXIT.refused);
  const runs = await import("../salvage/salvage-run.ts");
  const { salvage, SalvageStoppedError } = await import("../salvage/salvage.ts");
  // SQLite gives the files that it makes the mode that the process says.
  process.umask(0o077);
  const work = async (lock: Pick<RepairLock, "isHeld">): Promise<Done> => {
    const earlier = await runs.findSalvageRun(files, located.dataDir, database);
    if (earlier === null) terminal.progress("Copying the database aside …");
    const run = earlier ?? (await runs.copyAside(files, located.dataDir, database, code, evidence));
    let report = await runs.finishedReport(files, run);
    if (report === null) {
      await runs.discardUnfinished(files, run);
      report = await salvage({
        files,
        driver,
        source: run.source,
        target: run.target,
        dataDir: located.dataDir,
        signal: context.signal,
        onProgress: (stage, done, of) =>
          terminal.progress(`${STAGES[stage]}${of > 0 ? `: ${Math.floor((100 * done) / of)} %` : ""} …`),
      });
      await runs.finishSalvage(files, run, report);
    }
    const checked = await checkNew(context, run.target);
    // Salvaging feels no signal while it works: it is handled here at the latest, before anything is swapped.
    await setImmediate();
    if (context.signal.aborted) throw new SalvageStoppedError();
    const swapped = command.swap && report.isSound ? await runs.swapIn(files, run, database, lock) : null;
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
    return stopped(context, "Stopped. The database was not changed; the copy stays, and the next salvage uses it.");
  }
}

interface Done {
  readonly run: SalvageRun;
  readonly report: SalvageReport;
  readonly checked: CheckResult | null;
  readonly isSwapped: boolean;
}

type Target =
  | {
      readonly outcome: "found";
      readonly database: string;
      readonly code: string;
      readonly evidence: string;
      /** Whether the new database may take its place. */
      readonly isSwappable: boolean;
    }
  | { readonly outcome: keyof typeof WITHOUT_TARGET; readonly message: string };

const WITHOUT_TARGET = {
  sound: EXIT.done,
  none: EXIT.usage,
  empty: EXIT.findings,
  unavailable: EXIT.refused,
  refused: EXIT.refused,
} as const;

/** The one located database that is damaged. */
async function damagedDatabase(context: CommandContext, swap: boolean): Promise<Target> {
  const { located, terminal } = context;
  if (located.databases.length === 0)
    return { outcome: "none", message: "There is no database in this data directory." };
  const targets: Target[] = [];
  for (const database of located.databases) {
    terminal.progress("Checking the database …");
    targets.push(await targetOf(context, database, swap));
  }
  const damaged = targets.filter((target) => target.outcome === "found");
  if (damaged.length > 1) return { outcome: "none", message: "Several databases are damaged: choose one with --db." };
  const other = targets.find(({ outcome }) => outcome !== "sound");
  return damaged[0] ?? other ?? SOUND;
}

const SOUND: Target = { outcome: "sound", message: "The database is sound: there is nothing to salvage." };

/** What keeps a database from being looked at, and says nothing of it. */
const NO_DAMAGE = new Set([
  "database-unavailable",
  "no-sqlite-runtime",
  ...[ACCESS_DENIED, DATABASE_IS_FOLDER, NO_ROOM_FOR_COPY].map(({ code }) => code),
]);

/** What is wrong with a database as a whole, if a salvage could help. */
async function targetOf(context: CommandContext, database: string, swap: boolean): Promise<Target> {
  const { files, located } = context;
  const [store] = await openStores(files, { ...located, json: "none", databases: [database] }, "outside");
  if (store === undefined) return SOUND;
  if (store.state === "unusable") {
    const { fault, evidence } = store.diagnosis;
    if (fault.code === "database-empty") {
      return { outcome: "empty", message: "The database has zero bytes: there is nothing in it to salvage." };
    }
    // Busy is not broken.
    if (NO_DAMAGE.has(fault.code)) {
      return { outcome: "unavailable", message: `The database cannot be opened at the moment (${evidence}).` };
    }
    return allowed(store.origin, swap, { database, code: fault.code, evidence });
  }
  if (store.state === "unread")
    return allowed(store.origin, swap, { database, code: store.diagnosis.fault.code, evidence: "" });
  if (store.origin === null) return SOUND;
  const stated = withMessagesOf2x(store.origin, store.sessionsOf2x());
  store.store.close();
  const refusal = salvageRefusal(stated, swap);
  if (refusal !== null) return { outcome: "refused", message: refusal };
  const damage = await damageOf(context, database);
  if (damage === null) return SOUND;
  const { originBehind } = await import("../stores/other-databases.ts");
  return allowed(originBehind(store.description, stated), swap, { database, ...damage });
}

/** A damaged database as a target, if a salvage carries over everything that a database of this origin holds. */
function allowed(
  origin: Origin | null,
  swap: boolean,
  damaged: { readonly database: string; readonly code: string; readonly evidence: string },
): Target {
  const refusal = salvageRefusal(origin, swap);
  if (refusal !== null) return { outcome: "refused", message: refusal };
  return { outcome: "found", ...damaged, isSwappable: salvageRefusal(origin, true) === null };
}

/** What is wrong with the pages of a database that can be opened, or with its log; `null`: nothing. */
async function damageOf(
  context: CommandContext,
  database: string,
): Promise<{ readonly code: string; readonly evidence: string } | null> {
  const { files } = context;
  const driver = await loadDriver();
  if (driver === null) return null;
  const view = await openReadView(files, driver, database);
  try {
    const elsewhere =
      view.source === null ? null : await aside({ what: "damage", source: view.source }, context.signal);
    if (context.signal.aborted) return null;
    const evidence = elsewhere?.damage === undefined ? firstDamage(view.connection, "full") : elsewhere.damage;
    if (evidence !== null) return { code: DATABASE_MALFORMED.code, evidence };
    const unread = unreadLog(database);
    return unread === null ? null : { code: WAL_DAMAGED.code, evidence: unread };
  } finally {
    view.connection.close();
    view.release();
  }
}

async function confirmed(context: CommandContext, command: Salvage, database: string): Promise<boolean> {
  const { files, terminal } = context;
  const size = (await files.stat(database))?.size ?? 0;
  const show = context.options.json ? terminal.say : terminal.print;
  const network = command.swap ? await networkFileSystemOf(files, dirname(database)) : undefined;
  if (network !== undefined) {
    terminal.say(
      `The database is on a network file system (${network}): whether another machine has it open cannot be told. Close every opencode on every machine.`,
    );
  }
  if (!command.yes || command.dryRun) {
    const name = basename(database);
    show(
      `Plan: copy ${name} (${sizeText(size)}) with its WAL into quarantine, read everything that is left in the copy,`,
    );
    show("and build a new database beside it from that, from the event log and from the files of opencode 1.0-1.1.");
    show(
      command.swap
        ? `Then the new database takes the place of ${name}; the damaged one stays in quarantine.`
        : `${name} stays as it is. With --swap the new database takes its place.`,
    );
    const openers = await openersOf([database, `${database}-wal`]);
    if (openers.length > 0) show(`The database is open in ${openersText(openers)}: close it first.`);
    else {
      const driver = await loadDriver();
      const isOpen = driver !== null && (await hasOtherConnection(files, driver, database));
      if (isOpen) show("The database is open in a process that cannot be seen from here: close it first.");
    }
  }
  if (command.dryRun) return false;
  if (command.yes) return true;
  if (!terminal.interactive) {
    show("Nothing was changed. Add --yes to do this.");
    return false;
  }
  const yes = await terminal.ask(
    command.swap ? "Salvage the database and put the new one in its place?" : "Salvage the database?",
  );
  if (!yes) show("Nothing was changed.");
  return yes;
}

/** The new database as the host that will load it sees its records. */
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

function tell(context: CommandContext, done: Done, database: string, isSwappable: boolean): ExitStatus {
  const { run, report, checked, isSwapped } = done;
  const { runID } = run.manifest;
  const blocking = (checked?.findings ?? []).filter((finding) => finding.severity === "blocking");
  const unloadable = new Set(blocking.flatMap(({ sessionID }) => (sessionID === null ? [] : [sessionID])));
  const sessions = report.sessions.map((session) => ({ ...session, loads: !unloadable.has(session.sessionID) }));
  const document = listAnswer({
    runID,
    manifests: [join(run.folder, "manifest.json")],
    database: isSwapped ? database : run.target,
    swapped: isSwapped,
    ...report,
    sessions,
    remaining: blocking.length,
    verdict: verdictOf(done),
  });
  answer(context, document, text(done, sessions, blocking, context, isSwappable));
  if (!report.isSound || checked === null) return EXIT.failed;
  return blocking.length > 0 || !isWhole(report) ? EXIT.findings : EXIT.done;
}

/** Whether nothing was lost, and that is known. */
function isWhole({ sessions, lostSessions, lostOfUnknown, lostRows, failedIndexes }: SalvageReport): boolean {
  const known = lostSessions.count + lostOfUnknown.messages + lostOfUnknown.parts + Object.keys(lostRows).length;
  return known + failedIndexes.length === 0 && lostSessions.isCounted && sessions.every((session) => session.isWhole);
}

/** What a check says of the new database, but healthy only where nothing was lost on the way to it. */
function verdictOf({ report, checked }: Done): CheckResult["verdict"] {
  if (checked === null) return "unusable";
  return checked.verdict === "healthy" && !isWhole(report) ? "damaged" : checked.verdict;
}

/** How a new database gets into its place, where it may. */
function placeLines(report: SalvageReport, context: CommandContext, isSwappable: boolean): string[] {
  if (!report.isSound) return [];
  if (isSwappable) return [`To put it in its place: ${commandHere(context, "salvage", "--swap")}`];
  return [
    "`salvage --swap` refuses to put it in its place: nothing that is left of the old file says whether opencode 2.x kept records in it too.",
    "To look at it: copy it to another folder, and start opencode with OPENCODE_DB=COPY.",
  ];
}

type Outcome = SalvageReport["sessions"][number] & { readonly loads: boolean };

function text(
  { run, report, isSwapped }: Done,
  sessions: readonly Outcome[],
  blocking: readonly Finding[],
  context: CommandContext,
  isSwappable: boolean,
): string {
  const { terminal } = context;
  const { rows, fromEvents, fromFiles, fromOlderPages, mended, rebuilt } = report;
  const filled = (from: typeof fromEvents) => from.sessions + from.messages + from.parts;
  const lines = [
    `Brought through: ${plural(rows.session ?? 0, "session")}, ${plural(rows.message ?? 0, "message")}, ${plural(rows.part ?? 0, "part")}.`,
  ];
  const also = [
    [filled(fromEvents), "from the event log"],
    [filled(fromFiles), "from the files of opencode 1.0-1.1"],
    [fromOlderPages, "from older versions of pages"],
    [mended, "cut off, and closed where they broke off"],
    [
      rebuilt.sessions + rebuilt.messages + rebuilt.projects,
      "rebuilt, because opencode shows no record without its parent",
    ],
  ] as const;
  for (const [count, what] of also) if (count > 0) lines.push(`  ${plural(count, "record")} ${what}`);
  lines.push("", ...lossLines(report, sessions, (id) => terminal.style("bold", id)));
  lines.push(
    "",
    report.isSound ? "The new database passes SQLite's integrity check." : "The new database is not sound.",
  );
  lines.push(...remainingLines(blocking, isSwapped));
  if (isSwapped) {
    lines.push("It is in its place. The damaged one is in:", `  ${run.folder}`);
    lines.push(`To undo: ${commandHere(context, "restore", run.manifest.runID)}`);
  } else {
    lines.push("It is here, the live database is as it was:", `  ${run.target}`);
    lines.push(...placeLines(report, context, isSwappable));
  }
  return lines.join("\n");
}

/** What was lost, in words. Whole is said only of a session of which everything is accounted for. */
function lossLines(report: SalvageReport, sessions: readonly Outcome[], named: (id: string) => string): string[] {
  const { lostSessions, lostOfUnknown } = report;
  const whole = sessions.filter((session) => session.isWhole && session.loads);
  const lines = [`${plural(whole.length, "session")} came through whole.`];
  const uncounted = sessions.filter((session) => !session.isCounted && losses(session).length === 0);
  if (uncounted.length > 0) {
    lines.push(
      `${plural(uncounted.length, "session")} may have lost an unknown number of records: what would tell was damaged too.`,
    );
  }
  for (const session of sessions) {
    const what = losses(session);
    if (what.length > 0) lines.push(`  ${named(session.sessionID)}: ${what.join("; ")}`);
  }
  const ofUnknown = [
    ...(lostOfUnknown.messages > 0 ? [plural(lostOfUnknown.messages, "message")] : []),
    ...(lostOfUnknown.parts > 0 ? [plural(lostOfUnknown.parts, "part")] : []),
  ];
  if (ofUnknown.length > 0) lines.push(`Lost, of sessions that nothing names any more: ${ofUnknown.join(" and ")}.`);
  const others = Object.entries(report.lostRows).filter(([table]) => !["session", "message", "part"].includes(table));
  if (others.length > 0) {
    lines.push(`Lost rows of other tables: ${others.map(([table, count]) => `${table} ${count}`).join(", ")}.`);
  }
  if (lostSessions.count > 0) {
    const atLeast = lostSessions.isCounted ? "" : "At least ";
    lines.push(`${atLeast}${plural(lostSessions.count, "session")} lost with everything in it.`);
  } else if (!lostSessions.isCounted) {
    lines.push("Whether whole sessions were lost cannot be told: the list of them was damaged.");
  }
  return lines;
}

function losses(session: Outcome): string[] {
  const { lostMessages, lostParts, lostOthers, cutRecords } = session;
  const lost = [
    ...(lostMessages > 0 ? [plural(lostMessages, "message")] : []),
    ...(lostParts > 0 ? [plural(lostParts, "part")] : []),
    ...(lostOthers > 0 ? [`${plural(lostOthers, "record")} of the event log and the like`] : []),
  ];
  return [
    ...(lost.length > 0 ? [`lost ${session.isCounted ? "" : "at least "}${lost.join(" and ")}`] : []),
    ...(cutRecords > 0 ? [`${plural(cutRecords, "record")} cut off`] : []),
    ...(session.isRebuilt ? ["its own record was lost and rebuilt"] : []),
    ...(session.loads ? [] : ["opencode cannot load it yet"]),
  ];
}

/** Problems that are left in the new database. `repair` acts on the live one, and has no remedy for every problem. */
function remainingLines(blocking: readonly Finding[], isSwapped: boolean): string[] {
  const [mendable, others] = [true, false].map((is) => blocking.filter(({ remedy }) => (remedy !== "report") === is));
  const lines: string[] = [];
  if (mendable !== undefined && mendable.length > 0) {
    const when = isSwapped ? "" : "after the swap, ";
    lines.push(
      `${plural(mendable.length, "problem")} of records left: ${when}\`opencode-session-repair repair\` handles this.`,
    );
  }
  if (others !== undefined && others.length > 0) {
    const when = isSwapped ? "" : "after the swap, ";
    const codes = [...new Set(others.map(({ code }) => code))].join(", ");
    lines.push(
      `${plural(others.length, "problem")} without a remedy (${codes}): ${when}\`opencode-session-repair\` says more.`,
    );
  }
  return lines;
}
