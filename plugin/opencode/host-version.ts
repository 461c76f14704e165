/**
 * The version of the opencode process that this plugin runs in, or `null` (opencode from source, Desktop on Node).
 * Every released binary carries it as `--user-agent=opencode/<version>` (measured on the six versions tested against).
 */
export function runningHostVersion(execArgv: readonly string[] = process.execArgv): string | null {
  for (const argument of execArgv) {
    const version = /^--user-agent=opencode\/(\d+\.\d+\.\d+)/.exec(argument)?.[1];
    if (version !== undefined) return version;
  }
  return null;
}

/** Whether a version is at least another; `true` for one that is not known, since the newest hosts are the commonest. */
export function isAtLeast(version: string | null, wanted: string): boolean {
  if (version === null) return true;
  const [own, other] = [version, wanted].map((each) => each.split(".").map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (own?.[index] ?? 0) - (other?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** The first version that does not keep its sessions in JSON files. */
const FIRST_SQLITE_VERSION = "1.2.0";

/** Whether a host keeps its sessions in JSON files; not known of an unknown one. */
export function keepsFiles(hostVersion: string | null): boolean {
  return hostVersion !== null && !isAtLeast(hostVersion, FIRST_SQLITE_VERSION);
}
