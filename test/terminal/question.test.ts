import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { storeImage } from "../host/store-image.ts";
import { lacks } from "../process/lacks.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { addDamagedParts, emptyPart } from "./damage-part.ts";
import { opensSubagentAfterYes } from "./shared-cases.ts";
import { closeBy, openRepairDialog, openSession } from "./steps.ts";
import { typeEveryForm } from "./typed-forms.ts";
import { UIForCases } from "./ui-for-cases.ts";
import { Workshop } from "./workshop.ts";

/** Columns that opencode itself writes each time it boots a project. */
const BOOT_COLUMNS = ["project.time_updated", "project.time_initialized"];

let shop: Workshop;

beforeAll(async () => {
  shop = await Workshop.open();
});

afterAll(() => shop.close());

describe.skipIf(lacks("tmux"))('questions of the terminal UI of 1.18.33 with both halves and preload "check"', () => {
  const uis = new UIForCases(() => shop, {
    version: "1.18.33",
    halves: { server: true, terminal: true },
    options: { preload: "check" },
  });

  afterAll(() => uis.end());

  test("the question comes first; yes shows the session; undo brings every byte back", () =>
    uis.run(async ({ store, ui, model }) => {
      emptyPart(store, store.sessions.plain);
      const before = await storeImage(store.dataDir, BOOT_COLUMNS);
      await openSession(ui, "A plain session");
      await ui.waitFor("This session cannot be opened");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
      await ui.press("Enter");
      await ui.waitFor("A single pixel.");
      expect(await storeImage(store.dataDir, BOOT_COLUMNS)).not.toEqual(before);
      await openRepairDialog(ui);
      await ui.waitForCursor("Filter");
      ui.type("Undo");
      await ui.waitFor(/Undo [\d-]+ [\d:]+: \d+ record/);
      await ui.press("Enter");
      await ui.waitFor("Undo this run?");
      await ui.press("Enter");
      await ui.waitFor("1 record restored where it was");
      expect(await storeImage(store.dataDir, BOOT_COLUMNS)).toEqual(before);
      await closeBy(ui, "Enter", "restored where it was");
      expect(model.calls).toBe(0);
    }));

  test("no is respected: nothing is changed, the user is told, and what was on the screen before is there again", () =>
    uis.run(async ({ store, ui }) => {
      await openSession(ui, "A compacted session");
      await ui.waitFor("A summary in a few words");
      emptyPart(store, store.sessions.aborted);
      await openSession(ui, "An aborted session");
      await ui.waitFor("This session cannot be opened");
      await ui.press("Escape");
      await ui.waitFor("Nothing was changed.");
      await ui.waitFor("A summary in a few words");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
    }));

  test("the dialog repairs what was found, and stays usable with 2,000 findings", () =>
    uis.run(async ({ store, ui, model }) => {
      const { plain, conversation, compacted } = store.sessions;
      addDamagedParts(store, [plain, conversation, compacted], 2000);
      const shown = await openRepairDialog(ui);
      expect(shown).toContain("2,000 records that opencode cannot load");
      expect(shown).toContain("All of it: quarantine 2,000 records");
      await ui.waitForCursor("Filter");
      ui.type("A plain");
      await ui.waitFor(/^(?![\s\S]*A compacted session)[\s\S]*A plain session\s[\s\S]*667 parts: each/);
      await ui.press("Enter");
      await ui.waitFor("Quarantine 667 records?");
      await ui.press("Enter");
      await ui.waitFor("667 records quarantined.");
      await closeBy(ui, "Enter", "The originals are in");
      await openRepairDialog(ui);
      await ui.press("Enter");
      await ui.waitFor("Quarantine 1,333 records?");
      await ui.press("Enter");
      await ui.waitFor("1,333 records quarantined.");
      await closeBy(ui, "Enter", "The originals are in");
      expect(await openRepairDialog(ui)).toContain("sessions can be opened");
      await closeBy(ui, "Escape", "sessions can be opened");
      expect(model.calls).toBe(0);
    }));

  test("every form of /repair that is typed with words is carried out, without a model call", () =>
    uis.run(typeEveryForm));
});

// clone.test.ts tests questions with both halves and with the options in opencode.json.
describe.skipIf(lacks("tmux") || !IS_WHOLE)(
  'questions of the terminal UI of 1.18.33 with the terminal half alone and preload "check"',
  () => {
    const uis = new UIForCases(() => shop, {
      version: "1.18.33",
      halves: { terminal: true },
      options: { preload: "check", notify: false },
    });

    afterAll(() => uis.end());

    test("a subagent's session that opencode is told to open at its start is asked about too, and opens after the yes", () =>
      uis.runFromStart(
        {
          damage: (store) => void emptyPart(store, store.sessions.child),
          args: (store) => ["-s", store.sessions.child.id],
        },
        async ({ ui, model }) => {
          await opensSubagentAfterYes(ui);
          expect(model.calls).toBe(0);
        },
      ));

    test("every form of /repair that is typed with words is carried out, without a model call", () =>
      uis.run(typeEveryForm));
  },
);
