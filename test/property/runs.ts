/** How many cases each property is tried on, times the weight of the property (`PROPERTY_RUNS`). */
export const RUNS = Number(process.env.PROPERTY_RUNS ?? 20);
