/**
 * The version of the opencode process that this plugin runs in. Every released binary has the argument
 * `--user-agent=opencode/<version>` (measured on six versions). `null` if opencode runs from source, or as the desktop
 * app on Node.
 */
export function runningHostVersion(execArgv: readonly string[] = process.execArgv): string | null {
  for (const argument of execArgv) {
    const version = /^--user-agent=opencode\/(\d+\.\d+\.\d+)/.exec(argument)?.[1];
    if (version !== undefined) return version;
  }
  return null;
}

/** The behaviour of the running opencode, and the actions that it allows a plugin. */
export interface HostAbilities {
  /** Whether this opencode keeps its sessions in JSON files. */
  readonly keepsFiles: boolean;
  /** Whether one bad file makes a whole list fail (true up to 1.1.34, false from 1.1.53 on: measured). */
  readonly failsWholeLists: boolean;
  /** Whether the agent's tool has `ctx.ask` (measured: absent in 1.1.12, present in 1.1.25). */
  readonly asksForTools: boolean;
  /** Whether a plugin can keep the user's text from the model (measured 1.1.65 to 1.18.34). */
  readonly interceptsMessages: boolean;
  /** Whether a tool may return more than text (measured: not in 1.2.27; 1.14.41 ignores the title). */
  readonly takesRichResults: boolean;
}

/**
 * The abilities of a version of opencode. An unknown version counts as one of the newest, because these are the most
 * common.
 */
export function abilitiesOf(version: string | null): HostAbilities {
  return {
    keepsFiles: !isAtLeast(version, "1.2.0"),
    failsWholeLists: !isAtLeast(version, "1.1.53"),
    asksForTools: isAtLeast(version, "1.1.25"),
    interceptsMessages: isAtLeast(version, "1.1.28"),
    takesRichResults: isAtLeast(version, "1.14.41"),
  };
}

/** Whether the first version is equal to or newer than the second. */
function isAtLeast(version: string | null, wanted: string): boolean {
  return version === null || compareVersions(version, wanted) >= 0;
}

/** Compares two versions: below zero if the first is older, above zero if the first is newer. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((version) => version.split(".").map((part) => Number.parseInt(part, 10)));
  for (let index = 0; index < 3; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
