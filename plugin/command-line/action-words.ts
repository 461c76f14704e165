import type { Action } from "../repair/apply.ts";

/** Words on a screen for what was done to a record; in JSON the names of the contract stay. */
const WORDS: Readonly<Partial<Record<Action, string>>> = { normalised: "completed", settled: "closed" };

export function actionWord(action: Action): string {
  return WORDS[action] ?? action;
}
