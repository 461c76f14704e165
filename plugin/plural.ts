/** A number of things, as a user reads it: `1 record`, `2,000 records`. The only place that makes a noun agree. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${agreeing(count, noun)}`;
}

/** The same with plain digits, for what scripts read too: `1 byte`, `2000 bytes`. */
export function amount(count: number, noun: string): string {
  return `${count} ${agreeing(count, noun)}`;
}

function agreeing(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}
