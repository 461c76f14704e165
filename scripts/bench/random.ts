/** Repeatable random numbers in [0, 1), so that two runs with one seed make the same store (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Half of all texts of sessions are shorter than this many characters, a few are a thousand times as long. */
const MEDIAN_LENGTH = 250;
const SPREAD = 1.7;
const LONGEST = 512 * 1024;

/** A length from a log-normal distribution, whose tail is as long as that of real tool outputs. */
export function longTailedLength(random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(LONGEST, Math.round(MEDIAN_LENGTH * Math.exp(SPREAD * normal)));
}
