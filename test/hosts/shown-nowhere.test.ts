/**
 * These records stay invisible in the terminal UI of 1.0 to 1.14, although the UI stays open and the server returns the
 * records. On 1.2.20, a session in which no message had a role was an empty screen. After the repair, the screen showed
 * the whole session.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Tool, toolFor } from "../host/tool.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";

type Fields = Readonly<Record<string, unknown>>;

const SESSIONS = { ...sampleContent(), sessions: [sessionContent("a", "prj_one", 3, 1)] };

const MODEL = { providerID: "p", modelID: "m" };
const QUESTION: Fields = { time: { created: 1 }, agent: "build", model: MODEL };
const TOKENS = { input: 1, output: 5, reasoning: 0, cache: { read: 0, write: 0 } };
const ANSWER: Fields = {
  ...{ time: { created: 1, completed: 2 }, parentID: "msg_a1", modelID: "m", providerID: "p", mode: "build" },
  ...{ agent: "build", path: { cwd: "/p", root: "/p" }, cost: 0, tokens: TOKENS, finish: "stop" },
};

const CALL: Fields = {
  ...{ callID: "call_1", tool: "bash" },
  state: {
    ...{ status: "completed", input: { command: "ls" }, output: "o", title: "ls", metadata: {} },
    time: { start: 1, end: 2 },
  },
};

interface Place {
  readonly store: StoreUnderTest;
  write(kind: "message" | "part", id: string, fields: Fields): void;
  read(kind: "message" | "part", id: string): Fields;
}

async function rows(): Promise<Place> {
  const store = await createSqliteStore("1.2.27", SESSIONS);
  const bytes = (fields: Fields) => Buffer.from(JSON.stringify(fields));
  return {
    store,
    write: (kind, id, fields) => void store.overwrite(store.locatorOf(kind, id), bytes(fields)),
    read: (kind, id) => JSON.parse(store.bytesAt(store.locatorOf(kind, id))?.toString() ?? "null") as Fields,
  };
}

async function files(): Promise<Place> {
  const store = createJsonStore(SESSIONS);
  const path = (kind: string, id: string) =>
    join(store.dataDir, "storage", kind, kind === "message" ? "ses_a" : "msg_a1", `${id}.json`);
  const own = (kind: string, id: string) =>
    kind === "message" ? { id, sessionID: "ses_a" } : { id, sessionID: "ses_a", messageID: "msg_a1" };
  return {
    store,
    write: (kind, id, fields) => writeFileSync(path(kind, id), JSON.stringify({ ...own(kind, id), ...fields })),
    read: (kind, id) => JSON.parse(readFileSync(path(kind, id), "utf8")) as Fields,
  };
}

const codes = async (tool: Tool) =>
  (await tool.check()).findings.map(({ severity, code, recordID }) => `${severity} ${code} ${recordID}`).sort();

describe.each([
  ["a database of 1.2.27", rows],
  ["files of 1.1.65", files],
] as const)("in %s", (_, made) => {
  test("a role or type that follows from the record is completed when asked, and undone", async () => {
    const { store, write, read } = await made();
    try {
      write("message", "msg_a1", QUESTION);
      write("message", "msg_a2", ANSWER);
      write("part", "prt_a1_1", CALL);
      const tool = await toolFor(store.dataDir);
      const found = [
        "warning message-without-role msg_a1",
        "warning message-without-role msg_a2",
        "warning part-without-type prt_a1_1",
      ];
      expect(await codes(tool)).toEqual(found);
      const before = store.image();
      expect((await tool.repair([])).items).toEqual([]);
      const { runID, items } = await tool.repair(["message-without-role", "part-without-type"]);
      expect(items.map(({ action }) => action)).toEqual(["normalised", "normalised", "normalised"]);
      expect([read("message", "msg_a1").role, read("message", "msg_a2").role]).toEqual(["user", "assistant"]);
      expect(read("part", "prt_a1_1").type).toBe("tool");
      expect(await codes(tool)).toEqual([]);
      await tool.restore(runID ?? "");
      expect(store.image()).toEqual(before);
      expect(await codes(tool)).toEqual(found);
    } finally {
      store.remove();
    }
  });

  test("a call whose time is missing too gets no type: with the type alone, opencode takes no prompt", async () => {
    const { store, write, read } = await made();
    try {
      const { time: _, ...state } = CALL.state as Fields;
      write("part", "prt_a1_1", { ...CALL, state });
      const tool = await toolFor(store.dataDir);
      expect(await codes(tool)).toEqual(["warning part-without-type prt_a1_1"]);
      const before = store.image();
      expect((await tool.repair(["part-without-type"])).items).toEqual([]);
      expect(store.image()).toEqual(before);
      expect(read("part", "prt_a1_1")).not.toHaveProperty("type");
    } finally {
      store.remove();
    }
  });

  test("a role that does not follow from the record is reported, and nothing is written", async () => {
    const { store, write } = await made();
    try {
      write("message", "msg_a3", { time: { created: 1 } });
      write("part", "prt_a1_1", { text: "x", type: "hologram" });
      const tool = await toolFor(store.dataDir);
      const left = (await codes(tool)).filter((line) => line.includes("message-without-role"));
      expect(await codes(tool)).toEqual(left);
      const before = store.image();
      expect(left).toEqual(["warning message-without-role msg_a3"]);
      expect((await tool.repair(["message-without-role"])).items).toEqual([]);
      expect(store.image()).toEqual(before);
    } finally {
      store.remove();
    }
  });
});
