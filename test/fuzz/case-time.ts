/**
 * How many milliseconds a case may take. The test suite measures no times, so there the answer is `null`. In `npm run
 * test:fuzz` and `npm run test:fuzz:coverage`, a case that takes longer is a defect.
 */
export function longestCase(milliseconds: number): number | null {
  return process.env.FUZZ_TIMES === undefined ? null : milliseconds;
}
