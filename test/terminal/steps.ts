import { minorOf } from "../host/binary.ts";
import { until } from "../process/until.ts";
import type { TerminalUI } from "./terminal-ui.ts";

/** The last that 1.17 and 1.18 log of their start. */
const STARTED = "booting location services";

/** Waits until opencode has started: keys and requests of its first moments may get lost. */
export async function untilStarted(ui: TerminalUI): Promise<void> {
  // 1.17 and 1.18 never answer a request of their very first moments: the view of a healthy session stays empty too.
  if (minorOf(ui.version) >= 17)
    await until(
      () => ui.log().includes(STARTED),
      () => `no end of the start:\n${ui.log()}`,
    );
  await ui.waitFor(/^(?![\s\S]*Finishing startup)/);
}

/** Waits until the prompt is there and takes input. */
export async function untilReady(ui: TerminalUI): Promise<void> {
  await ui.waitFor("ctrl+p commands");
  await untilStarted(ui);
  await ui.waitForPrompt();
}

/** Closes what shows a text by a key; what is typed before it is gone would go to it. */
export async function closeBy(ui: TerminalUI, key: "Escape" | "Enter", shown: string): Promise<void> {
  await ui.press(key);
  await ui.waitFor(new RegExp(`^(?![\\s\\S]*${shown})`));
}

/** Types text into the prompt. When a dialog has closed, the prompt does not have the cursor at once. */
export async function typeInPrompt(ui: TerminalUI, text: string): Promise<void> {
  await ui.waitForPrompt();
  ui.type(text);
  await ui.waitForCursor(text);
}

/** Removes what was typed. */
export async function clearPrompt(ui: TerminalUI, typed: string): Promise<void> {
  await ui.press("C-u");
  await ui.waitFor(new RegExp(`^(?![\\s\\S]*${typed})`));
  await ui.waitForPrompt();
}

/** Opens a session from the session list, as a person does; without the last key, only up to there. */
export async function openSession(ui: TerminalUI, title: string, { enter } = { enter: true }): Promise<void> {
  await typeInPrompt(ui, "/sessions");
  await ui.waitFor("Switch session");
  await ui.press("Enter");
  await ui.waitFor(/delete ctrl\+d|pin\/unpin/);
  await ui.waitForCursor("Search");
  ui.type(title);
  // The list may show the session before it is filtered. Until then, another session is selected.
  await ui.waitForCursor(title);
  // Under the day on which it was used: stores of earlier days are kept.
  // What is behind the dialog may stand to the left of the row.
  await ui.waitFor(new RegExp(`(Today|\\b20\\d\\d)[^\\n]*\\n[^\\n]*${title}`));
  if (enter) await ui.press("Enter");
}

/** Types `/repair` and waits for what the dialog has found. */
export async function openRepairDialog(ui: TerminalUI): Promise<string> {
  await typeInPrompt(ui, "/repair");
  await ui.waitFor("open sessions that will not load");
  await ui.press("Enter");
  return ui.waitFor(/Session repair: (all|[\d,]+ record)/);
}

/** Lines of the autocomplete that offer the command. */
export function offers(screen: string): number {
  return screen.split("\n").filter((line) => /┃ \/repair\s/.test(line)).length;
}
