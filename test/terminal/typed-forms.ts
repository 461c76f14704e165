import { expect } from "bun:test";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import type { RealStore } from "../host/stored-fixture.ts";
import { emptyPart } from "./damage-part.ts";
import { clearPrompt, closeBy, openSession } from "./steps.ts";
import type { TerminalUI } from "./terminal-ui.ts";
import type { UICase } from "./ui-for-cases.ts";

/**
 * Types a form of `/repair`, sends it at once, and waits for the answer of the dialog. A busy terminal UI handles the
 * keys later. 1.14.41 drops a command if its first space arrives together with the next characters. This also happens
 * without this package.
 */
async function typeForm(ui: TerminalUI, words: string, expected: string | RegExp): Promise<void> {
  await ui.waitForPrompt();
  ui.type("/repair ");
  if (ui.version === "1.14.41") await ui.waitFor(/┃ +\/repair/);
  ui.type(words);
  ui.send("Enter");
  await ui.waitFor(expected);
}

async function undoableRuns({ dataDir }: RealStore): Promise<readonly string[]> {
  const runs = await storedRuns(nodeFileSystem, dataDir);
  return runs.flatMap((run) => (run.ok && run.manifest.state === "done" ? [run.manifest.runID] : []));
}

/**
 * Types every form of `/repair` that has words, on the home screen and in a session. The UI runs with `preload:
 * "check"`, so the plugin asks before each repair.
 */
export async function typeEveryForm({ store, ui, model }: UICase): Promise<void> {
  const { plain } = store.sessions;
  const typed = (words: string, expected: string | RegExp) => typeForm(ui, words, expected);
  emptyPart(store, plain);
  await typed("check", "Session repair: 1 record that opencode cannot load");
  await closeBy(ui, "Escape", "1 record that opencode");
  await typed(`check ${plain.id}`, "1 record of the session");
  await closeBy(ui, "Escape", "1 record of the session");
  await typed("undo", "There is nothing to undo.");
  await closeBy(ui, "Escape", "There is nothing to undo");
  await typed("help", "/repair opens sessions");
  await closeBy(ui, "Escape", "/repair opens sessions");

  await typed(plain.id, /(Recover 1 record|Quarantine 1 record)\?/);
  expect(await undoableRuns(store)).toEqual([]);
  await ui.press("Enter");
  await ui.waitFor(/1 record (recovered|quarantined)\./);
  await closeBy(ui, "Enter", "The originals are in");

  await openSession(ui, "A compacted session");
  await ui.waitFor("A summary in a few words");
  await typed("runs", "Session repair: 1 run in quarantine");
  await closeBy(ui, "Escape", "1 run in quarantine");
  const [run = ""] = await undoableRuns(store);
  await typed(`undo ${run}`, "Undo this run?");
  await ui.press("Enter");
  await ui.waitFor("1 record restored where it was");
  expect(await undoableRuns(store)).toEqual([]);
  await closeBy(ui, "Enter", "restored where it was");

  await typed("what is not a form", "/repair opens sessions");
  await closeBy(ui, "Escape", "/repair opens sessions");
  // The plugin does not know this form, so the typed text stays in the prompt.
  expect(ui.screen()).toContain("/repair what is not a form");
  await clearPrompt(ui, "/repair what is not a form");
  expect(model.log).toEqual([]);
}
