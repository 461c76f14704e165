import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { IS_WHOLE } from "../process/whole.ts";
import { removeHomes } from "./home.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import { askAbout, type SessionAnswers } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { blockingOf, type Tool, toolFor } from "./tool.ts";

const LOST = ["lost-record"];

afterAll(removeHomes);

/** SQL that a script or a user may run, and that changes where a row belongs. `?` is the id of the row. */
const DAMAGES: readonly (readonly [what: string, table: "part" | "message" | "session", sql: string])[] = [
  ["a part belongs to a message that is not there", "part", "update part set message_id = 'msg_nowhere' where id = ?"],
  [
    "a part belongs to another message",
    "part",
    "update part set message_id = (select max(id) from message where session_id = part.session_id) where id = ?",
  ],
  ["a part has another id", "part", "update part set id = 'prt_0123' where id = ?"],
  ["a part has an id that is refused", "part", "update part set id = 'part_0123' where id = ?"],
  ["a message has another id", "message", "update message set id = 'msg_0123' where id = ?"],
  ["a message has an id that is refused", "message", "update message set id = 'x' || id where id = ?"],
  [
    "a message belongs to another session",
    "message",
    "update message set session_id = (select id from session where id <> message.session_id) where id = ?",
  ],
  ["a message belongs to no session", "message", "update message set session_id = 'ses_nowhere' where id = ?"],
  ["a message is of no time", "message", "update message set time_created = 'yesterday' where id = ?"],
  ["a session has another id", "session", "update session set id = 'ses_0123' where id = ?"],
  ["a session has an id that is refused", "session", "update session set id = substr(id, 2) where id = ?"],
];

// Both versions have the same log and the same rules.
for (const version of IS_WHOLE ? (["1.17.18", "1.18.33"] as const) : (["1.18.33"] as const)) {
  describe(`opencode ${version} answers as before once a row is where its log has it`, () => {
    let store: RealStore;
    let host: RunningHost;
    let tool: Tool;
    let id: string;
    let healthy: SessionAnswers;
    beforeEach(async () => {
      store = await realStore(version);
      host = await startHost({ home: store.home, config: { snapshot: false } });
      tool = await toolFor(store.dataDir);
      id = store.sessions.conversation.id;
      healthy = await askAbout(host, id);
    });
    afterEach(async () => {
      await host.stop();
      await store.home.remove();
    });

    test("each, and undone", async () => {
      const database = new Database(join(store.dataDir, "opencode.db"));
      database.run("pragma foreign_keys = off");
      const ids = (table: string, session: string) =>
        (database.query(`select id from ${table} where ${session} = ? order by id`).all(id) as { id: string }[]).map(
          (row) => row.id,
        );
      const chosen = { part: ids("part", "session_id")[3], message: ids("message", "session_id")[1], session: id };
      expect((await tool.check()).findings.filter(({ code }) => LOST.includes(code))).toEqual([]);
      for (const [what, table, sql] of DAMAGES) {
        const key = chosen[table] ?? "";
        const rowID = (database.query(`select rowid from ${table} where id = ?`).get(key) as { rowid: number }).rowid;
        const columns = database.query(`select * from ${table} where rowid = ?`).get(rowID) as Record<string, string>;
        database.query(sql).run(key);
        const image = await storeImage(store.dataDir, []);
        const isBlocking = blockingOf(await tool.check()).length > 0;
        // If opencode refuses the row, the row is recovered without a request. Otherwise it is only recovered on
        // request.
        expect([what, isBlocking]).toEqual([what, what.includes("refused")]);
        const done = await tool.repair(isBlocking ? undefined : LOST);
        expect([what, ...done.items.map(({ action }) => action)]).toEqual([what, "recovered"]);
        expect([what, await askAbout(host, id)]).toEqual([what, healthy]);
        const undone = await tool.restore(done.runID ?? "");
        expect([what, undone.items.map(({ action }) => action)]).toEqual([what, ["restored"]]);
        expect([what, await storeImage(store.dataDir, [])]).toEqual([what, image]);
        const names = Object.keys(columns);
        database
          .query(`update ${table} set ${names.map((name) => `${name} = ?`).join(", ")} where rowid = ?`)
          .run(...names.map((name) => columns[name] ?? null), rowID);
      }
      database.close();
      expect((await tool.check()).findings.filter(({ code }) => LOST.includes(code))).toEqual([]);
    });
  });
}
