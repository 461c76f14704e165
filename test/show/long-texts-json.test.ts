import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { documentPieces, type Written } from "../../plugin/command-line/session-document.ts";
import { showSession } from "../../plugin/show/show.ts";
import { TEXT_CHANGED } from "../../plugin/words/long-texts.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { located } from "../stores/store-under-test.ts";

const PART = "prt_zzzzzzzzzzz1";

let store: RealStore;
let sessionID: string;
let opencode: Database;

beforeEach(async () => {
  store = await realStore("1.18.33");
  sessionID = store.sessions.conversation.id;
  opencode = new Database(join(store.dataDir, "opencode.db"));
});

afterEach(async () => {
  opencode.close();
  await store.home.remove();
});

function addPart(json: string): void {
  opencode.run(
    `insert into part select ?, message_id, session_id, time_created, time_created, ? from part
     where session_id = ? order by id desc limit 1`,
    [PART, json, sessionID],
  );
}

/**
 * What `show --json` writes, and the number of characters of the longest piece. `meanwhile` runs after the first piece.
 */
async function document(longInPieces: boolean, meanwhile: () => void = () => undefined) {
  const input = { files, located: await located(files, store.dataDir), sessionID, concurrency: 1, longInPieces };
  const showing = await showSession(input);
  if (!showing.ok) throw new Error(showing.reason);
  const abort = new AbortController();
  const written: Written = { isWhole: false, holes: 0, changed: 0 };
  try {
    let [text, longest] = ["", 0];
    for await (const piece of documentPieces(showing.session, abort.signal, written)) {
      text += piece;
      longest = Math.max(longest, piece.length);
      if (piece.includes("old old")) meanwhile();
    }
    return { text, longest, written };
  } finally {
    showing.session.close();
  }
}

const LONG = "a line of a log\n".repeat(200_000);
const PAIRS = `x${"\\ud83d\\ude00".repeat(400_000)}`;

const tool = (state: object) => ({
  ...{ type: "tool", callID: "call_1", tool: "bash" },
  state: { status: "completed", input: {}, output: "", title: "t", metadata: {}, time: { start: 1, end: 2 }, ...state },
});

test.each<[string, string]>([
  ["a text", JSON.stringify({ type: "text", text: LONG, metadata: { pieces: ["a", { pieces: 1 }] } })],
  ["a text of escaped pairs", `{"type":"text","text":"${PAIRS}"}`],
  ["two texts of a tool", JSON.stringify(tool({ output: LONG, metadata: { output: LONG, list: [[LONG], "b"] } }))],
  ["an error", JSON.stringify(tool({ status: "error", error: LONG }))],
  ["an input after a short one", JSON.stringify(tool({ input: { filePath: "/a", content: LONG } }))],
])("%s of megabytes is written in pieces that are together the same document", async (_what, json) => {
  addPart(json);
  const whole = await document(false);
  const inPieces = await document(true);
  expect(inPieces.text === whole.text).toBe(true);
  expect(JSON.parse(inPieces.text).messages.flatMap(({ parts }: { parts: unknown[] }) => parts)).toContainEqual(
    JSON.parse(json),
  );
  expect(inPieces.written).toEqual({ isWhole: true, holes: 0, changed: 0 });
  expect([whole.longest > 700_000, inPieces.longest < 700_000]).toEqual([true, true]);
});

test("the record of a message with long texts is written whole", async () => {
  const summary = JSON.stringify({ diffs: [{ file: "a", before: LONG, after: LONG }] });
  opencode.run(
    `update message set data = json_set(data, '$.summary', json(?)) where id = (select id from message
     where session_id = ? and data ->> 'role' = 'user' limit 1)`,
    [summary, sessionID],
  );
  const inPieces = await document(true);
  expect(inPieces.text === (await document(false)).text).toBe(true);
  expect(inPieces.longest).toBeLessThan(1_000_000);
});

test("a text that is changed while it is written ends with a note, and the document is still JSON", async () => {
  addPart(JSON.stringify({ type: "text", text: "old ".repeat(2_000_000) }));
  const changed = JSON.stringify({ type: "text", text: "new ".repeat(2_000_000) });
  const { text, written } = await document(true, () =>
    opencode.run("update part set data = ? where id = ?", [changed, PART]),
  );
  expect(JSON.stringify(JSON.parse(text))).toContain(TEXT_CHANGED);
  expect(text).not.toContain("new new");
  expect([written.isWhole, written.changed > 0]).toEqual([true, true]);
});
