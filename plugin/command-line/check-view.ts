import { mayWriteIn } from "../platform/permissions.ts";
import { entryNow } from "../platform/read-now.ts";
import { quarantinePath } from "../quarantine/places.ts";
import type { CheckResult } from "../repair/check.ts";
import type { CheckView, Obstacle } from "../words/answers/check.ts";
import { type CommandContext, commandHere } from "./context.ts";
import { namesForScreen } from "./known-sessions.ts";
import { mendingCommandFor } from "./mending-command.ts";

/** The reason why a repair cannot save original records in quarantine now; `null` if it can. */
async function obstacle({ located }: Pick<CommandContext, "located">): Promise<Obstacle | null> {
  const { dataDir } = located;
  const quarantine = entryNow(quarantinePath(dataDir));
  if (quarantine !== null && !quarantine.isDirectory()) return "quarantine-is-no-folder";
  for (const folder of [dataDir, ...(quarantine === null ? [] : [quarantinePath(dataDir)])]) {
    if (!mayWriteIn(folder)) return "not-writable";
  }
  return null;
}

/**
 * The settings by which the answer of a check is shown. `sessionIDs` are the sessions that the user named. `tried` are
 * the places of records that a repair has just tried to change.
 */
export async function viewOf(
  context: CommandContext,
  sessionIDs: readonly string[],
  { findings }: Pick<CheckResult, "findings">,
  tried?: ReadonlySet<string>,
): Promise<CheckView> {
  const { dataDir } = context.located;
  return {
    terminal: context.terminal,
    names: findings.length === 0 ? new Map() : await namesForScreen(context),
    isDetailed: sessionIDs.length > 0,
    command: (...args) => commandHere(context, ...args),
    correction: (finding) => mendingCommandFor(finding, dataDir),
    sessionIDs,
    obstacle: await obstacle(context),
    ...(tried !== undefined && { tried }),
  };
}
