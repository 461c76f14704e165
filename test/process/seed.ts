/** What every test decides by that tries random cases: the same cases each time. `SEED=N npm test` tries others. */
export const SEED = Number(process.env.SEED ?? 20_261_129);
