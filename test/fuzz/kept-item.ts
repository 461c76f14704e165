/** The content of every item in a quarantine that a test made up. */
export const KEPT = Buffer.from("kept");
