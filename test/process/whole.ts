/** Whether tests that try a part of the hosts or cases try all of them: `npm run test:whole` (docs/development.md). */
export function isWhole(): boolean {
  return process.env.WHOLE === "1";
}
