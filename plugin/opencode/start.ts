import type { Hooks, PluginInput } from "@opencode-ai/plugin";
import { findOptions, readSettings } from "../configuration/options.ts";
import { abilitiesOf, runningHostVersion } from "../hosts/running-host.ts";
import { nodeFileSystem } from "../platform/file-system.ts";
import type { Trigger } from "../quarantine/manifest.ts";
import { filesOf, locate } from "../stores/locate.ts";
import type { Notice } from "../words/answers/notice.ts";
import { sessionRepairTool } from "./agent-tool.ts";
import { storesOfHost } from "./host-store.ts";
import { hasNews, tell } from "./notice.ts";
import { leavePlace, takePlace } from "./one-instance.ts";
import { HostActivity } from "./pacing.ts";
import type { RequestContext } from "./repair-request.ts";
import { answersTo, registerCommand } from "./slash-command.ts";
import type { StartCheckInput } from "./start-check.ts";
import { beginSchedule, stopSchedule } from "./start-schedule.ts";
import { listenForScreen, terminalHalfAnswers } from "./terminal-half.ts";
import { ValidatedMemory } from "./validated-memory.ts";

/** The tool is created this long after the start, in milliseconds, so that the first turn need not wait for it. */
const TOOL_DELAY_MS = 1000;

/**
 * The steps of the plugin when opencode starts it. The first sessions are checked and repaired while opencode waits,
 * for as long as the budget allows. All other work comes later, including all messages.
 */
export async function startPlugin(input: PluginInput, options: unknown): Promise<Hooks> {
  if (!takePlace(input.client)) return {};
  try {
    const hooks = await begin(input, options);
    setTimeout(() => hooks.tool, TOOL_DELAY_MS).unref();
    return hooks;
  } catch (error) {
    leavePlace(input.client);
    throw error;
  }
}

async function begin(input: PluginInput, options: unknown): Promise<Hooks> {
  const { settings, warnings } = readSettings(await findOptions(options, nodeFileSystem, process.env));
  const activity = new HostActivity();
  const hostVersion = runningHostVersion();
  const host = abilitiesOf(hostVersion);
  const projectID = typeof input.project?.id === "string" ? input.project.id : null;
  const request = async (trigger: Trigger, spare: string | null): Promise<RequestContext | null> => {
    const found = await locate(nodeFileSystem, { env: process.env });
    if (!found.ok) return null;
    const located = await storesOfHost(nodeFileSystem, found.located, projectID);
    return { files: filesOf(located), located, hostVersion, concurrency: settings.concurrency, trigger, spare };
  };
  const terminalHalf = await terminalHalfAnswers(nodeFileSystem, process.env, input.directory);
  const listening = listenForScreen(input.client, activity, terminalHalf);
  const { config, isOurs } = registerCommand({ command: !terminalHalf, asks: host.asksForTools });
  const answers = answersTo(input.client, () => request("command", null), isOurs);
  let tools: Hooks["tool"];
  const hooks: Hooks = {
    event: listening.hook,
    config,
    "command.execute.before": answers.command,
    ...(host.interceptsMessages && { "chat.message": answers.message }),
    get tool() {
      try {
        tools ??= { session_repair: sessionRepairTool((sessionID) => request("tool", sessionID)) };
      } catch {
        // opencode can work without this tool. An error that is thrown here would make every tool fail (1.14.41).
      }
      return tools ?? {};
    },
  };
  const told = new Set<string>();
  const say = (all: Notice) => {
    const notice = { ...all, remaining: all.remaining.filter((finding) => !told.has(JSON.stringify(finding.locator))) };
    for (const finding of notice.remaining) told.add(JSON.stringify(finding.locator));
    if (!hasNews(notice)) return;
    const toast = settings.notify && all.note === undefined;
    void (toast ? listening.wait() : Promise.resolve())
      .then(() => tell(input.client, notice, toast))
      .catch(() => undefined);
  };
  if (warnings.length > 0) {
    say({ trigger: "preload", runID: null, items: [], remaining: [], warnings, stopped: null });
  }
  const found = await locate(nodeFileSystem, { env: process.env });
  if (!found.ok) return hooks;
  if (settings.atomicWrites && host.keepsFiles) {
    const { guardHostWrites } = await import("./atomic-writes.ts");
    guardHostWrites(found.located.dataDir, hostVersion);
  }
  if (settings.preload === "off") {
    stopSchedule();
    return hooks;
  }
  const located = await storesOfHost(nodeFileSystem, found.located, projectID);
  const memory = new ValidatedMemory(located.dataDir, hostVersion);
  const check: StartCheckInput = { files: filesOf(located), located, projectID, settings, hostVersion, memory };
  await beginSchedule(check, activity, say);
  return hooks;
}
