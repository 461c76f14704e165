import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { builtPackage } from "../package/built.ts";
import { upgradeToTwoX } from "../stores/two-x-database.ts";
import { removeHomes } from "./home.ts";
import { pluginLogLines, waitForPluginLog } from "./host-log.ts";
import { startModelServer } from "./model-server.ts";
import { startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { quarantineEntries } from "./tool.ts";

let plugin: string;

beforeAll(async () => {
  plugin = `file://${await builtPackage()}/server.js`;
});

afterAll(removeHomes);

/** A database of 1.18.33 that opencode 2.x upgraded; 1.17 and 1.18 run on it all the same. */
async function upgradedStore(change: (database: Database) => void): Promise<RealStore> {
  const store = await realStore("1.18.33");
  const path = join(store.dataDir, "opencode.db");
  upgradeToTwoX(path);
  using database = new Database(path);
  change(database);
  return store;
}

describe("opencode 1.18.33 on a database that 2.x has upgraded", () => {
  test("the start says so in opencode's log, once", async () => {
    const store = await upgradedStore(() => undefined);
    const host = await startHost({ home: store.home, plugins: [plugin] });
    try {
      expect((await host.get("/session")).status).toBe(200);
      const line = await waitForPluginLog(store.home, 0, "opencode 2.x has upgraded the database");
      expect(line).toContain("those of 2.x are not");
      expect(await pluginLogLines(store.home)).toHaveLength(1);
    } finally {
      await host.stop();
      await store.home.remove();
    }
  });

  test("a damaged part: the start and /repair say why nothing is changed, and nothing is", async () => {
    const store = await upgradedStore((database) => database.exec("update part set data = '' where rowid = 1"));
    const sessionOf = () => {
      using database = new Database(join(store.dataDir, "opencode.db"), { readonly: true });
      return String((database.query("select session_id from part where rowid = 1").values() as string[][])[0]);
    };
    const damaged = sessionOf();
    const [typedIn = ""] = store.sessionIDs.filter((id) => id !== damaged);
    const model = startModelServer();
    const host = await startHost({ home: store.home, model, plugins: [plugin] });
    try {
      expect((await host.get("/session")).status).toBe(200);
      await waitForPluginLog(store.home, 0, "1 conversation cannot be opened", "Nothing is written to it.");
      await host.post(`/session/${typedIn}/command`, { command: "repair", arguments: "" });
      const answers = (await host.get(`/session/${typedIn}/message`)).body;
      expect(JSON.stringify(answers)).toContain(
        "1 record that opencode cannot load. opencode 2.x has upgraded the database",
      );
      expect(model.log).toEqual([]);
      expect(sessionOf()).toBe(damaged);
      expect((await quarantineEntries(store.dataDir).catch(() => ({ all: [] }))).all).toEqual([]);
    } finally {
      await host.stop();
      await model.stop();
      await store.home.remove();
    }
  });
});
