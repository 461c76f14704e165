/**
 * A number of things, as a user reads it: `1 record`, `2,000 records`. Only this module chooses between singular and
 * plural.
 */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${agreeing(count, noun)}`;
}

/** A number of things with plain digits, for output that scripts read: `1 byte`, `2000 bytes`. */
export function amount(count: number, noun: string): string {
  return `${count} ${agreeing(count, noun)}`;
}

function agreeing(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** A size in the largest fitting decimal unit, such as `3.2 MB`. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? plural(bytes, "byte") : `${value.toFixed(1)} ${units[unit]}`;
}

/** `it was` or `they were`, for this many records: `2 records restored where they were`. */
export function were(count: number): string {
  return count === 1 ? "it was" : "they were";
}

/** The pronoun for this many things: `it` or `them`. */
export function themOrIt(count: number): string {
  return count === 1 ? "it" : "them";
}

/** The records that were read, in words: `2 sessions, 14 messages, 30 parts`. */
export function countsWords(counts: {
  readonly sessions: number;
  readonly messages: number;
  readonly parts: number;
}): string {
  const { sessions, messages, parts } = counts;
  return `${plural(sessions, "session")}, ${plural(messages, "message")}, ${plural(parts, "part")}`;
}

/** The records that were read, with their size: `2 sessions, 14 messages, 30 parts (3.2 MB)`. */
export function countsText(counts: Parameters<typeof countsWords>[0] & { readonly bytes: number }): string {
  return `${countsWords(counts)} (${sizeText(counts.bytes)})`;
}
