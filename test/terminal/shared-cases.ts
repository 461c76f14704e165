import { expect } from "bun:test";
import { emptyPart } from "./damage-part.ts";
import { closeBy, offers, openSession, typeInPrompt, untilStarted } from "./steps.ts";
import type { TerminalUI } from "./terminal-ui.ts";
import type { UICase } from "./ui-for-cases.ts";

/** For each session, its title and a text. The view shows this text only if it shows the answer of the first turn. */
const SHOWN = {
  plain: ["A plain session", "A single pixel."],
  compacted: ["A compacted session", "Once upon a time."],
} as const;

/**
 * With the server half, the damage may be found as soon as it is written. Otherwise it is found when the session is
 * opened.
 */
export async function repairsAsOpened(
  { store, ui, model }: UICase,
  name: keyof typeof SHOWN,
  hasServer: boolean,
): Promise<void> {
  const [title, words] = SHOWN[name];
  emptyPart(store, store.sessions[name]);
  await openSession(ui, title);
  await ui.waitFor(words);
  await ui.waitFor(hasServer ? /1 damaged record of/ : /1 damaged record of this/);
  expect(model.calls).toBe(0);
}

/** Expects that a UI with the terminal half offers exactly one `/repair`, and that this command opens the dialog. */
export async function offersTheDialog({ ui, model }: UICase): Promise<void> {
  await typeInPrompt(ui, "/repair");
  const shown = await ui.waitFor("open sessions that will not load");
  expect(offers(shown)).toBe(1);
  await ui.press("Enter");
  await ui.waitFor("Session repair: all");
  await closeBy(ui, "Escape", "Session repair: all");
  expect(model.calls).toBe(0);
}

/**
 * The UI was told to open the damaged session of a subagent. It must ask first, and show the session after the user
 * agrees.
 */
export async function opensSubagentAfterYes(ui: TerminalUI): Promise<void> {
  await ui.waitFor("This session cannot be opened");
  await ui.press("Enter");
  await ui.waitFor("An answer of its own.");
  await untilStarted(ui);
  // The view of a subagent's session has no prompt.
  ui.pressTogether("C-x", "n");
  await ui.waitFor("Ask anything");
}
