import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hooks, PluginInput } from "@opencode-ai/plugin";
import { parseWithComments, readConfigText } from "../configuration/config-file.ts";
import { belongingOf, pluginEntries } from "../configuration/package-entry.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { homeIn } from "../stores/locate.ts";
import { TOOL } from "../tool-identity.ts";
import type { HostActivity } from "./pacing.ts";

/**
 * The plugin has two halves: the server half runs with opencode's server, the terminal half in the thread of the
 * terminal UI. They find each other by the two commands below. opencode publishes these commands for its terminal UI,
 * and both halves receive them. The terminal UI itself ignores unknown commands (measured 1.14.34 to 1.18.34).
 */

/** The terminal half sends this command when the terminal UI is on the screen. From then on, the user sees toasts. */
export const TERMINAL_IS_THERE = "session-repair.terminal-is-there";

/**
 * The server half answers {@link TERMINAL_IS_THERE} with this command. From then on, the server half shows all
 * messages.
 */
export const SERVER_TELLS = "session-repair.server-tells";

/** The event that publishes a command for the terminal UI. */
export const EXECUTED = "tui.command.execute";

/**
 * A message waits for the terminal UI for this time at most, in milliseconds, because a toast is lost if the terminal
 * UI does not listen yet (#38527). The first event from the terminal UI ends the wait. If the plugin has a terminal
 * half in this process, only {@link TERMINAL_IS_THERE} ends the wait.
 */
const LONGEST_WAIT_MS = { alone: 3000, withTerminalHalf: 30_000 } as const;

/** Tells when the user will see a toast. */
export interface ScreenListener {
  readonly hook: NonNullable<Hooks["event"]>;
  /** Resolves when a toast will be seen, or after the longest wait. */
  wait(): Promise<void>;
}

/**
 * Waits until the terminal UI can show a toast. The half of the plugin in the terminal UI (the terminal half) reports
 * when it is ready. If the report comes after the wait has ended, the toast was sent, but nobody saw the toast. So the
 * report is not answered, and the terminal half then shows the message itself.
 */
export function listenForScreen(
  client: PluginInput["client"],
  activity: HostActivity,
  terminalHalf: boolean,
  longestMs: number = terminalHalf ? LONGEST_WAIT_MS.withTerminalHalf : LONGEST_WAIT_MS.alone,
): ScreenListener {
  let seen: () => void = () => undefined;
  const event = new Promise<void>((resolve) => {
    seen = () => {
      isSeen = true;
      resolve();
    };
  });
  let isSeen = false;
  let isToldToNobody = false;
  let waiting: Promise<void> | undefined;
  const waitLongest = async () => {
    await sleep(longestMs, undefined, { ref: false });
    isToldToNobody = !isSeen;
  };
  return {
    hook: async ({ event: { type, properties } }) => {
      activity.noticed();
      if (type === EXECUTED && (properties as { command?: unknown }).command === TERMINAL_IS_THERE) {
        if (!isToldToNobody) void publish(client, SERVER_TELLS);
        seen();
      } else if (!terminalHalf && (type.startsWith("session.") || type.startsWith("tui."))) seen();
    },
    wait() {
      waiting ??= Promise.race([event, waitLongest()]);
      return waiting;
    },
  };
}

async function publish(client: PluginInput["client"], command: string): Promise<void> {
  try {
    await client.tui.publish({ body: { type: EXECUTED, properties: { command } } });
  } catch {
    // If this command is lost, the terminal half shows the messages itself.
  }
}

/**
 * Whether the terminal half of this package offers `/repair` in this process. opencode's terminal UI runs its server in
 * a worker, and lists terminal plugins in `tui.json`. If both halves offered `/repair`, Enter would choose the one of
 * the server half (measured 1.18.33).
 */
export async function terminalHalfAnswers(
  files: FileSystem,
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
  argv: readonly string[] = process.argv,
): Promise<boolean> {
  if (!argv.some((argument) => /tui[\\/]worker\.[jt]s$/.test(argument))) return false;
  for (const path of configPaths(env, directory)) {
    if (await namesThisPackage(files, path)) return true;
  }
  return false;
}

/**
 * The paths at which opencode may find its configuration file `tui.json` or `tui.jsonc`. The file may be in the global
 * folder, in the folder that OPENCODE_CONFIG_DIR names, in the folder `directory`, or in a parent folder of
 * `directory`. OPENCODE_TUI_CONFIG may name one more file.
 */
function configPaths(env: Readonly<Record<string, string | undefined>>, directory: string): string[] {
  const folders = [join(env.XDG_CONFIG_HOME || join(homeIn(env), ".config"), "opencode")];
  if (env.OPENCODE_CONFIG_DIR) folders.push(env.OPENCODE_CONFIG_DIR);
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    folders.push(folder, join(folder, ".opencode"));
    if (dirname(folder) === folder) break;
  }
  const paths = folders.flatMap((folder) => [join(folder, "tui.json"), join(folder, "tui.jsonc")]);
  return env.OPENCODE_TUI_CONFIG ? [env.OPENCODE_TUI_CONFIG, ...paths] : paths;
}

async function namesThisPackage(files: FileSystem, path: string): Promise<boolean> {
  try {
    const text = await readConfigText(files, path);
    if (text === null) return false;
    const { plugin, plugin_enabled: enabled } = parseWithComments(text) as {
      plugin?: unknown;
      plugin_enabled?: unknown;
    };
    if (isSwitchedOff(enabled)) return false;
    for (const { spec } of pluginEntries(plugin)) {
      const belonging = await belongingOf(files, spec, [dirname(path)]);
      if (belonging === "this package") return true;
      // The spec may name an archive or a repository. Whether the archive or repository holds this package can only be
      // guessed from the text of the spec.
      if (belonging === "unknown" && !spec.startsWith("~") && spec.includes(TOOL.name)) return true;
    }
    return false;
  } catch {
    return false;
  }
}

/** Whether `plugin_enabled` of tui.json disables this plugin by its id. */
function isSwitchedOff(enabled: unknown): boolean {
  return typeof enabled === "object" && enabled !== null && (enabled as Record<string, unknown>)[TOOL.name] === false;
}
