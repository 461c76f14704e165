/** `octet_length` came with SQLite 3.43. bun:sqlite uses the system's library on macOS: 3.37 on macOS 12, 3.39 on 13. */
const FIRST_WITH_OCTET_LENGTH = [3, 43] as const;

let hasOctetLength = true;

/** Says which SQLite this process has; asked once, when its driver is loaded. */
export function noteSQLiteVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [firstMajor, firstMinor] = FIRST_WITH_OCTET_LENGTH;
  hasOctetLength = major > firstMajor || (major === firstMajor && minor >= firstMinor);
}

/** SQL for the length of a value in bytes. `octet_length` does not read the value itself, which may be very large. */
export function byteLength(column: string): string {
  return hasOctetLength ? `octet_length(${column})` : `length(cast(${column} as blob))`;
}
