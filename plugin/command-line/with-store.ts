import { resolve } from "node:path";
import { nodeFileSystem } from "../platform/file-system.ts";
import { correctingCommand } from "../platform/permissions.ts";
import { defaultDataDir, filesOf, type LocateResult, locate } from "../stores/locate.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { STOPPED, toCorrect } from "../words/answers/common.ts";
import { commandWithNode } from "../words/commands.ts";
import type { Command, CommonOptions } from "./arguments.ts";
import { type CommandContext, problem, stopped } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { handOver } from "./hand-over.ts";
import { silentWhenLeft, unlessLeft } from "./leaving.ts";
import { hasWork, noStoreMessage } from "./no-store.ts";

/** Runs a command that reads a store. Returns an exit status of docs/contract.md. */
export async function runWithStore(
  args: readonly string[],
  command: Command,
  options: CommonOptions,
  terminal: CommandContext["terminal"],
  signal: AbortSignal,
): Promise<number> {
  const found = await locate(nodeFileSystem, { env: process.env, ...options });
  if (command.name === "doctor") {
    const work = (isLeft: () => boolean) => doctor(args, options, silentWhenLeft(terminal, isLeft), found);
    const examined = await unlessLeft(work, signal);
    return examined ?? stopped({ options, terminal }, STOPPED);
  }
  if (!found.ok && found.reason === "denied") {
    const command = correctingCommand(resolve(options.dataDir ?? defaultDataDir(process.env)));
    const way = command === null ? " Run this command as the user who owns the directory." : ` ${toCorrect(command)}`;
    return problem({ options, terminal }, `${found.message}${way}`, EXIT.failed);
  }
  if (!found.ok || !(await hasWork(command, found.located))) {
    return problem({ options, terminal }, await noStoreMessage(args, options, found), EXIT.usage, "no-store");
  }
  if (found.located.databases.length > 0) {
    const driver = await loadDriver();
    const status = await handOver(args, terminal, driver);
    if (status !== null) return status;
    if (driver === null && !WITHOUT_DATABASE.includes(command.name)) {
      return problem({ options, terminal }, noRuntimeMessage(args), EXIT.usage, "no-runtime");
    }
  }
  const context = { files: filesOf(found.located), located: found.located, options, terminal, signal };
  // This note is not necessary, so an error in it is ignored. The command itself reports a database that cannot be
  // opened.
  if (SAYING_NO_ORIGIN.has(command.name)) await noteOrigins(context, command).catch(() => undefined);
  if (!CHANGES_NOTHING.has(command.name)) return dispatch(context, command);
  const work = (isLeft: () => boolean) => dispatch({ ...context, terminal: silentWhenLeft(terminal, isLeft) }, command);
  return (await unlessLeft(work, signal)) ?? stopped(context, STOPPED);
}

/** Commands whose own answer does not say which opencode the databases belong to. A note before the answer says it. */
const SAYING_NO_ORIGIN: ReadonlySet<Command["name"]> = new Set([
  "restore",
  "runs",
  "purge",
  "show",
  "rescue",
  "report",
  "sessions",
]);

async function noteOrigins(context: CommandContext, command: Command): Promise<void> {
  return (await import("./origin-note.ts")).noteOrigins(context, command);
}

/** Commands that may end at any moment, because they change nothing. */
const CHANGES_NOTHING: ReadonlySet<Command["name"]> = new Set(["check", "sessions", "show", "runs", "report"]);

/** Runs `doctor`. It works without a store too, because it reports a missing store as one of its results. */
async function doctor(
  args: readonly string[],
  options: CommonOptions,
  terminal: CommandContext["terminal"],
  found: LocateResult,
): Promise<number> {
  if (found.ok && found.located.databases.length > 0) {
    const status = await handOver(args, terminal, await loadDriver());
    if (status !== null) return status;
  }
  return (await import("./doctor-command.ts")).doctorCommand({ options, terminal }, found);
}

/** Commands that read no database. */
const WITHOUT_DATABASE: readonly Command["name"][] = ["runs", "purge"];

function noRuntimeMessage(args: readonly string[]): string {
  return `Node ${process.versions.node} has no SQLite that can read the database. This machine has no Bun, no Node 22.5 or newer and no opencode that could read the database. Nothing was checked. Run: ${commandWithNode(...args)}`;
}

/** Runs the command. Each command has a module of its own, so that only the needed modules are loaded. */
async function dispatch(context: CommandContext, command: Command): Promise<ExitStatus> {
  switch (command.name) {
    case "check":
      if (command.target !== null)
        return (await import("./upgrade-command.ts")).checkUpgradeCommand(context, command.sessionIDs);
      return (await import("./check-command.ts")).checkCommand(context, command);
    case "repair":
      if (command.target !== null) return (await import("./upgrade-command.ts")).repairUpgradeCommand(context, command);
      return (await import("./repair-command.ts")).repairCommand(context, command);
    case "restore":
      return (await import("./restore-command.ts")).restoreCommand(context, command);
    case "sessions":
      return (await import("./sessions-command.ts")).sessionsCommand(context, command);
    case "runs":
      return (await import("./runs-command.ts")).runsCommand(context, command);
    case "purge":
      return (await import("./purge-command.ts")).purgeCommand(context, command);
    case "unlock":
      return (await import("./unlock-command.ts")).unlockCommand(context, command);
    case "salvage":
      return (await import("./salvage-command.ts")).salvageCommand(context, command);
    case "show":
      return (await import("./show-command.ts")).showCommand(context, command);
    case "rescue":
      return (await import("./rescue-command.ts")).rescueCommand(context, command);
    case "report":
      return (await import("./report-command.ts")).reportCommand(context, command);
    default:
      return EXIT.done;
  }
}
