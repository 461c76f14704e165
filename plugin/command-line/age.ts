const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Reads an age such as `30d`, `12h` or `2w`. Returns milliseconds, or `null` for any other text. */
export function parseAge(text: string): number | null {
  const match = /^(\d{1,6})([mhdw])$/.exec(text);
  const unit = match?.[2];
  return match === null || unit === undefined ? null : Number(match[1]) * (UNIT_MS[unit] ?? 0);
}
