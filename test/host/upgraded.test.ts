import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { builtPackage } from "../package/built.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { upgradeToTwoX } from "../stores/two-x-database.ts";
import type { HostVersion } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { pluginLogLines, waitForPluginLog } from "./host-log.ts";
import { startModelServer } from "./model-server.ts";
import { startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

/** The plugin treats 1.17 and 1.18 in the same way. So only `npm run test:whole` tries 1.17.18. */
const VERSIONS: readonly HostVersion[] = IS_WHOLE ? ["1.17.18", "1.18.33"] : ["1.18.33"];

let plugin: string;

beforeAll(async () => {
  plugin = `file://${await builtPackage()}/server.js`;
});

afterAll(removeHomes);

/** A database of opencode 1.x after opencode 2.x upgraded it. opencode 1.17 and 1.18 can still use it. */
async function upgradedStore(version: HostVersion): Promise<RealStore> {
  const store = await realStore(version);
  upgradeToTwoX(join(store.dataDir, "opencode.db"));
  return store;
}

describe("opencode 1.x on a database that 2.x has upgraded", () => {
  test("the start says so in opencode's log, once", async () => {
    const store = await upgradedStore("1.18.33");
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

  test.each(VERSIONS)(
    "%s: the start repairs what nothing reads, /repair completes, a new turn works, and all of it can be undone",
    async (version) => {
      const store = await upgradedStore(version);
      const { session, damaged } = damage(store);
      const before = rowsOfSession(store, session);
      const model = startModelServer();
      const host = await startHost({ home: store.home, model, plugins: [plugin] });
      try {
        expect((await host.get("/session")).status).toBe(200);
        await waitForPluginLog(store.home, 0, "1 damaged record of 1 session quarantined", "1 more problem");
        await host.post(`/session/${store.sessions.empty.id}/command`, { command: "repair", arguments: "" });
        const messages = await host.get(`/session/${session}/message`);
        expect(messages.status).toBe(200);
        expect(JSON.stringify(messages.body)).not.toContain(damaged);
        const turn = await host.post(`/session/${session}/message`, {
          ...{ model: { providerID: "loopback", modelID: "scripted" }, parts: [{ type: "text", text: "Go on." }] },
        });
        expect(JSON.stringify(turn.body)).toContain("Done.");
      } finally {
        await host.stop();
        await model.stop();
      }
      try {
        const tool = await toolFor(store.dataDir);
        for (const { runID } of (await storedRuns(nodeFileSystem, store.dataDir)).flatMap((run) =>
          run.ok ? run.manifest : [],
        ))
          await tool.restore(runID);
        const after = rowsOfSession(store, session);
        // The turn has added rows, but all earlier rows must be unchanged.
        expect(after).toEqual(expect.arrayContaining(before));
      } finally {
        await store.home.remove();
      }
    },
  );
});

/** Damages the session `plain`: empties a part, and removes a field of a message that only newer versions write. */
function damage(store: RealStore): { readonly session: string; readonly damaged: string } {
  using database = new Database(join(store.dataDir, "opencode.db"));
  const session = store.sessions.plain.id;
  const [damaged = ""] = (
    database
      .query("select max(part.id) from part join message on message.id = message_id where message.session_id = ?")
      .values(session) as string[][]
  ).flat();
  database.query("update part set data = '' where id = ?").run(damaged);
  const first = "(select min(id) from message where session_id = ?)";
  database.query(`update message set data = json_remove(data, '$.agent') where id = ${first}`).run(session);
  return { session, damaged };
}

/** The messages and parts of a session, in the order of their ids. */
function rowsOfSession(store: RealStore, session: string): unknown[][] {
  using database = new Database(join(store.dataDir, "opencode.db"), { readonly: true });
  return [
    ...database.query("select id, time_created, data from message where session_id = ? order by id").values(session),
    ...database
      .query("select id, message_id, time_created, data from part where session_id = ? order by id")
      .values(session),
  ].toSorted((a, b) => String(a[0]).localeCompare(String(b[0])));
}
