import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import { findOptions, type ReadSettings, readSettings } from "../../configuration/options.ts";
import { belongingOf, type PluginEntry, pluginEntries } from "../../configuration/package-entry.ts";
import { nodeFileSystem } from "../../platform/file-system.ts";

const STEP_MS = 50;

/** The plugin waits at most this long, in milliseconds, for the terminal UI to read its configuration. */
const LONGEST_WAIT_MS = 10_000;

export interface TerminalSettings extends ReadSettings {
  /**
   * Whether tui.json has options for this plugin. The server half never reads those options, so the terminal half
   * reports mistakes in them.
   */
  readonly isOwn: boolean;
}

/**
 * The options of the terminal half. Options in tui.json come first. Otherwise the options of the server half in
 * opencode.json apply. If it is unclear which options apply, the terminal half changes nothing without asking.
 */
export async function terminalSettings(api: TuiPluginApi, given: unknown, spec: unknown): Promise<TerminalSettings> {
  if (given !== undefined && given !== null) return { ...readSettings(given), isOwn: true };
  const entries = await configured(api);
  if (entries === null) return guarded("opencode did not say in time which options are set.");
  const own: PluginEntry[] = [];
  let isDoubtful = false;
  for (const entry of entries) {
    const belonging =
      entry.spec === spec ? "this package" : await belongingOf(nodeFileSystem, entry.spec, folders(api));
    if (belonging === "this package") own.push(entry);
    else if (belonging === "unknown" && entry.options !== undefined) isDoubtful = true;
  }
  const [first, ...others] = own;
  if (others.some((entry) => !isDeepStrictEqual(entry.options, first?.options))) {
    return guarded("The plugin is listed twice, with different options.");
  }
  if (first === undefined && isDoubtful)
    return guarded(
      "opencode.json names this plugin with different options, so the plugin cannot tell which of them to use.",
    );
  return { ...readSettings(await findOptions(first?.options, nodeFileSystem, process.env)), isOwn: false };
}

/** Options with which the plugin only checks and repairs nothing unasked. The reason is shown as a warning. */
function guarded(reason: string): TerminalSettings {
  const { settings } = readSettings(undefined);
  const warnings = [`${reason} The plugin changes nothing without asking.`];
  return { settings: { ...settings, preload: "check" }, warnings, isOwn: true };
}

/** The `plugin` array that opencode made from all configuration files; `null` if opencode does not provide it. */
async function configured(api: TuiPluginApi): Promise<PluginEntry[] | null> {
  for (let waited = 0; !api.state.ready; waited += STEP_MS) {
    if (waited >= LONGEST_WAIT_MS) return null;
    await sleep(STEP_MS);
  }
  return pluginEntries(api.state.config.plugin);
}

/** The folders whose configuration opencode reads. A relative path in the configuration may refer to each of them. */
function folders(api: TuiPluginApi): string[] {
  const { config, directory, worktree } = api.state.path;
  const projects = [directory, worktree].filter(Boolean).flatMap((folder) => [folder, `${folder}/.opencode`]);
  return [config, process.env.OPENCODE_CONFIG_DIR ?? "", ...projects].filter(Boolean);
}
