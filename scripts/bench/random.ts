/**
 * Returns a function that makes random numbers in [0, 1), by the algorithm mulberry32. The same seed always gives the
 * same numbers, so two runs make the same store.
 */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Half of the texts in a session are shorter than this many characters. A few are a thousand times as long. */
const MEDIAN_LENGTH = 250;
const SPREAD = 1.7;
const LONGEST = 512 * 1024;

/** A random text length. It has a log-normal distribution, so a few texts are very long, like real tool outputs. */
export function longTailedLength(random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(LONGEST, Math.round(MEDIAN_LENGTH * Math.exp(SPREAD * normal)));
}
