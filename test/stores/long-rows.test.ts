import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { scanScope } from "../../plugin/repair/scan.ts";
import { showSession } from "../../plugin/show/show.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { noCounts } from "../../plugin/stores/store.ts";
import { amount } from "../../plugin/words/amounts.ts";
import { messageLines } from "../../plugin/words/answers/transcript.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { located } from "./store-under-test.ts";

const LINE = 'a "line" of a long log, \u00e4\n';
const LINES = 45_000;

/** The largest number of characters of a text that a check or `show` may hold. */
const MOST_CHARACTERS = 300_000;

let store: RealStore;
let sessionID: string;

beforeEach(async () => {
  store = await realStore("1.18.33");
  sessionID = store.sessions.conversation.id;
});

afterEach(() => store.home.remove());

function addPart(id: string, document: object | string): void {
  using database = new Database(join(store.dataDir, "opencode.db"));
  database.run(
    `insert into part select ?, message_id, session_id, time_created, time_created, ? from part
     where session_id = ? order by id desc limit 1`,
    [id, typeof document === "string" ? document : JSON.stringify(document), sessionID],
  );
}

/** The records that look damaged, and the number of characters of the longest text that the scan held. */
async function scanned(): Promise<{ readonly suspects: readonly (string | null)[]; readonly longest: number }> {
  const [opened] = await openStores(files, await located(files, store.dataDir), "outside");
  if (opened?.state !== "ok") throw new Error("no store");
  try {
    let longest = 0;
    const counts = noCounts();
    await opened.store.scan(
      { what: "everything" },
      (_artifact, text) => {
        longest = Math.max(longest, text?.length ?? 0);
      },
      { concurrency: 1, counts },
    );
    expect(counts.bytes).toBeGreaterThan(LINE.length * LINES);
    const found = await scanScope(opened.store, { what: "everything" }, { concurrency: 1, counts: noCounts() });
    return { suspects: found.map(({ recordID }) => recordID), longest };
  } finally {
    opened.store.close();
  }
}

const text = LINE.repeat(LINES);
const tool = {
  ...{ type: "tool", callID: "call_1", tool: "bash" },
  state: { status: "completed", input: {}, output: text, title: "", metadata: {}, time: { start: 1, end: 2 } },
};

test("a check never holds a text of megabytes, and finds what is wrong with such a record", async () => {
  addPart("prt_zzzzzzzzzzz1", { type: "text", text });
  addPart("prt_zzzzzzzzzzz2", tool);
  const { suspects, longest } = await scanned();
  expect(suspects).toEqual([]);
  expect(longest).toBeLessThan(MOST_CHARACTERS);
  addPart("prt_zzzzzzzzzzz3", { type: "text", text, time: "yesterday" });
  addPart("prt_zzzzzzzzzzz4", JSON.stringify({ type: "text", text }).slice(0, -1));
  addPart("prt_zzzzzzzzzzz5", JSON.stringify({ type: "text", text }).replace('log, \u00e4\\n"}', 'log,\n"}'));
  expect((await scanned()).suspects).toEqual(["prt_zzzzzzzzzzz3", "prt_zzzzzzzzzzz4", "prt_zzzzzzzzzzz5"]);
});

test("show prints a text of megabytes to its last line, and holds only its beginning", async () => {
  addPart("prt_zzzzzzzzzzz1", { type: "text", text: `${text}the end` });
  addPart("prt_zzzzzzzzzzz2", tool);
  const input = { files, located: await located(files, store.dataDir), sessionID, concurrency: 1, longInPieces: true };
  const showing = await showSession(input);
  if (!showing.ok) throw new Error(showing.reason);
  const lines: string[] = [];
  for await (const message of showing.session.messages()) {
    expect(JSON.stringify(message).length).toBeLessThan(3 * MOST_CHARACTERS);
    for (const line of messageLines(message, 80, (_style, marked) => marked)) lines.push(line);
  }
  showing.session.close();
  expect(lines.filter((line) => `${line}\n` === LINE).length).toBe(LINES);
  expect(lines).toContain("the end");
  const size = `${amount(LINES, "line")}, ${amount(Buffer.byteLength(text), "byte")}`;
  expect(lines.some((line) => line.includes(size))).toBe(true);
});
