/** On how many cases each property is tried (`PROPERTY_RUNS`). Some properties multiply this number. */
export const RUNS = Number(process.env.PROPERTY_RUNS ?? 20);
