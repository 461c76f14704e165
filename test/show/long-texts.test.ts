import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { showSession } from "../../plugin/show/show.ts";
import { type TranscriptMessage, transcribe } from "../../plugin/show/transcript.ts";
import { messageLines } from "../../plugin/words/answers/transcript.ts";
import { TEXT_CHANGED } from "../../plugin/words/long-texts.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { located } from "../stores/store-under-test.ts";

/** A text of this many bytes is read in two pieces. */
const BYTES = 5 * 1024 * 1024;
const HALF = BYTES / 2;

let store: RealStore;
let sessionID: string;
/** The test keeps the database open, as a running opencode does. */
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

const PART = "prt_zzzzzzzzzzz1";

function addPart(document: object, id = PART): void {
  opencode.run(
    `insert into part select ?, message_id, session_id, time_created, time_created, ? from part
     where session_id = ? order by id desc limit 1`,
    [id, JSON.stringify(document), sessionID],
  );
}

function setPart(document: object): void {
  opencode.run("update part set data = ? where id = ?", [JSON.stringify(document), PART]);
}

/** What `show` prints. `meanwhile` runs after each message is read and before it is printed. */
async function shown(meanwhile: (message: TranscriptMessage) => void = () => undefined): Promise<string> {
  const input = { files, located: await located(files, store.dataDir), sessionID, concurrency: 1, longInPieces: true };
  const showing = await showSession(input);
  if (!showing.ok) throw new Error(showing.reason);
  try {
    const lines: string[] = [];
    for await (const message of showing.session.messages()) {
      meanwhile(message);
      for (const line of messageLines(message, 80, (_style, marked) => marked)) lines.push(line);
    }
    return lines.join("\n");
  } finally {
    showing.session.close();
  }
}

const tool = (state: object) => ({
  ...{ type: "tool", callID: "call_1", tool: "bash" },
  state: { status: "completed", input: {}, output: "", title: "", metadata: {}, time: { start: 1, end: 2 }, ...state },
});

const LONG = "word ".repeat(400_000);
/** What `show` prints in place of {@link LONG} after its first 65,536 bytes. */
const NOTE = "(1,934,464 more bytes; `show --json` prints the whole text)";

test.each<[string, object]>([
  ["the error of a tool", tool({ status: "error", error: LONG })],
  ["the title of a tool", tool({ title: LONG })],
  ["the input of a tool", tool({ input: { command: LONG } })],
  ["a text that opencode added", { type: "text", text: LONG, synthetic: true }],
  ["the error of another try", { type: "retry", attempt: 1, error: { name: "E", data: { message: LONG } } }],
])("where the first line of %s is cut, show says so", async (_what, document) => {
  addPart(document);
  expect((await shown()).replace(/\s+/g, " ")).toContain(NOTE);
});

test("where the error of a message is cut, show says so", async () => {
  opencode.run(
    `update message set data = json_set(data, '$.error', json(?)) where id = (select id from message
     where session_id = ? and data ->> 'role' = 'assistant' limit 1)`,
    [JSON.stringify({ name: "UnknownError", data: { message: LONG } }), sessionID],
  );
  expect((await shown()).replace(/\s+/g, " ")).toContain(NOTE);
});

test("a short first line of a long error is printed without a note, as before", async () => {
  addPart(tool({ status: "error", error: `it failed\n${LONG}` }));
  const text = await shown();
  expect(text).toContain("it failed");
  expect(text).not.toContain("more bytes");
});

function hasLongText({ entries }: TranscriptMessage): boolean {
  return entries.some((each) => each.type === "text" && each.long !== undefined);
}

/** The path of a tool's output in its part. */
const PLACE = JSON.stringify(["state", "output"]);

const OLD = "old ".repeat(HALF / 2);
const NEW = "new ".repeat(HALF / 2);
const ESCAPED = '\\"'.repeat(HALF / 2);

test.each([
  ["as long as before", NEW],
  ["shorter", NEW.slice(0, HALF)],
  ["longer", NEW + NEW],
  ["a text with other escapes", ESCAPED],
])("the new text is %s: nothing of it is printed as the end of the old one", async (_what, text) => {
  addPart({ type: "text", text: OLD });
  const printed = await shown((message) => {
    if (hasLongText(message)) setPart({ type: "text", text });
  });
  expect(printed).toContain(TEXT_CHANGED);
  expect(printed).toContain("old old");
  expect(printed).not.toContain("new");
  expect(printed).not.toContain('\\"\\"');
});

test("a text that was deleted while it was read is not printed as if it were whole", async () => {
  addPart({ type: "text", text: OLD });
  const printed = await shown((message) => {
    if (hasLongText(message)) opencode.run("delete from part where id = ?", [PART]);
  });
  expect(printed).toContain(TEXT_CHANGED);
});

test("the size of an output that was changed is not told, and the command does not end as if all were printed", async () => {
  const long = {
    value: { type: "tool", state: { output: "old" } },
    texts: new Map([[PLACE, { pieces: () => ["old", null] }]]),
  };
  const where = {
    locator: { table: "part", key: { id: PART } },
    storage: "text",
    timeMs: null,
    updatedMs: null,
  } as const;
  const part = { recordID: PART, size: BYTES, bytes: null, long, ...where };
  const message = transcribe({ messageID: "msg_1", document: null, parts: [part] }, new Map(), new Map(), new Set());
  let changed = 0;
  const lines = messageLines(
    message,
    80,
    (_style, marked) => marked,
    () => {
      changed += 1;
    },
  );
  expect([...lines].join("\n")).toContain(TEXT_CHANGED);
  expect(changed).toBe(1);
});

test("a text that stays the same is printed to its end while opencode writes other records", async () => {
  addPart({ type: "text", text: `${OLD}the end` });
  let count = 0;
  const printed = await shown(() => addPart({ type: "text", text: "another" }, `prt_zzzzzzzzzzz2${count++}`));
  expect(printed).not.toContain(TEXT_CHANGED);
  expect(printed).toContain("the end");
});
