import type { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../oracle/random.ts";
import { IS_WHOLE } from "../process/whole.ts";
import type { HostVersion } from "./binary.ts";
import { createHome, type HermeticHome, removeHomes } from "./home.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { openDatabase } from "./record-place.ts";
import { restoreRows } from "./restored-store.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import { runMost, Sequence } from "./session-sequence.ts";
import { storeImage } from "./store-image.ts";
import { toolFor } from "./tool.ts";

const LOST = ["lost-record"];
const SEED = 20_097;
const OPERATIONS = IS_WHOLE ? 8 : 3;

let model: ModelServer;
beforeAll(() => {
  model = startModelServer();
});
afterAll(async () => {
  await model.stop();
  await removeHomes();
});

async function answersOf(host: RunningHost, sessions: readonly string[]): Promise<unknown[]> {
  const routes = sessions.flatMap((id) => [`/session/${id}`, `/session/${id}/message`]);
  const answers: unknown[] = [];
  for (const route of ["/session", ...routes]) answers.push(await host.get(route));
  return answers;
}

/**
 * Different damages. The first one is for the first row, the next one for the next row, and so on. `?` is the id of the
 * row.
 */
const EVERY_DAMAGE = {
  part: [
    "update part set data = substr(data, 1, 9) where id = ?",
    "delete from part where id = ?",
    "update part set id = 'x' || id where id = ?",
    "update part set message_id = 'msg_nowhere' where id = ?",
    null,
  ],
  message: [
    "update message set data = '' where id = ?",
    "delete from message where id = ?",
    "update message set id = 'Z' || id where id = ?",
    null,
  ],
  session: [
    "update session set permission = '[', revert = '{' where id = ?",
    "delete from session where id = ?",
    "update session set id = substr(id, 2) where id = ?",
    "update session set directory = 'elsewhere', model = '{' where id = ?",
  ],
} as const;

/**
 * One opencode writes the sessions of all cases. Each case repairs its own copy of the store, and the same opencode
 * then reads that copy.
 */
class Written {
  readonly #home: HermeticHome;
  readonly host: RunningHost;
  #copies = 0;

  private constructor(home: HermeticHome, host: RunningHost) {
    this.#home = home;
    this.host = host;
  }

  static async begin(version: HostVersion): Promise<Written> {
    const home = await createHome(version);
    return new Written(home, await startHost({ home, model }));
  }

  /** Keeps the store as it is now, after opencode has left it. */
  async keep(): Promise<void> {
    expect((await this.host.post("/instance/dispose")).status).toBe(200);
    const { dataDir } = this.#home;
    const kept = this.#folder("kept");
    await cp(dataDir, kept, {
      recursive: true,
      preserveTimestamps: true,
      filter: (source) => !/^(opencode\.db.*|log|bin)$/.test(source.slice(dataDir.length + 1)),
    });
    using database = openDatabase(this.#home);
    database.run("vacuum into ?", [join(kept, "opencode.db")]);
    using own = openDatabase({ dataDir: kept });
    own.run("pragma journal_mode = wal");
  }

  /** Copies the kept store for one case. */
  async copy(): Promise<{ readonly dataDir: string }> {
    this.#copies += 1;
    const dataDir = this.#folder(`copy-${this.#copies}`);
    await cp(this.#folder("kept"), dataDir, { recursive: true, preserveTimestamps: true });
    return { dataDir };
  }

  /** Makes opencode read the rows of a copy, as after a restart. */
  async read({ dataDir }: { readonly dataDir: string }): Promise<void> {
    expect((await this.host.post("/instance/dispose")).status).toBe(200);
    restoreRows(this.#home.dataDir, join(dataDir, "opencode.db"));
  }

  async end(): Promise<void> {
    await this.host.kill();
    await this.#home.remove();
  }

  #folder(name: string): string {
    return join(this.#home.root, name);
  }
}

/** The ids of the rows of one sequence. Rows of other sequences are not damaged. */
function rowsOf(database: Database, table: keyof typeof EVERY_DAMAGE, { sessions }: Sequence): string[] {
  const owner = table === "session" ? "id" : "session_id";
  const places = sessions.map(() => "?").join(", ");
  return database
    .query<{ id: string }, string[]>(`select id from ${table} where ${owner} in (${places}) order by id`)
    .all(...sessions)
    .map(({ id }) => id);
}

// 1.17.18 has the same rules and the same log.
describe.each(IS_WHOLE ? (["1.17.18", "1.18.33"] as const) : (["1.18.33"] as const))("opencode %s", (version) => {
  let written: Written;
  const random = new Random(SEED);
  let any: Sequence;
  let removed: Sequence;
  let most: Sequence;
  let healthy: unknown[];
  const answers = () =>
    answersOf(
      written.host,
      [any, removed, most].flatMap(({ sessions }) => sessions),
    );

  beforeAll(async () => {
    written = await Written.begin(version);
    any = new Sequence(written.host, model, random);
    await any.run(OPERATIONS);
    removed = new Sequence(written.host, model, new Random(SEED));
    const id = await removed.create();
    await removed.prompt(id);
    await removed.deletePart(id);
    expect(removed.gone.size).toBe(1);
    most = new Sequence(written.host, model, new Random(SEED));
    await runMost(most);
    // opencode must read the answers from the store, as after a restart.
    expect((await written.host.post("/instance/dispose")).status).toBe(200);
    healthy = await answers();
    await written.keep();
  });

  afterAll(() => written?.end());

  test("lost rows come back, and nothing that was removed does", async () => {
    const copy = await written.copy();
    const tool = await toolFor(copy.dataDir);
    const lostNow = async () => (await tool.check()).findings.filter(({ code }) => LOST.includes(code));
    expect(await lostNow()).toEqual([]);

    const database = openDatabase(copy);
    database.run("pragma foreign_keys = on");
    const [whole] = any.sessions;
    const parts = rowsOf(database, "part", any).filter((_, index) => index % 4 === 0);
    const message = random.pick(rowsOf(database, "message", any));
    for (const id of parts) database.run("delete from part where id = ?", [id]);
    database.run("delete from message where id = ?", [message]);
    database.run("delete from session where id = ?", [whole ?? ""]);
    database.close();

    const image = await storeImage(copy.dataDir, []);
    expect((await tool.repair()).items).toEqual([]);
    const found = await lostNow();
    const gone = new Set([any, removed, most].flatMap((each) => [...each.gone]));
    expect(found.filter(({ recordID }) => gone.has(recordID ?? ""))).toEqual([]);
    expect(found.map(({ recordID }) => recordID)).toEqual(expect.arrayContaining([whole ?? "", message]));
    const done = await tool.repair(LOST);
    expect(new Set(done.items.map(({ action }) => action))).toEqual(new Set(["recovered"]));
    await tool.restore(done.runID ?? "");
    expect(await storeImage(copy.dataDir, [])).toEqual(image);
    await tool.repair(LOST);

    await written.read(copy);
    expect(await answers()).toEqual(healthy);
    for (const id of gone) {
      if (id.startsWith("ses")) expect((await written.host.get(`/session/${id}`)).status).toBe(404);
    }
  });

  test("an event that may have removed a record keeps it away", async () => {
    const copy = await written.copy();
    const tool = await toolFor(copy.dataDir);
    const [id = ""] = removed.sessions;
    for (const damage of [
      "update event set data = substr(data, 1, 20) where type like '%.removed.1' and aggregate_id = ?",
      "update event set type = 'mess' where type like '%.removed.1' and aggregate_id = ?",
      "delete from event where type like '%.removed.1' and aggregate_id = ?",
    ]) {
      const database = openDatabase(copy);
      expect(database.run(damage, [id]).changes).toBe(1);
      if (damage.startsWith("update event set type"))
        database.run("update event set type = 'x.removed.1' where type = 'mess'");
      database.close();
      const { findings } = await tool.check();
      expect(findings.filter(({ code }) => LOST.includes(code))).toEqual([]);
    }
  });

  test("most rows damaged at once come back, and nothing that was removed does", async () => {
    const copy = await written.copy();
    const gone = new Set(most.gone);
    const database = openDatabase(copy);
    database.run("pragma foreign_keys = off");
    for (const table of ["part", "message", "session"] as const) {
      const damages = EVERY_DAMAGE[table];
      const rows = rowsOf(database, table, most);
      // If opencode removed a message and later wrote it again, the message is not gone.
      for (const id of rows) gone.delete(id);
      for (const [index, id] of rows.entries()) {
        const damage = damages[index % damages.length];
        if (damage) database.run(damage, [id]);
      }
    }
    database.close();
    const image = await storeImage(copy.dataDir, []);
    const tool = await toolFor(copy.dataDir);
    const mend = async () => {
      const runs: string[] = [];
      // A row whose parent is lost can only return after the parent. So several rounds are needed.
      for (let round = 0; round < 3; round += 1) {
        for (const result of [await tool.repairUnasked(), await tool.repair(LOST)]) {
          expect(["recovered", "skipped"]).toEqual(
            expect.arrayContaining([...new Set(result.items.map(({ action }) => action))]),
          );
          if (result.runID !== null) runs.push(result.runID);
        }
      }
      return runs;
    };
    for (const run of (await mend()).toReversed()) await tool.restore(run);
    expect(await storeImage(copy.dataDir, [])).toEqual(image);
    // With the quarantine folder, the restored records would not be repaired again.
    await rm(join(copy.dataDir, "quarantine"), { recursive: true });
    await mend();
    await written.read(copy);
    expect(await answers()).toEqual(healthy);
    using back = openDatabase(copy);
    const ids = ["session", "message", "part"].flatMap((table) =>
      back.query<{ id: string }, []>(`select id from ${table}`).all(),
    );
    expect(ids.filter(({ id }) => gone.has(id))).toEqual([]);
  });
});
