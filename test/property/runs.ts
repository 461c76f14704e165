/** The number of cases for each property (`PROPERTY_RUNS`). Some properties multiply it. */
export const RUNS = Number(process.env.PROPERTY_RUNS ?? 20);
