import { afterAll, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { bytesOf, damage, partOf } from "./closed-record.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

afterAll(removeHomes);

test("opencode 1.18.33: a byte order mark, or a BLOB of the same bytes, costs no letter", async () => {
  const store = await realStore("1.18.33");
  const [marked, binary] = [partOf(store, "text"), partOf(store, "text", 1)];
  const [first, second] = [await bytesOf(store, marked), await bytesOf(store, binary)];
  await damage(store, marked, Buffer.concat([Buffer.from("efbbbf", "hex"), first]));
  await damage(store, binary, second, "blob");
  const tool = await toolFor(store.dataDir);
  expect((await tool.repair()).items.map(({ action }) => action)).toEqual(["recovered", "recovered"]);
  expect([await bytesOf(store, marked), await bytesOf(store, binary)]).toEqual([first, second]);
  expect((await tool.check()).verdict).toBe("healthy");
});

test("a message in quarantine is shown in its place, with the parts that left with it", async () => {
  for (const version of ["1.1.65", "1.2.27"] as const) {
    const store = await realStore(version);
    const { id, messages } = store.sessions.conversation;
    const [first, second] = messages.map((message) => message.id);
    if (first === undefined || second === undefined) throw new Error("the session has no messages");
    if (version === "1.1.65") await writeFile(join(store.dataDir, "storage", "message", id, `${second}.json`), "");
    else {
      using database = openDatabase(store);
      database.run("update message set data = '' where id = ?", [second]);
    }
    const before = JSON.parse((await runCli(["show", id, "--data-dir", store.dataDir, "--json"])).stdout);
    await (await toolFor(store.dataDir)).repairUnasked();
    const shown = JSON.parse((await runCli(["show", id, "--data-dir", store.dataDir, "--json"])).stdout);
    const order = (document: { messages: { messageID: string }[] }) => document.messages.map((each) => each.messageID);
    expect(order(shown)).toEqual(order(before));
    const entries = (document: { messages: { messageID: string; entries: { type: string }[] }[] }) =>
      document.messages.find(({ messageID }) => messageID === second)?.entries.filter(({ type }) => type !== "hole");
    expect(entries(shown)).toEqual(entries(before));
    expect(shown.holes).toMatchObject([{ kind: "message", recordID: second, code: "empty" }]);
  }
});
