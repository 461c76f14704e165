/**
 * The seed for all random test cases. Without `SEED`, every run tries the same cases. `SEED=N npm test` tries others.
 */
export const SEED = Number(process.env.SEED ?? 20_261_129);
