import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../host/record-place.ts";
import { realStore } from "../host/stored-fixture.ts";
import { lacks } from "../process/lacks.ts";
import { addDamagedParts, emptyPart } from "./damage-part.ts";
import { addLargeSession } from "./large-session.ts";
import { closeBy, openRepairDialog, openSession, untilReady } from "./steps.ts";
import { setOptions, Workshop } from "./workshop.ts";

let shop: Workshop;

beforeAll(async () => {
  shop = await Workshop.open();
});

afterAll(() => shop.close());

describe.skipIf(lacks("tmux"))("the terminal UI of 1.18.33", () => {
  test("a session damaged before the start is on the screen at the first try, and the user was told", async () => {
    const store = await realStore("1.18.33");
    emptyPart(store, store.sessions.plain);
    const ui = await shop.start(store);
    try {
      // It is there for some seconds only, which may be over before the screen is ready for keys.
      await ui.waitFor(/1 damaged record of 1\s[\s\S]*session\s[\s\S]*(recovered|quarantined)/);
      await untilReady(ui);
      await openSession(ui, "A plain session");
      await ui.waitFor("A single pixel.");
      await ui.waitFor("You are welcome.");
      expect(shop.model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("a session damaged while opencode runs is on the screen at the first try, and the user was told", () =>
    shop.repairsWhileOpencodeRuns("1.18.33", { server: true, terminal: true }));

  test("so it is with the terminal half alone, which repairs it as it is opened", () =>
    shop.repairsWhileOpencodeRuns("1.18.33", { terminal: true }));

  test("a long session on which opencode itself would stop with an error stays closed, and the user is told why", async () => {
    const store = await realStore("1.18.33");
    const id = addLargeSession(store, store.sessions.conversation, "Long", { messages: 150, partsPerMessage: 2 });
    const database = openDatabase(store);
    database.run(
      `update part set data = json_remove(data, '$.text') where id = (select id from part
           where session_id = ? and json_extract(data, '$.type') = 'text' order by id desc limit 1 offset 7)`,
      [id],
    );
    database.close();
    const ui = await shop.ready(store, { terminal: true });
    try {
      await openSession(ui, "Long");
      const shown = await ui.waitFor("This session cannot be opened");
      expect(shown).toContain("1 part does not have the shape that opencode demands");
      await ui.press("Enter");
      await ui.waitFor("Ask anything");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("the dialog repairs what was found, and stays usable with 2,000 findings", async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check" });
    const { plain, conversation, compacted } = store.sessions;
    addDamagedParts(store, [plain, conversation, compacted], 2000);
    const ui = await shop.ready(store);
    try {
      const shown = await openRepairDialog(ui);
      expect(shown).toContain("2,000 records that opencode cannot load");
      expect(shown).toContain("All of it: quarantine 2,000 records");
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
      expect(shop.model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });
});
