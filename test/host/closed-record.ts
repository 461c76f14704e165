import { expect } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { isJsonHost } from "./binary.ts";
import type { HostCase } from "./host-for-cases.ts";
import { openDatabase } from "./record-place.ts";
import { leaveProject } from "./running-host.ts";
import { askAbout, opens } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import type { RealStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

interface Stored {
  readonly messageID: string;
  readonly partID: string;
}

/** The n-th part of a type in the session with tools. */
export function partOf(store: RealStore, type: string, index = 0): Stored {
  const found = store.sessions.conversation.messages
    .flatMap(({ id, parts }) => parts.map((part) => ({ messageID: id, partID: part.id, type: part.type })))
    .filter((part) => part.type === type)[index];
  if (found === undefined) throw new Error(`there is no such part of type ${type}`);
  return found;
}

const fileOf = (store: RealStore, { messageID, partID }: Stored) =>
  join(store.dataDir, "storage", "part", messageID, `${partID}.json`);

export async function bytesOf(store: RealStore, part: Stored): Promise<Buffer> {
  if (isJsonHost(store.home.version)) return readFile(fileOf(store, part));
  using database = openDatabase(store);
  const row = database.query("select typeof(data) as storage, data from part where id = ?").get(part.partID);
  const { storage, data } = row as { storage: string; data: string };
  expect(storage).toBe("text");
  return Buffer.from(data);
}

/** Damages a part. Deletes opencode's log, so that the part cannot be recovered from it. */
export async function damage(store: RealStore, part: Stored, bytes: Buffer, storage = "text"): Promise<void> {
  if (isJsonHost(store.home.version)) return writeFile(fileOf(store, part), bytes);
  using database = openDatabase(store);
  database.run(`update part set data = cast(x'${bytes.toString("hex")}' as ${storage}) where id = '${part.partID}'`);
  if (database.query("select 1 from sqlite_master where name = 'event'").get()) database.run("delete from event");
}

interface Wire {
  readonly info: { readonly id: string };
  readonly parts: readonly {
    readonly id: string;
    readonly text?: string;
    readonly state?: { readonly output?: string };
  }[];
}

/** Cuts off the document right after a word. */
function cutAfter(bytes: Buffer, word: string): Buffer {
  return bytes.subarray(0, bytes.indexOf(word) + Buffer.byteLength(word));
}

/** Checks that a repair on request keeps the readable text of damaged parts. */
export async function keepsReadable({ store, host }: HostCase): Promise<void> {
  const { id } = store.sessions.conversation;
  await leaveProject(host);
  const [question, call, answer, other] = [
    partOf(store, "text"),
    partOf(store, "tool"),
    partOf(store, "text", 1),
    partOf(store, "tool", 1),
  ];
  const { state, ...said } = JSON.parse((await bytesOf(store, call)).toString()) as { state: Record<string, string> };
  const { status, input, output = "" } = state;
  const beginning = output.slice(0, 3);
  const [wholeAnswer, wholeOther] = [await bytesOf(store, answer), await bytesOf(store, other)];
  await damage(store, question, cutAfter(await bytesOf(store, question), "Say hello"));
  const calling = Buffer.from(JSON.stringify({ ...said, state: { status, input, output } }));
  await damage(store, call, cutAfter(calling, `"output":"${beginning}`));
  await damage(store, answer, Buffer.concat([wholeAnswer, Buffer.alloc(700)]));
  await damage(store, other, Buffer.concat([wholeOther, Buffer.from('{"id":"prt_x"}')]));
  const image = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);

  const aside = await tool.repairUnasked();
  expect(aside.items.map(({ action }) => action)).toEqual(Array(4).fill("quarantined"));
  // `show` counts each quarantined part as a hole, and prints its readable text in its place.
  const shown = await runCli(["show", id, "--data-dir", store.dataDir, "--json"]);
  expect(shown.code).toBe(1);
  const { holes, messages } = JSON.parse(shown.stdout);
  const ids = [question, call, answer, other].map(({ partID }) => partID);
  expect(holes.map((hole: { recordID: string }) => hole.recordID).sort()).toEqual([...ids].sort());
  expect(holes.map((hole: { runID: string }) => hole.runID)).toEqual(Array(4).fill(aside.runID));
  const own = messages.find((message: { messageID: string }) => message.messageID === question.messageID);
  expect(own.entries.map((entry: { text?: string }) => entry.text)).toContain("Say hello");
  const text = await runCli(["show", id, "--data-dir", store.dataDir]);
  expect(text.stdout).toContain("4 holes.");
  expect(text.stdout).toContain(`in quarantine (run ${aside.runID})`);
  await tool.restore(aside.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);

  const done = await tool.repair();
  expect(done.items.map(({ action }) => action)).toEqual(Array(4).fill("recovered"));
  await tool.restore(done.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  await tool.repair();
  expect([await bytesOf(store, answer), await bytesOf(store, other)]).toEqual([wholeAnswer, wholeOther]);
  expect((await tool.repair()).runID).toBeNull();
  const after = await runCli(["show", id, "--data-dir", store.dataDir]);
  expect([after.code, after.stdout]).toEqual([0, expect.stringContaining(" 0 holes.")]);
  const answers = await askAbout(host, id);
  expect(opens(answers, id)).toBe(true);
  const parts = (answers.messages.body as Wire[]).flatMap((message) => message.parts);
  const lost = "\n[opencode-session-repair: the rest of this was lost]";
  expect(parts.find((part) => part.id === question.partID)?.text).toBe(`Say hello${lost}`);
  expect(parts.find((part) => part.id === call.partID)?.state?.output).toBe(`${beginning}${lost}`);
}

/**
 * Checks that a session stays in the list after its file was cut off. It keeps its title if the title is readable.
 * Otherwise it gets a new title.
 */
export async function staysListed({ store, host }: HostCase): Promise<void> {
  const { id } = store.sessions.conversation;
  const path = join(store.dataDir, "storage", "session", store.projectID, `${id}.json`);
  const whole = await readFile(path);
  await leaveProject(host);
  for (const [left, title] of [
    [cutAfter(whole, "A conversation wi"), "A conversation wi …"],
    [whole.subarray(0, whole.indexOf('"time"')), "A conversation with tools"],
    [Buffer.alloc(0), expect.stringContaining("Recovered session")],
  ] as const) {
    await writeFile(path, left);
    const image = await storeImage(store.dataDir, []);
    const tool = await toolFor(store.dataDir);
    const done = await tool.repair();
    expect(done.items).toMatchObject([{ action: "recovered", kind: "session" }]);
    const answers = await askAbout(host, id);
    expect(opens(answers, id)).toBe(true);
    expect(answers.info.body).toMatchObject({ id, title, directory: store.project });
    await leaveProject(host);
    await tool.restore(done.runID ?? "");
    expect((await readFile(path)).equals(left)).toBe(true);
    expect(Object.keys(await storeImage(store.dataDir, []))).toEqual(expect.arrayContaining(Object.keys(image)));
  }
}
