import type { Action } from "../repair/apply.ts";

/** Screen words for what was done to a record. JSON keeps the names of the contract. */
const WORDS: Readonly<Partial<Record<Action, string>>> = { normalised: "completed", settled: "closed" };

export function actionWord(action: Action): string {
  return WORDS[action] ?? action;
}
