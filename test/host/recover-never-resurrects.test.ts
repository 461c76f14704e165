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

interface Wire {
  readonly info: { readonly id: string; readonly role: string };
  readonly parts: readonly { readonly id: string }[];
}

/** What users do to sessions, in an order that a seed decides; every id that is gone in the end is remembered. */
class Sequence {
  readonly #host: RunningHost;
  readonly #random: Random;
  readonly sessions: string[] = [];
  readonly gone = new Set<string>();

  constructor(host: RunningHost, random: Random) {
    this.#host = host;
    this.#random = random;
  }

  async run(operations: number): Promise<void> {
    await this.prompt(await this.create());
    for (let count = 0; count < operations; count += 1) {
      const [first] = this.sessions;
      const id = this.#random.pick(this.sessions) ?? first;
      if (id === undefined) await this.prompt(await this.create());
      else await this.#random.pick(this.#operations(id))?.();
    }
    // Each of these happens at least once, whatever the seed.
    const last = await this.create();
    await this.prompt(last);
    await this.prompt(last);
    await this.deletePart(last);
    await this.revert(last);
    const other = await this.fork(last);
    await this.deleteMessage(other);
    await this.delete(await this.fork(last));
  }

  #operations(id: string): (() => Promise<unknown>)[] {
    return [
      () => this.prompt(id),
      () => this.prompt(id),
      () => this.deletePart(id),
      () => this.deleteMessage(id),
      () => this.revert(id),
      () => this.fork(id),
      () => this.delete(id),
    ];
  }

  async create(parentID?: string): Promise<string> {
    const id = ((await this.#host.post("/session", { title: "A session", parentID })).body as { id: string }).id;
    this.sessions.push(id);
    return id;
  }

  async prompt(id: string): Promise<void> {
    model.script({ tool: "bash", input: { command: "echo hello", description: "Says hello" } }, { text: "Said." });
    const model_ = { providerID: "loopback", modelID: "scripted" };
    const parts = [{ type: "text", text: "Say hello" }];
    expect((await this.#host.post(`/session/${id}/message`, { model: model_, parts })).status).toBe(200);
  }

  async deletePart(id: string): Promise<void> {
    const message = this.#random.pick((await messagesOf(this.#host, id)).filter(({ parts }) => parts.length > 0));
    const part = message === undefined ? undefined : this.#random.pick(message.parts);
    if (message === undefined || part === undefined) return;
    await this.#host.request("DELETE", `/session/${id}/message/${message.info.id}/part/${part.id}`);
    await this.#note(id, [message]);
  }

  async deleteMessage(id: string): Promise<void> {
    const before = await messagesOf(this.#host, id);
    const message = this.#random.pick(before);
    if (message === undefined) return;
    await this.#host.request("DELETE", `/session/${id}/message/${message.info.id}`);
    await this.#note(id, before);
  }

  async revert(id: string): Promise<void> {
    const before = await messagesOf(this.#host, id);
    const asked = before.findLast(({ info }) => info.role === "user");
    if (asked === undefined) return;
    await this.#host.post(`/session/${id}/revert`, { messageID: asked.info.id });
    await this.prompt(id);
    await this.#note(id, before);
  }

  async fork(id: string): Promise<string> {
    const fork = ((await this.#host.post(`/session/${id}/fork`, {})).body as { id: string }).id;
    this.sessions.push(fork);
    return fork;
  }

  async delete(id: string): Promise<void> {
    const before = await messagesOf(this.#host, id);
    await this.#host.request("DELETE", `/session/${id}`);
    this.sessions.splice(this.sessions.indexOf(id), 1);
    this.gone.add(id);
    for (const each of idsOf(before)) this.gone.add(each);
  }

  async deleteParent(): Promise<void> {
    const parent = await this.create();
    await this.prompt(parent);
    const child = await this.create(parent);
    await this.prompt(child);
    const before = [...(await messagesOf(this.#host, parent)), ...(await messagesOf(this.#host, child))];
    await this.#host.request("DELETE", `/session/${parent}`);
    for (const each of [parent, child, ...idsOf(before)]) this.gone.add(each);
    for (const each of [parent, child]) this.sessions.splice(this.sessions.indexOf(each), 1);
  }

  async unrevert(id: string): Promise<void> {
    const asked = (await messagesOf(this.#host, id)).findLast(({ info }) => info.role === "user");
    await this.#host.post(`/session/${id}/revert`, { messageID: asked?.info.id });
    await this.#host.post(`/session/${id}/unrevert`, {});
  }

  async compact(id: string): Promise<void> {
    model.script({ text: "A summary." });
    await this.#host.post(`/session/${id}/summarize`, { providerID: "loopback", modelID: "scripted" });
    await this.prompt(id);
  }

  async archive(id: string): Promise<void> {
    await this.#host.request("PATCH", `/session/${id}`, { title: "Another title", time: { archived: Date.now() } });
  }

  async #note(id: string, before: readonly Wire[]): Promise<void> {
    const after = new Set(idsOf(await messagesOf(this.#host, id)));
    for (const each of idsOf(before)) if (!after.has(each)) this.gone.add(each);
  }
}

async function messagesOf(host: RunningHost, id: string): Promise<Wire[]> {
  const { status, body } = await host.get(`/session/${id}/message`);
  expect(status).toBe(200);
  return body as Wire[];
}

function idsOf(messages: readonly Wire[]): string[] {
  return messages.flatMap(({ info, parts }) => [info.id, ...parts.map((part) => part.id)]);
}

async function answersOf(host: RunningHost, sessions: readonly string[]): Promise<unknown[]> {
  const routes = sessions.flatMap((id) => [`/session/${id}`, `/session/${id}/message`]);
  const answers: unknown[] = [];
  for (const route of ["/session", ...routes]) answers.push(await host.get(route));
  return answers;
}

/** Every way of damaging rows at once, one row after the other. `?`: the id of the row. */
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

/** One host writes the sessions of all cases, and reads what each case has made of a copy of the store. */
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

  /** Keeps the store as it is now, which the host has left. */
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

  /** A copy of what was kept, for one case. */
  async copy(): Promise<{ readonly dataDir: string }> {
    this.#copies += 1;
    const dataDir = this.#folder(`copy-${this.#copies}`);
    await cp(this.#folder("kept"), dataDir, { recursive: true, preserveTimestamps: true });
    return { dataDir };
  }

  /** Has the host read a copy from now on, as after a restart. */
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

/** The rows of one sequence, by their ids; those of others stay whole. */
function rowsOf(database: Database, table: keyof typeof EVERY_DAMAGE, { sessions }: Sequence): string[] {
  const owner = table === "session" ? "id" : "session_id";
  const places = sessions.map(() => "?").join(", ");
  return database
    .query<{ id: string }, string[]>(`select id from ${table} where ${owner} in (${places}) order by id`)
    .all(...sessions)
    .map(({ id }) => id);
}

// 1.17.18 has the same contracts and the same log.
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
    any = new Sequence(written.host, random);
    await any.run(OPERATIONS);
    removed = new Sequence(written.host, new Random(SEED));
    const id = await removed.create();
    await removed.prompt(id);
    await removed.deletePart(id);
    expect(removed.gone.size).toBe(1);
    most = new Sequence(written.host, new Random(SEED));
    await runMost(most);
    // Read from the store, as after a restart.
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
      // A message that opencode itself has written again after its removal is not gone.
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
      // The children of a lost row return once the row is there.
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
    // What was restored would stay otherwise.
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

async function runMost(sequence: Sequence): Promise<void> {
  const [first, second, third, fourth] = [
    await sequence.create(),
    await sequence.create(),
    await sequence.create(),
    await sequence.create(),
  ];
  for (const id of [first, first, second, third, fourth]) await sequence.prompt(id);
  await sequence.unrevert(first);
  await sequence.deletePart(second);
  await sequence.prompt(second);
  await sequence.compact(third);
  await sequence.fork(fourth);
  await sequence.delete(fourth);
  await sequence.archive(second);
  await sequence.deleteMessage(third);
  await sequence.deleteParent();
}
