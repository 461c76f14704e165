import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { homeIn } from "../stores/locate.ts";
import { parseWithComments, readConfigText } from "./config-file.ts";

/** What the plugin does when opencode starts. */
export type Preload = "repair" | "check" | "off";

/** The options of the plugin. They are the second element of the plugin's entry in opencode.json. */
export interface PluginSettings {
  readonly preload: Preload;
  /** How many files the plugin reads at the same time. */
  readonly concurrency: number;
  /** The longest time that the plugin may delay the start of opencode, in milliseconds. */
  readonly budgetMs: number;
  /**
   * Whether the plugin shows a toast after a repair. Each repair is written to opencode's log, whatever this option
   * says.
   */
  readonly notify: boolean;
  /**
   * Whether the plugin makes opencode 1.0-1.1 write its JSON files in one step, so that a crash leaves no half-written
   * file.
   */
  readonly atomicWrites: boolean;
  /** A repair run is deleted from the quarantine after this many days, if no original record depends on it any more. */
  readonly retentionDays: number;
}

export const DEFAULT_SETTINGS: PluginSettings = {
  preload: "repair",
  concurrency: 16,
  budgetMs: 1000,
  notify: true,
  atomicWrites: true,
  retentionDays: 30,
};

export interface ReadSettings {
  readonly settings: PluginSettings;
  /** One sentence for each option that is unknown or wrong. */
  readonly warnings: readonly string[];
}

const isWholeNumber = (least: number, most: number) => (value: unknown) =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
const isBoolean = (value: unknown) => typeof value === "boolean";

/**
 * The check of each option, and the values that the option accepts, in words. A table is used instead of a schema
 * library, because every import slows the start of opencode.
 */
const RULES: Readonly<Record<keyof PluginSettings, { accepts(value: unknown): boolean; wants: string }>> = {
  preload: {
    accepts: (value) => value === "repair" || value === "check" || value === "off",
    wants: '"repair", "check" or "off"',
  },
  concurrency: { accepts: isWholeNumber(1, 256), wants: "a whole number from 1 to 256" },
  budgetMs: { accepts: isWholeNumber(0, 60_000), wants: "a whole number of milliseconds from 0 to 60000" },
  notify: { accepts: isBoolean, wants: "true or false" },
  atomicWrites: { accepts: isBoolean, wants: "true or false" },
  retentionDays: { accepts: isWholeNumber(1, 36_500), wants: "a whole number of days from 1 to 36500" },
};

function isOption(name: string): name is keyof PluginSettings {
  return Object.hasOwn(RULES, name);
}

/**
 * Reads the plugin's options. If an option is unknown or wrong, `preload` becomes `"check"`, because the plugin must
 * not change sessions on a guess. Without options, the defaults apply.
 */
export function readSettings(options: unknown): ReadSettings {
  if (options === undefined || options === null) return { settings: DEFAULT_SETTINGS, warnings: [] };
  if (typeof options !== "object" || Array.isArray(options)) {
    return { settings: { ...DEFAULT_SETTINGS, preload: "check" }, warnings: ["The options must be an object."] };
  }
  const warnings: string[] = [];
  const chosen: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!isOption(name)) warnings.push(`There is no option "${name.slice(0, 40)}".`);
    else if (!RULES[name].accepts(value)) warnings.push(`The option "${name}" takes ${RULES[name].wants}.`);
    else chosen[name] = value;
  }
  const settings: PluginSettings = { ...DEFAULT_SETTINGS, ...chosen };
  if (warnings.length === 0 || settings.preload === "off") return { settings, warnings };
  return { settings: { ...settings, preload: "check" }, warnings };
}

/** A separate file for the plugin's options. opencode up to 1.3 accepts no options in the plugin's entry. */
const OPTIONS_FILE = "session-repair.json";

/**
 * Finds the options of the user. They are in the plugin's entry in opencode.json, or else in `session-repair.json` in
 * opencode's configuration folder. Returns `undefined` if the user has set no options. A file that cannot be read
 * counts as a wrong option.
 */
export async function findOptions(
  given: unknown,
  files: FileSystem,
  env: Readonly<Record<string, string | undefined>>,
): Promise<unknown> {
  if (given !== undefined && given !== null) return given;
  const global = join(env.XDG_CONFIG_HOME || join(homeIn(env), ".config"), "opencode");
  for (const folder of [env.OPENCODE_CONFIG_DIR, global]) {
    if (!folder) continue;
    try {
      const path = join(folder, OPTIONS_FILE);
      // Usually the file does not exist. `stat` finds that out faster than a read on the thread pool.
      if ((await files.stat(path)) === null) continue;
      const text = await readConfigText(files, path);
      return text === null ? "unreadable" : parseWithComments(text);
    } catch {
      return "unreadable";
    }
  }
  return undefined;
}
