import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../host/record-place.ts";
import { lacks } from "../process/lacks.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { emptyPart } from "./damage-part.ts";
import { addLargeSession } from "./large-session.ts";
import { offersTheDialog, repairsAsOpened } from "./shared-cases.ts";
import { closeBy, openRepairDialog, openSession, untilReady } from "./steps.ts";
import { UIForCases } from "./ui-for-cases.ts";
import { Workshop } from "./workshop.ts";

let shop: Workshop;

beforeAll(async () => {
  shop = await Workshop.open();
});

afterAll(() => shop.close());

describe.skipIf(lacks("tmux"))("the terminal UI of 1.18.33 with both halves", () => {
  const uis = new UIForCases(() => shop, { version: "1.18.33", halves: { server: true, terminal: true } });

  afterAll(() => uis.end());

  test("a session damaged before the start is on the screen at the first try, and the user was told", () =>
    uis.runFromStart({ damage: (store) => void emptyPart(store, store.sessions.plain) }, async ({ ui, model }) => {
      // The notice stays for only a few seconds. It may be gone before the screen accepts keys.
      await ui.waitFor(/1 damaged record of 1\s[\s\S]*session\s[\s\S]*(recovered|quarantined)/);
      await untilReady(ui);
      await openSession(ui, "A plain session");
      await ui.waitFor("A single pixel.");
      await ui.waitFor("You are welcome.");
      expect(model.calls).toBe(0);
    }));

  test("a session damaged while opencode runs is on the screen at the first try, and the user was told", () =>
    uis.run((each) => repairsAsOpened(each, "compacted", true)));

  test("exactly one /repair is offered, and it is the dialog", () => uis.run(offersTheDialog));

  test("the dialog lists a session that no list of opencode holds, and brings it back", () =>
    uis.run(async ({ store, ui }) => {
      const { id } = store.sessions.plain;
      using database = openDatabase(store);
      const parent = () => database.query("select parent_id as parent from session where id = ?").get(id);
      database.run("update session set parent_id = 'ses_gone' where id = ?", [id]);
      await openRepairDialog(ui);
      await ui.waitForCursor("Filter");
      ui.type("not shown");
      await ui.waitFor("Sessions that are not shown");
      await ui.press("Enter");
      const list = await ui.waitFor(/Sessions that are not shown: 1/);
      expect(list).toContain("A plain session");
      await ui.press("Enter");
      await ui.waitFor("1 record changed.");
      expect(parent()).toEqual({ parent: null });
      await closeBy(ui, "Escape", "1 record changed.");
    }));

  test("a long session on which opencode itself would stop with an error stays closed, and the user is told why", () =>
    uis.run(async ({ store, ui }) => {
      const id = addLargeSession(store, store.sessions.conversation, "Long", { messages: 150, partsPerMessage: 2 });
      {
        using database = openDatabase(store);
        database.run(
          `update part set data = json_remove(data, '$.text') where id = (select id from part
           where session_id = ? and json_extract(data, '$.type') = 'text' order by id desc limit 1 offset 7)`,
          [id],
        );
      }
      await openSession(ui, "Long");
      const shown = await ui.waitFor("This session cannot be opened");
      expect(shown).toContain("1 part does not fit the schema that opencode requires");
      await closeBy(ui, "Enter", "This session cannot be opened");
      await ui.waitFor("ctrl+p commands");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
    }));
});

// screen.test.ts tests the terminal half alone in 1.14.41.
describe.skipIf(lacks("tmux") || !IS_WHOLE)("the terminal UI of 1.18.33 with the terminal half alone", () => {
  const uis = new UIForCases(() => shop, { version: "1.18.33", halves: { terminal: true } });

  afterAll(() => uis.end());

  test("a session damaged while opencode runs is repaired as it is opened, and the user was told", () =>
    uis.run((each) => repairsAsOpened(each, "plain", false)));

  test("exactly one /repair is offered, and it is the dialog", () => uis.run(offersTheDialog));
});
