import { minorOf } from "../host/binary.ts";
import { until } from "../process/until.ts";
import type { TerminalUI } from "./terminal-ui.ts";

/** The last line that 1.17 and 1.18 log during their start. */
const STARTED = "booting location services";

/** Waits until opencode has started. Keys and requests may get lost before that. */
export async function untilStarted(ui: TerminalUI): Promise<void> {
  // 1.17 and 1.18 never answer a request that comes too early. Then even the view of a healthy session stays empty.
  if (minorOf(ui.version) >= 17)
    await until(
      () => ui.log().includes(STARTED),
      () => `no end of the start:\n${ui.log()}`,
    );
  await ui.waitFor(/^(?![\s\S]*Finishing startup)/);
}

/** Waits until the prompt accepts input. */
export async function untilReady(ui: TerminalUI): Promise<void> {
  await ui.waitFor("ctrl+p commands");
  await untilStarted(ui);
  await ui.waitForPrompt();
}

/**
 * Presses a key that closes the element with the text `shown`, and waits until it is gone. Keys that come earlier would
 * go to this element.
 */
export async function closeBy(ui: TerminalUI, key: "Escape" | "Enter", shown: string): Promise<void> {
  await ui.press(key);
  await ui.waitFor(new RegExp(`^(?![\\s\\S]*${shown})`));
}

/** Types text into the prompt. After a dialog has closed, the prompt gets the cursor only after a moment. */
export async function typeInPrompt(ui: TerminalUI, text: string): Promise<void> {
  await ui.waitForPrompt();
  ui.type(text);
  await ui.waitForCursor(text);
}

/** Removes the typed text from the prompt. */
export async function clearPrompt(ui: TerminalUI, typed: string): Promise<void> {
  await ui.press("C-u");
  await ui.waitFor(new RegExp(`^(?![\\s\\S]*${typed})`));
  await ui.waitForPrompt();
}

/** Opens a session from the session list, as a person does. With `enter: false`, the session is only selected. */
export async function openSession(ui: TerminalUI, title: string, { enter } = { enter: true }): Promise<void> {
  await typeInPrompt(ui, "/sessions");
  await ui.waitFor("Switch session");
  await ui.press("Enter");
  await ui.waitFor(/delete ctrl\+d|pin\/unpin/);
  await ui.waitForCursor("Search");
  ui.type(title);
  // The list may show the session before the list is filtered. Until then, another session is selected.
  await ui.waitForCursor(title);
  // The session is below the day of its last use, which may be an earlier day, because stores are kept. The screen
  // behind the dialog may show text to the left of the row.
  await ui.waitFor(new RegExp(`(Today|\\b20\\d\\d)[^\\n]*\\n[^\\n]*${title}`));
  if (enter) await ui.press("Enter");
}

/** Types `/repair` and waits until the dialog shows its findings. */
export async function openRepairDialog(ui: TerminalUI): Promise<string> {
  await typeInPrompt(ui, "/repair");
  await ui.waitFor("open sessions that will not load");
  await ui.press("Enter");
  return ui.waitFor(/Session repair: (all|[\d,]+ record)/);
}

/** The number of lines in which the autocomplete offers `/repair`. */
export function offers(screen: string): number {
  return screen.split("\n").filter((line) => /┃ \/repair\s/.test(line)).length;
}
