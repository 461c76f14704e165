import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { storeImage } from "../host/store-image.ts";
import { realStore } from "../host/stored-fixture.ts";
import { lacks } from "../process/lacks.ts";
import { emptyPart } from "./damage-part.ts";
import { openRepairDialog, openSession } from "./steps.ts";
import { setOptions, Workshop } from "./workshop.ts";

/** Columns that opencode itself writes at each boot. */
const BOOT_COLUMNS = ["project.time_updated", "project.time_initialized"];

let shop: Workshop;

beforeAll(async () => {
  shop = await Workshop.open();
});

afterAll(() => shop.close());

describe.skipIf(lacks("tmux"))("questions of the terminal UI of 1.18.33", () => {
  test('with preload "check" the question comes first; yes shows the session; undo brings every byte back', async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check" });
    const ui = await shop.ready(store);
    try {
      emptyPart(store, store.sessions.plain);
      const before = await storeImage(store.dataDir, BOOT_COLUMNS);
      await openSession(ui, "A plain session");
      await ui.waitFor("This session cannot be opened");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
      await ui.press("Enter");
      await ui.waitFor("A single pixel.");
      expect(await storeImage(store.dataDir, BOOT_COLUMNS)).not.toEqual(before);
      await openRepairDialog(ui);
      ui.type("Undo");
      await ui.waitFor(/Undo the run of/);
      await ui.press("Enter");
      await ui.waitFor("Undo this run?");
      await ui.press("Enter");
      await ui.waitFor("1 record restored where it was");
      expect(await storeImage(store.dataDir, BOOT_COLUMNS)).toEqual(before);
      expect(shop.model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("no is respected: nothing is changed, the user is told, and what was on the screen before is there again", async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check" });
    const ui = await shop.ready(store);
    try {
      await openSession(ui, "A compacted session");
      await ui.waitFor("A summary in a few words");
      emptyPart(store, store.sessions.plain);
      await openSession(ui, "A plain session");
      await ui.waitFor("This session cannot be opened");
      await ui.press("Escape");
      await ui.waitFor("Nothing was changed.");
      await ui.waitFor("A summary in a few words");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("a subagent's session that opencode is told to open at its start is asked about too, and opens after the yes", async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check", notify: false });
    const { child } = store.sessions;
    emptyPart(store, child);
    const ui = await shop.start(store, { terminal: true }, ["-s", child.id]);
    try {
      await ui.waitFor("This session cannot be opened");
      await ui.press("Enter");
      await ui.waitFor("An answer of its own.");
      expect(shop.model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });
});
