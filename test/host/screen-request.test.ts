import { expect, test } from "bun:test";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answerRequest } from "../../plugin/opencode/answer-request.ts";
import { settledFiles } from "../repair/tool.ts";
import { CREATED, sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { located, type StoreUnderTest } from "../stores/store-under-test.ts";

const CALL = {
  type: "tool",
  callID: "call_1",
  tool: "glob",
  state: {
    status: "error",
    input: { pattern: "*.txt", path: 5 },
    error: "Invalid arguments",
    time: { start: 1, end: 2 },
  },
};

const ANSWER = {
  role: "assistant",
  time: { created: CREATED, completed: CREATED + 1000 },
  parentID: "msg_none",
  mode: "build",
  modelID: "model",
  providerID: "provider",
  path: { cwd: "/", root: "/" },
  system: [],
  cost: 0,
  tokens: { input: 1, output: 1, reasoning: 0, cache: { read: 0, write: 0 } },
  finish: "stop",
};

async function contextOf({ dataDir }: StoreUnderTest, hostVersion: string) {
  const where = await located(settledFiles, dataDir);
  return { files: settledFiles, located: where, hostVersion, concurrency: 4, trigger: "command" as const, spare: null };
}

function firstPart({ content }: StoreUnderTest): string {
  return content.sessions.flatMap(({ messages }) => messages.flatMap(({ parts }) => parts))[0]?.id ?? "";
}

/** Makes the message of the first part an answer, because the terminal UI shows tool calls only in answers. */
function makeAnswer(store: StoreUnderTest): void {
  const [message] = store.content.sessions.flatMap(({ messages }) => messages);
  const locator = store.locatorOf("message", message?.id ?? "");
  const old = JSON.parse(store.bytesAt(locator)?.toString() ?? "null") as Record<string, unknown>;
  store.overwrite(locator, Buffer.from(JSON.stringify({ ...old, ...ANSWER })));
}

test("`/repair check` says which record ends the screen, `/repair` completes it, and undo is exact: a database of 1.2.27", async () => {
  const store = await createSqliteStore("1.2.27", sampleContent());
  try {
    makeAnswer(store);
    store.overwrite(store.locatorOf("part", firstPart(store)), Buffer.from(JSON.stringify(CALL)));
    await repairedAndUndone(store, "1.2.27");
  } finally {
    store.remove();
  }
});

test("so it is of the files of 1.1.65", async () => {
  const store = createJsonStore(sampleContent());
  try {
    makeAnswer(store);
    const locator = store.locatorOf("part", firstPart(store));
    const path = join(store.dataDir, "path" in locator ? locator.path : "");
    const { id, sessionID, messageID } = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
    writeFileSync(path, JSON.stringify({ id, sessionID, messageID, ...CALL }));
    await repairedAndUndone(store, "1.1.65");
  } finally {
    store.remove();
  }
});

test("`/repair` names the session that opencode no longer lists, how to read it, and undo brings its record back", async () => {
  const store = createJsonStore(sampleContent());
  try {
    const locator = store.locatorOf("session", "ses_c");
    store.overwrite(locator, Buffer.alloc(100));
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(join(store.dataDir, "path" in locator ? locator.path : ""), old, old);
    const before = store.image();
    const context = await contextOf(store, "1.1.65");
    const { details, runID } = await answerRequest({ what: "repair", sessionID: null }, context);
    expect(details).toContain(
      "opencode no longer lists 1 session, because no part of the session's record was usable. Messages stay where they are.",
    );
    expect(details).toContain("To read the session in a shell: npx opencode-session-repair show ses_c");
    expect(details).toContain(`Undo: /repair undo ${runID}`);
    await answerRequest({ what: "undo", runID }, context);
    expect(store.image()).toEqual(before);
  } finally {
    store.remove();
  }
});

async function repairedAndUndone(store: StoreUnderTest, hostVersion: string): Promise<void> {
  const before = store.image();
  const context = await contextOf(store, hostVersion);
  const checked = await answerRequest({ what: "check", sessionID: null }, context);
  expect(checked.remaining.map(({ code, recordID }) => [code, recordID])).toEqual([["screen-fatal", firstPart(store)]]);
  expect(checked.headline).toStartWith("1 record that opencode cannot load or show.");
  expect(store.image()).toEqual(before);

  const repaired = await answerRequest({ what: "repair", sessionID: null }, context);
  expect(repaired.remaining).toEqual([]);
  const part = JSON.parse(store.bytesAt(store.locatorOf("part", firstPart(store)))?.toString() ?? "null");
  expect(part).toMatchObject({ ...CALL, state: { ...CALL.state, input: { pattern: "*.txt", path: "5" } } });

  await answerRequest({ what: "undo", runID: repaired.runID }, context);
  expect(store.image()).toEqual(before);
}
