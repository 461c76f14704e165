import { afterAll, expect, test } from "bun:test";
import { cp, mkdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeHomes } from "./home.ts";
import { startHost } from "./running-host.ts";
import { askAbout } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import { realStore } from "./stored-fixture.ts";
import { blockingOf, toolFor } from "./tool.ts";

afterAll(removeHomes);

const NAMES = ["ID.sync-conflict-20260105-101112-ABCDEFG", "ID (Jane's conflicted copy 2026-03-01)", "ID 2", "ID.orig"];

for (const version of ["1.0.152", "1.1.65"] as const) {
  test(`opencode ${version}: copies that sync tools made are named, and leave only when that is asked for`, async () => {
    const store = await realStore(version);
    const { id, messages } = store.sessions.conversation;
    const [question, answer] = messages;
    const part = answer?.parts.find(({ type }) => type === "text") ?? answer?.parts[0];
    if (!question || !answer || !part) throw new Error("the session has no answer");
    const places = [
      join(store.dataDir, "storage/session", store.projectID, id),
      join(store.dataDir, "storage/message", id, question.id),
      join(store.dataDir, "storage/part", answer.id, part.id),
    ];
    const first = await startHost({ home: store.home });
    const healthy = await askAbout(first, id);
    await first.stop();
    const clean = await storeImage(store.dataDir, []);
    for (const [index, place] of places.entries()) {
      const copy = `${(NAMES[index] ?? "ID 2").replace("ID", place)}.json`;
      await cp(`${place}.json`, copy, { preserveTimestamps: true });
      // The first copy gets a newer time and another content. The other copies are identical to their originals.
      if (index !== 0) continue;
      await writeFile(copy, (await readFile(copy, "utf8")).replace("A conversation", "Another conversation"));
      await utimes(copy, new Date(), new Date());
    }
    const tool = await toolFor(store.dataDir);
    const checked = await tool.check();
    expect(checked.verdict).toBe("healthy");
    const copies = checked.findings.filter(({ code }) => code === "stray-file");
    expect(copies.map(({ severity, remedy }) => [severity, remedy])).toEqual(Array(3).fill(["warning", "quarantine"]));
    expect(copies.map(({ evidence }) => evidence).sort()).toEqual(
      [
        `a copy of ${id}, newer than it; opencode shows both`,
        `a copy of ${question.id}, identical byte for byte`,
        `a copy of ${part.id}, identical byte for byte`,
      ].sort(),
    );
    expect((await tool.repairUnasked()).items).toEqual([]);
    expect((await tool.repair()).items).toEqual([]);
    const image = await storeImage(store.dataDir, []);
    const done = await tool.repair(["stray-file"]);
    expect(done.items.map(({ action }) => action)).toEqual(Array(3).fill("quarantined"));
    expect(await storeImage(store.dataDir, [])).toEqual(clean);
    await tool.restore(done.runID ?? "");
    expect(await storeImage(store.dataDir, [])).toEqual(image);
    await tool.repair(["stray-file"]);
    const host = await startHost({ home: store.home });
    expect(await askAbout(host, id)).toEqual(healthy);
    await host.stop();
  });
}

/** Names that Google Drive, Windows, git, editors and people give to copies. */
const OTHER_NAMES = ["Copy of ID", "~ID", "ID_BACKUP_1234", "ID_old", "ID2", "saved/ID", "saved/ID_copy"];

test("copies under other names, or in a folder of their own, leave; a part alone in such a folder stays", async () => {
  const store = await realStore("1.1.65");
  const { id, messages } = store.sessions.conversation;
  const [question, answer] = messages;
  const [part, other] = answer?.parts ?? [];
  if (!question || !part || !other) throw new Error("the session has no answer");
  const session = join(store.dataDir, "storage/session", store.projectID);
  const message = join(store.dataDir, "storage/message", id);
  const parts = join(store.dataDir, "storage/part", answer?.id ?? "");
  await mkdir(join(parts, "kept"));
  await rename(join(parts, `${other.id}.json`), join(parts, "kept", `${other.id}.json`));
  const clean = await storeImage(store.dataDir, []);
  const places = [session, parts].flatMap((folder) => OTHER_NAMES.map((name) => [folder, name] as const));
  for (const [folder, name] of [...places, [message, "ID_old"] as const, [message, "ID2"] as const]) {
    const original = folder === session ? id : folder === message ? question.id : part.id;
    if (folder !== message) await mkdir(join(folder, "saved"), { recursive: true });
    await cp(join(folder, `${original}.json`), join(folder, `${name.replace("ID", original)}.json`));
  }
  const image = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);
  const { verdict, findings } = await tool.check();
  expect(verdict).toBe("healthy");
  expect(findings.map(({ code, severity, remedy }) => [code, severity, remedy])).toEqual(
    Array(2 * OTHER_NAMES.length + 2).fill(["stray-file", "warning", "quarantine"]),
  );
  const { runID } = await tool.repair(["stray-file"]);
  expect(await storeImage(store.dataDir, [])).toEqual(clean);
  await tool.restore(runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
});

test("a part of a plugin with an id of its own is no copy; a copy whose record is gone is only named", async () => {
  const store = await realStore("1.1.65");
  const answer = store.sessions.conversation.messages[1];
  const part = answer?.parts[0];
  if (!answer || !part) throw new Error("the session has no answer");
  const folder = join(store.dataDir, "storage/part", answer.id);
  const own = { id: `${part.id}-note`, messageID: answer.id, sessionID: store.sessions.conversation.id };
  await writeFile(join(folder, `${own.id}.json`), JSON.stringify({ ...own, type: "text", text: "A note." }));
  const tool = await toolFor(store.dataDir);
  expect((await tool.check()).findings.filter(({ code }) => code === "stray-file")).toEqual([]);
  const left = { id: "prt_gone", type: "text", text: "All that is left." };
  await writeFile(join(folder, "prt_gone (conflicted copy).json"), JSON.stringify(left));
  const found = (await tool.check()).findings.filter(({ code }) => code === "stray-file");
  expect(found).toMatchObject([
    { severity: "warning", remedy: "report", evidence: expect.stringContaining("not there") },
  ]);
  expect((await tool.repair(["stray-file"])).items).toEqual([]);
  expect(blockingOf(await tool.check())).toEqual([]);
});
