import { afterAll, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { openDatabase } from "../host/record-place.ts";
import { realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { openRepairDialog, untilReady } from "./steps.ts";
import { openTerminalUI } from "./terminal-ui.ts";

const MINUTES = 60_000;

afterAll(removeHomes);

test(
  "1.18.33: the dialog lists a session that no list of opencode holds, and brings it back",
  async () => {
    const built = `file://${await builtPackage()}`;
    const store = await realStore("1.18.33");
    const { id } = store.sessions.plain;
    const parent = () => {
      using database = openDatabase(store);
      return database
        .query<{ parent: string | null }, [string]>("select parent_id as parent from session where id = ?")
        .get(id);
    };
    {
      using database = openDatabase(store);
      database.run("update session set parent_id = 'ses_gone' where id = ?", [id]);
    }
    const model = await startModelServer();
    const ui = await openTerminalUI({ home: store.home, model, plugins: [], terminalPlugins: [`${built}/tui.js`] });
    try {
      await untilReady(ui);
      await openRepairDialog(ui);
      ui.type("not shown");
      await ui.waitFor("Sessions that are not shown");
      await ui.press("Enter");
      await ui.waitFor(/Sessions that are not shown: 1/);
      const list = ui.screen();
      expect(list).toContain("A plain session");
      await ui.press("Enter");
      await ui.waitFor("1 record changed.");
      expect(parent()).toEqual({ parent: null });
    } finally {
      ui.close();
      model.stop();
      await store.home.remove();
    }
  },
  4 * MINUTES,
);
