/** A time in the user's own time zone: `2026-11-24 09:05`; empty if there is no such time. */
export function minuteText(timeMs: number): string {
  const local = timeMs - new Date(timeMs).getTimezoneOffset() * 60_000;
  return Math.abs(local) > 8.64e15 ? "" : new Date(local).toISOString().slice(0, 16).replace("T", " ");
}

/** `2026-11-24 10:43:35 UTC`; `null` if there is no such time. */
export function utcText(timeMs: number | null): string | null {
  if (timeMs === null || Math.abs(timeMs) > 8.64e15) return null;
  return `${new Date(timeMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
