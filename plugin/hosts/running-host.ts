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

/** What the running opencode does, and what it allows a plugin to do. */
export interface HostAbilities {
  /** Whether this opencode keeps its sessions in JSON files. */
  readonly keepsFiles: boolean;
  /** Whether one bad file makes the whole list of sessions fail (measured: yes up to 1.1.34, no from 1.1.53 on). */
  readonly failsWholeLists: boolean;
  /** Whether a tool of a plugin can ask the user with `ctx.ask` (measured: absent in 1.1.12, present in 1.1.25). */
  readonly asksForTools: boolean;
  /** Whether a plugin can keep a text of the user from being sent to the model (measured on 1.1.65 to 1.18.34). */
  readonly interceptsMessages: boolean;
  /** Whether a tool of a plugin may return more than text (measured: not in 1.2.27; 1.14.41 ignores the title). */
  readonly takesRichResults: boolean;
}

/**
 * What a version of opencode does and allows. An unknown version is treated like the newest, because the newest is the
 * most common.
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

/** Whether `version` is equal to or newer than `wanted`. An unknown version (`null`) counts as newer. */
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
