/** Whether everything is tried, not only the part that `npm test` tries (`npm run test:whole`). */
export const IS_WHOLE = process.env.WHOLE === "1";
