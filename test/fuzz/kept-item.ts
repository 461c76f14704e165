/** What every item of a made-up quarantine holds. */
export const KEPT = Buffer.from("kept");
