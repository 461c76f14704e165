import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { readFile, stat, truncate, utimes } from "node:fs/promises";
import { join } from "node:path";
import { removeHomes } from "./home.ts";
import { startHost } from "./running-host.ts";
import { askAbout } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { blockingOf, toolFor } from "./tool.ts";

afterAll(removeHomes);

const DAMAGE = "update TABLE set data = substr(data, 1, length(data) / 2) where id = ?";

function sql({ dataDir }: RealStore, statement: string, ...values: string[]): void {
  using database = new Database(join(dataDir, "opencode.db"));
  database.run(statement, values);
}

async function imported(version: "1.2.27" | "1.14.41"): Promise<RealStore> {
  const store = await realStore("1.1.65");
  const host = await startHost({ home: store.home, version });
  await host.get("/session");
  await host.stop();
  return store;
}

for (const version of ["1.2.27", "1.14.41"] as const) {
  test(`rows that opencode ${version} imported come back from the files that it left`, async () => {
    const store = await imported(version);
    try {
      const { id, messages } = store.sessions.conversation;
      const [message, other] = messages;
      const part = message?.parts[0]?.id ?? "";
      const otherPart = other?.parts[0]?.id ?? "";
      const healthy = await storeImage(store.dataDir, []);
      const tool = await toolFor(store.dataDir);
      sql(store, DAMAGE.replace("TABLE", "part"), part);
      sql(store, DAMAGE.replace("TABLE", "message"), other?.id ?? "");
      sql(store, "update session set permission = '[{' where id = ?", id);
      const damaged = await storeImage(store.dataDir, []);
      const first = await tool.repair();
      expect(first.items.map(({ action, kind }) => `${action} ${kind}`).sort()).toEqual([
        "recovered message",
        "recovered part",
        "recovered session",
      ]);
      await tool.restore(first.runID ?? "");
      expect(await storeImage(store.dataDir, [])).toEqual(damaged);
      await tool.repair();
      expect(blockingOf(await tool.check())).toEqual([]);
      expect(await storeImage(store.dataDir, [])).toEqual(healthy);

      // opencode wrote one row after the import, and the file of another row is newer than the import. So nobody knows
      // whether the files have the right content.
      sql(store, "update part set time_updated = time_updated + 1 where id = ?", part);
      sql(store, DAMAGE.replace("TABLE", "part"), part);
      const file = join(store.dataDir, "storage", "part", other?.id ?? "", `${otherPart}.json`);
      await utimes(file, new Date(), new Date(Date.now() + 60_000));
      sql(store, DAMAGE.replace("TABLE", "part"), otherPart);
      const remedies = blockingOf(await tool.check()).map(({ remedy }) => remedy);
      expect(remedies).toEqual(["quarantine", "quarantine"]);
    } finally {
      await store.home.remove();
    }
  });
}

test("files of opencode 1.1.65 come back from rows that were made of them, and are not older", async () => {
  const store = await imported("1.2.27");
  try {
    const { id, messages } = store.sessions.conversation;
    const path = (...names: string[]) => join(store.dataDir, "storage", ...names);
    const [message, other] = messages;
    const files = [
      path("message", id, `${message?.id}.json`),
      path("part", other?.id ?? "", `${other?.parts[0]?.id}.json`),
      path("session", store.projectID, `${id}.json`),
    ];
    const before = await startHost({ home: store.home });
    const healthy = await askAbout(before, id);
    await before.stop();
    const records = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, "utf8"))));
    const times = await Promise.all(files.map(async (file) => (await stat(file)).mtime));
    const cut = async (file: string, time: Date) => {
      await truncate(file, 20);
      await utimes(file, time, time);
    };
    for (const [index, file] of files.entries()) await cut(file, times[index] ?? new Date());
    const damaged = await storeImage(store.dataDir, []);
    const tool = await toolFor(store.dataDir);
    const first = await tool.repairUnasked();
    expect(first.items.map(({ action }) => action)).toEqual(["recovered", "recovered", "recovered"]);
    await tool.restore(first.runID ?? "");
    expect(await storeImage(store.dataDir, [])).toEqual(damaged);
    await tool.repair();
    expect(await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, "utf8"))))).toEqual(records);
    const after = await startHost({ home: store.home });
    expect(await askAbout(after, id)).toEqual(healthy);
    await after.stop();

    // The files are newer than the rows, so the rows may have old content.
    for (const file of files) await cut(file, new Date(Date.now() + 60_000));
    expect(blockingOf(await tool.check()).map(({ remedy }) => remedy)).toEqual(files.map(() => "quarantine"));
  } finally {
    await store.home.remove();
  }
});
