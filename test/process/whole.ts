/** Whether all cases are tried (`npm run test:whole`). `npm test` tries only some of them. */
export const IS_WHOLE = process.env.WHOLE === "1";
