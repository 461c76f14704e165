import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { homeIn } from "../stores/locate.ts";
import { parseWithComments, readConfigText } from "./config-file.ts";

/** The action of the plugin when opencode starts. */
export type Preload = "repair" | "check" | "off";

/** The second element of the plugin's entry in opencode.json. */
export interface PluginSettings {
  readonly preload: Preload;
  /** Files read at once. */
  readonly concurrency: number;
  /** The longest time that the plugin may delay the start of opencode, in milliseconds. */
  readonly budgetMs: number;
  /** Whether the plugin shows a toast after a repair. The log always does. */
  readonly notify: boolean;
  /** opencode 1.0-1.1: whether the host's own writes are made atomic. */
  readonly atomicWrites: boolean;
  /** After this many days, a run that holds no record any more is deleted from quarantine. */
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
 * The check of each option, and its description. The checks are a table instead of a schema library, because every
 * import slows the start of opencode.
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
 * Reads the plugin's options. If an option is unknown or wrong, `preload` becomes `"check"`, so that nothing is changed
 * on a guess. Without options the defaults apply.
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

/** A separate file with the same options, for hosts up to 1.3, whose configuration accepts only names of plugins. */
const OPTIONS_FILE = "session-repair.json";

/**
 * The options of the user: from the plugin's entry in opencode.json; otherwise from `session-repair.json` in opencode's
 * configuration folder; otherwise none. A file that cannot be read counts as a wrong option.
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
      // Mostly the file does not exist, and a synchronous call finds that out faster than the thread pool.
      if ((await files.stat(path)) === null) continue;
      const text = await readConfigText(files, path);
      return text === null ? "unreadable" : parseWithComments(text);
    } catch {
      return "unreadable";
    }
  }
  return undefined;
}
