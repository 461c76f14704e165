import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { textBeginning } from "../../plugin/records/file-text.ts";
import { closedPart } from "../../plugin/remedies/recover/closed-document.ts";
import { closedRecord } from "../../plugin/repair/closed.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { located } from "../stores/store-under-test.ts";

const PART = "prt_zzzzzzzzzzz1";
const CUT = "[opencode-session-repair: the rest of this was lost]";

let real: RealStore;

beforeAll(async () => {
  real = await realStore("1.18.33");
  const database = new Database(join(real.dataDir, "opencode.db"));
  database.run(
    `insert into part select ?, message_id, session_id, time_created, time_created, '' from part
     where session_id = ? limit 1`,
    [PART, real.sessions.conversation.id],
  );
  database.close();
});

afterAll(() => real.home.remove());

/** Closes a part that has these bytes, and returns the resulting JSON document. */
async function closed(bytes: Uint8Array): Promise<unknown> {
  const database = new Database(join(real.dataDir, "opencode.db"));
  database.run("update part set data = cast(? as text) where id = ?", [bytes, PART]);
  database.close();
  const [opened] = await openStores(files, await located(files, real.dataDir), "outside");
  if (opened?.state !== "ok") throw new Error("the store cannot be read");
  try {
    const record = await closedRecord(opened.store, {
      ...{ code: "truncated", severity: "blocking", sessionID: real.sessions.conversation.id, kind: "part", store: 0 },
      ...{ recordID: PART, locator: { table: "part", key: { id: PART } }, remedy: "quarantine", evidence: "" },
      ...{ seen: { bytes: bytes.length, sha256: "" }, writtenMs: null, replacement: null },
    } as ConfirmedFinding);
    const content = record?.replacement.content;
    if (content === undefined || !("cells" in content)) return null;
    const cell = content.cells.get("data");
    return cell !== undefined && "bytes" in cell ? JSON.parse(Buffer.from(cell.bytes).toString()) : null;
  } finally {
    opened.store.close();
  }
}

const LINES = 'a \\"line\\" of a log\\n'.repeat(120_000);
const TEXT = `{"type":"text","text":"${LINES}`;
const DONE = `"status":"completed","input":{"command":"${LINES}"},"title":"t","metadata":{},"time":{"start":1,"end":2}`;
const TOOL = `{"type":"tool","callID":"c","tool":"bash","state":{${DONE},"output":"${LINES}`;

test.each<[string, string]>([
  ["in a letter", TEXT],
  ["behind a backslash", `${TEXT}\\`],
  ["inside an escape", `${TEXT}\\u00e`],
  ["behind other letters", `${TEXT}äöü😀`],
  ["in the output of a tool", TOOL],
  ["behind the text", `${TEXT}","time":{"start":1`],
  ["nowhere, and noise follows", `${TEXT}","time":{"start":1,"end":2}}noise "and" more`],
  ["after a byte order mark", `\ufeff${TEXT}`],
])("a long part that is cut off %s is closed as if it were short", async (_where, text) => {
  const bytes = Buffer.from(text);
  const found = await closed(bytes);
  const expected = closedPart(textBeginning(bytes), { created: 0, updated: 0 });
  const timeless = (part: unknown) => ({ ...(part as object), time: null });
  expect(Bun.deepEquals(timeless(found), timeless(expected))).toBe(true);
});

test("half a pair at the end of a long text is left out", async () => {
  const found = (await closed(Buffer.from(`${TEXT}x\\ud83d`))) as { text: string };
  expect(found.text.endsWith(`log\nx\n${CUT}`)).toBe(true);
});
