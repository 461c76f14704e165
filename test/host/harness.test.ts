import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isJsonHost, LINE_HOSTS } from "./binary.ts";
import { createHome, removeHomes } from "./home.ts";
import { hostVerdict } from "./load-path.ts";
import { startModelServer } from "./model-server.ts";
import { type RunningHost, runHost, startHost } from "./running-host.ts";
import type { StoredPart, StoredSession } from "./sessions.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

afterAll(removeHomes);

for (const version of LINE_HOSTS) {
  describe(`opencode ${version}`, () => {
    let store: RealStore;
    let host: RunningHost;
    let marker: string;

    beforeAll(async () => {
      // The newest host runs with all its features, as in `npm run test:whole`.
      store = await realStore(version, { complete: version === "1.18.33" });
      marker = join(store.home.root, "plugin-ran");
      host = await startHost({ home: store.home, plugins: [await markerPlugin(store.home.root, marker)] });
    });

    afterAll(async () => {
      await host?.stop();
      await store?.home.remove();
    });

    test("serves every session of a store it wrote", async () => {
      const verdict = await hostVerdict(host, store.sessionIDs);
      expect(verdict.sessions.filter((session) => !session.loads)).toEqual([]);
      expect(verdict.healthy).toBe(true);
      expect([...verdict.listIDs].sort()).toEqual([...store.sessionIDs].sort());
      expect((await host.get("/project/current")).body).toMatchObject({ id: store.projectID });
    });

    test("loads a plugin without installing anything", () => {
      expect(existsSync(marker)).toBe(true);
      expect(existsSync(join(store.home.configDir, "node_modules", "@opencode-ai"))).toBe(false);
    });

    test("wrote what the sessions promise", async () => {
      const { conversation, child, forked, reverted, compacted, aborted, failed, empty } = store.sessions;
      expect(conversation.todos).toBe(3);
      expect(shapes(conversation)).toContain("tool:bash:completed");
      expect(shapes(conversation)).toContain("tool:read:error");
      expect(shapes(conversation)).toContain("tool:edit:completed");
      expect(shapes(conversation)).toEqual(expect.arrayContaining(["text", "file", "reasoning", "patch"]));
      expect(shapes(forked)).toEqual(shapes(conversation));
      expect(shapes(compacted)).toContain("compaction");
      expect(empty.messages).toEqual([]);
      expect(await info(host, child)).toMatchObject({ parentID: conversation.id });
      expect(await info(host, reverted)).toMatchObject({ revert: { diff: expect.stringContaining("regret") } });
      expect(await errors(host, aborted)).toEqual(["MessageAbortedError"]);
      expect(await errors(host, failed)).toEqual(["APIError"]);
      expect(existsSync(join(store.dataDir, "storage", "session_diff", `${reverted.id}.json`))).toBe(true);
    });

    test("fails on a damaged part, and loads again once it is back", async () => {
      const { conversation, plain } = store.sessions;
      const restore = await emptyOnePart(store, conversation);
      const damaged = await hostVerdict(host, [conversation.id, plain.id]);
      expect(damaged.sessions.map((session) => session.messages.status)).toEqual([500, 200]);
      expect(damaged.healthy).toBe(false);
      await restore();
      expect((await hostVerdict(host, [conversation.id, plain.id])).healthy).toBe(true);
    });
  });
}

describe("the model", () => {
  afterEach(removeHomes);

  test("answers from its script and counts, titles apart", async () => {
    const model = startModelServer();
    const home = await createHome("1.1.65");
    const host = await startHost({ home, model });
    model.script({ tool: "bash", input: { command: "echo 4711", description: "prints" } }, { text: "It says 4711." });
    const { id } = (await host.post("/session")).body as { id: string };
    const turn = await host.post(`/session/${id}/message`, { parts: [{ type: "text", text: "print something" }] });
    expect(JSON.stringify(turn.body)).toContain("It says 4711.");
    expect(model.calls).toBe(2);
    expect(model.pending).toBe(0);
    await host.kill();
    expect(() => process.kill(host.pid, 0)).toThrow();
    await model.stop();
  });
});

test("a one-shot command ends with its output", async () => {
  const { home, dataDir } = await realStore("1.2.27");
  const result = await runHost({ home, args: ["db", "path"] });
  expect(result).toMatchObject({ code: 0, timedOut: false });
  expect(result.stdout.trim()).toBe(join(dataDir, "opencode.db"));
  await home.remove();
});

async function markerPlugin(directory: string, marker: string): Promise<string> {
  const file = join(directory, "marker-plugin.js");
  const source = `import { writeFileSync } from "node:fs";
    export const MarkerPlugin = async () => { writeFileSync(${JSON.stringify(marker)}, "ran"); return {}; };`;
  await writeFile(file, source);
  return pathToFileURL(file).href;
}

function shapes(session: StoredSession): readonly string[] {
  return session.messages.flatMap((message) =>
    message.parts.map((part) => [part.type, part.tool, part.status].filter((word) => word !== undefined).join(":")),
  );
}

async function info(host: RunningHost, session: StoredSession): Promise<unknown> {
  return (await host.get(`/session/${session.id}`)).body;
}

async function errors(host: RunningHost, session: StoredSession): Promise<readonly string[]> {
  const messages = (await host.get(`/session/${session.id}/message`)).body as { info: { error?: { name: string } } }[];
  return messages.flatMap((message) => (message.info.error ? [message.info.error.name] : []));
}

/** Empties a text part of the last message, as a full disk does. Returns a function that restores it. */
async function emptyOnePart(store: RealStore, session: StoredSession): Promise<() => Promise<void>> {
  const message = session.messages[session.messages.length - 1];
  const part = message?.parts.find((candidate: StoredPart) => candidate.type === "text");
  if (!message || !part) throw new Error("the last message has no text part");
  if (isJsonHost(store.home.version)) {
    const file = join(store.dataDir, "storage", "part", message.id, `${part.id}.json`);
    const original = await readFile(file);
    await writeFile(file, "");
    return () => writeFile(file, original);
  }
  const swap = (data: string): string => {
    using database = new Database(join(store.dataDir, "opencode.db"));
    database.run("PRAGMA busy_timeout = 5000");
    const row = database.query<{ data: string }, [string]>("SELECT data FROM part WHERE id = ?").get(part.id);
    database.run("UPDATE part SET data = ? WHERE id = ?", [data, part.id]);
    if (!row) throw new Error(`no row for ${part.id}`);
    return row.data;
  };
  const original = swap("");
  return async () => {
    swap(original);
  };
}
