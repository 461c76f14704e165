/**
 * What a case may take, in milliseconds; `null` in the test suite, which measures no time. The long runs, which have the
 * machine for themselves, take a case that is too slow for a defect: `npm run test:fuzz`, `npm run test:fuzz:coverage`.
 */
export function longestCase(milliseconds: number): number | null {
  return process.env.FUZZ_TIMES === undefined ? null : milliseconds;
}
