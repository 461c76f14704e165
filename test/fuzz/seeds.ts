import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Artifact } from "../../plugin/model/artifact.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { type Json, type JsonObject, sampleColumn, sampleMessage, samplePart } from "../records/samples.ts";
import { blockingIn, repairFindings, settledFiles } from "../repair/tool.ts";
import { CREATED, messageDocument, sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { scratchFolder } from "../stores/scratch.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";
import { KEPT } from "./kept-item.ts";
import { ROW_PLACES, STORES } from "./subjects.ts";

const ids = { sessionID: "ses_sample", messageID: "msg_sample", partID: "prt_sample" };

/** Joins the bytes that make choices with the other bytes of a case. */
export function seed(choices: readonly number[], rest: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(choices), rest]);
}

function bytesOf(document: Json): Buffer {
  return Buffer.from(JSON.stringify(document));
}

const SESSION_ROW: JsonObject = {
  ...{ id: "ses_1", project_id: "prj_1", workspace_id: null, workspace: null, parent_id: null, slug: "calm-river" },
  ...{ directory: "/project", path: "", title: "A title", version: "1.18.33", share_url: null, cost: 0.25 },
  ...{ summary_additions: 1, tokens_input: 1, tokens_output: 2, tokens_cache_read: 3, agent: "build" },
  ...{ time_created: 1_790_000_000_000, time_updated: 1_790_000_000_500, time_archived: null },
};

const COLUMNS = ["revert", "model", "permission", "metadata", "summary_diffs", "sandboxes"];

/** Sample records of every kind. The number of each is the index of its place in {@link ROW_PLACES}. */
function placedRecords(): (readonly [place: number, document: Json])[] {
  const place = (kind: string, column?: string) =>
    ROW_PLACES.findIndex((each) => each.kind === kind && "table" in each.locator && each.locator.column === column);
  return [
    ...samplePart(ids).map((document) => [place("part"), document] as const),
    ...sampleMessage(ids).map((document) => [place("message"), document] as const),
    ...COLUMNS.flatMap((column) =>
      sampleColumn(column, ids).map(
        (document) => [place(column === "sandboxes" ? "project" : "session", column), document] as const,
      ),
    ),
    [place("session"), SESSION_ROW],
    [place("project"), { id: "prj_1", worktree: "/project", vcs: "git" }],
    [place("todo"), { content: "do", status: "pending", priority: "high" }],
  ];
}

/** The documents of the samples. */
export function documents(): Buffer[] {
  return placedRecords().map(([, document]) => bytesOf(document));
}

/**
 * Cases with each sample record in each store of {@link STORES}. In the strictest store, there are also cases in which
 * one value of the record is missing or `null`.
 */
export function subjects(): Buffer[] {
  const whole = placedRecords().flatMap(([place, document]) =>
    STORES.map((_store, store) => seed([store, place, 0], bytesOf(document))),
  );
  const lacking = placedRecords().flatMap(([place, document]) =>
    lackingOne(document).map((each) => seed([0, place, 0], bytesOf(each))),
  );
  return [...whole, ...lacking];
}

function lackingOne(value: Json): Json[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value as JsonObject).flatMap(([name, inner]) => {
    const { [name]: _, ...rest } = value as JsonObject;
    return [rest, { ...rest, [name]: null }, ...lackingOne(inner).map((each) => ({ ...rest, [name]: each }))];
  });
}

/** Logs in which a record was written, and then sometimes removed. Each line is one event. */
export function eventLogs(): Buffer[] {
  const records = placedRecords().filter(([place]) => ["part", "message"].includes(ROW_PLACES[place]?.kind ?? ""));
  const written = records.map(([place, document]) => {
    const { kind, recordID: id } = ROW_PLACES[place] as Artifact;
    const named = { ...(document as JsonObject), id, sessionID: "ses_1", messageID: "msg_1" } as JsonObject;
    const text = JSON.stringify(kind === "part" ? { part: named, time: 1_790_000_000_000 } : { info: named });
    return { place, line: `${kind === "part" ? "p" : "q"}${text}` };
  });
  const time = { created: 1_790_000_000_000, updated: 1_790_000_000_500 };
  const session = {
    id: "ses_1",
    projectID: "prj_1",
    slug: "x",
    directory: "/project",
    title: "A title",
    version: "1",
    time,
  };
  const removed = ['s{"sessionID":"ses_1","partID":"prt_1"}', 't{"messageID":"msg_1"}', 'u{"sessionID":"ses_1"}'];
  return [
    ...written.map(({ place, line }) => seed([place], Buffer.from(`${line}\n${line}`))),
    ...removed.map((event, place) => seed([place % 2], Buffer.from(`${event}\n${written[place * 12]?.line}`))),
    ...ROW_PLACES.flatMap(({ kind }, place) =>
      kind === "session" ? [seed([place], Buffer.from(`r${JSON.stringify({ info: session })}`))] : [],
    ),
  ];
}

/** Messages with their parts. Each line is one document. */
export function conversations(): Buffer[] {
  const parts = samplePart(ids).map(bytesOf);
  const newline = Buffer.from("\n");
  return sampleMessage(ids).map((message, index) => {
    const own = parts.filter((_part, at) => at % 4 === index % 4).flatMap((part) => [newline, part]);
    return seed([index, index], Buffer.concat([bytesOf(message), ...own]));
  });
}

/** Manifests that repairs of files and rows wrote: unchanged, and with the hash and size of {@link KEPT} for every item. */
export async function manifests(): Promise<Buffer[]> {
  const found: Buffer[] = [];
  const stores: readonly StoreUnderTest[] = [
    createJsonStore(sampleContent()),
    await createSqliteStore("1.18.33", sampleContent()),
  ];
  for (const store of stores) {
    store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from('{"type":'));
    store.overwrite(store.locatorOf("message", "msg_b1"), Buffer.alloc(0));
    await repairFindings(settledFiles, store.dataDir, await blockingIn(store.dataDir));
    const root = quarantinePath(store.dataDir);
    const names = (readdirSync(root, { recursive: true }) as string[]).filter((name) => name.endsWith("manifest.json"));
    for (const name of names) {
      const text = readFileSync(join(root, name), "utf8");
      const kept = text
        .replaceAll(/"sha256": "[0-9a-f]{64}"/g, `"sha256": "${sha256(KEPT)}"`)
        .replaceAll(/"bytes": \d+/g, `"bytes": ${KEPT.length}`);
      found.push(Buffer.from(text), Buffer.from(kept), Buffer.from(JSON.stringify(JSON.parse(kept))));
    }
    store.remove();
  }
  return found;
}

const TABLES = ["project", "session", "message", "part", "event", "todo"];

/** Databases of opencode with only the tables that hold sessions, with and without a WAL. */
export async function conversationDatabases(): Promise<SmallDatabase[]> {
  const content = sampleContent();
  const store = await createSqliteStore("1.18.33", content);
  const connection = store.connect();
  connection.exec("pragma foreign_keys = off; pragma journal_mode = delete");
  for (const { name } of connection.all("select name from sqlite_schema where type = 'table'")) {
    if (!TABLES.includes(String(name)) && !String(name).startsWith("sqlite_")) connection.exec(`drop table "${name}"`);
  }
  const found: SmallDatabase[] = [];
  const keep = () => found.push({ main: readFileSync(store.database), wal: bytesIfAny(`${store.database}-wal`) });
  const told = { id: "prt_a1_9", messageID: "msg_a1", sessionID: "ses_a", type: "text", text: "lost" };
  const lost = { ...messageDocument(), id: "msg_a9", sessionID: "ses_a" };
  const session = {
    id: "ses_d",
    projectID: "prj_one",
    slug: "x",
    directory: "/work",
    title: "Lost",
    version: "1.18.33",
  };
  const events = [
    ["session.created.1", { info: { ...session, time: { created: CREATED, updated: CREATED } } }],
    ["message.updated.1", { info: lost }],
    ["message.part.updated.1", { part: told, time: CREATED }],
    ["message.part.removed.1", { sessionID: "ses_a", messageID: "msg_a1", partID: "prt_a1_8" }],
  ] as const;
  for (const [seq, [type, data]] of events.entries()) {
    const sql = "insert into event (id, aggregate_id, seq, type, data) values (?, 'ses_a', ?, ?, ?)";
    connection.run(sql, `evt_${seq}`, seq, type, JSON.stringify(data));
  }
  connection.exec("pragma page_size = 512; vacuum");
  keep();
  connection.exec("update part set data = json_set(data, '$.text', hex(zeroblob(700))) where id like '%1'; vacuum");
  keep();
  connection.exec("delete from part where id like '%2'");
  connection.all("pragma journal_mode = wal");
  connection.exec("update message set time_updated = time_updated + 1, data = data || ' '");
  keep();
  connection.close();
  store.remove();
  return found;
}

export interface SmallDatabase {
  readonly main: Buffer;
  readonly wal: Buffer | null;
}

const PAGE_SIZES = [512, 1024];

/**
 * Small databases with and without a WAL. They contain rows of every kind, deep trees, chains of pages and free pages.
 */
export async function smallDatabases(tableSql: string): Promise<SmallDatabase[]> {
  const driver = await loadDriver();
  if (driver === null) return [];
  const found: SmallDatabase[] = [];
  for (const pageSize of PAGE_SIZES) {
    const scratch = scratchFolder();
    const path = join(scratch.path, "small.db");
    const connection = driver.open(path, "create");
    const keep = () => found.push({ main: readFileSync(path), wal: bytesIfAny(`${path}-wal`) });
    connection.exec(`pragma page_size = ${pageSize}; ${tableSql}`);
    connection.exec(
      "create table part (id text, message_id text, session_id text, time_created integer not null, time_updated integer not null, data text)",
    );
    const rows = (from: number, count: number, length: string) =>
      connection.exec(`with recursive n(i) as (select ${from} union all select i + 1 from n where i < ${from + count - 1})
        insert into entry select 'entry ' || i, case i % 4 when 0 then null when 1 then i << 40 else i end,
          substr(hex(zeroblob(3000)), 1, ${length}), case i % 2 when 0 then zeroblob(i % 7) end from n`);
    rows(1, 6, "10");
    const [prt, msg, ses] = ["prt_", "msg_", "ses_"].map((prefix) => `${prefix}0123456789abcdefghijklmnop`);
    connection.run(
      "insert into part values (?, ?, ?, 1790000000000, 1790000000500, ?)",
      ...[prt, msg, ses, '{"type":"text","text":"words"}'].map(String),
    );
    keep();
    rows(7, 12, "(i % 5) * 40");
    rows(30, 2, "1800");
    connection.exec("delete from entry where number % 3 = 0 or id = 'entry 31'");
    keep();
    connection.all("pragma journal_mode = wal");
    rows(40, 2, "20");
    keep();
    connection.exec("pragma wal_checkpoint(restart); update entry set words = 'other' where rowid < 4");
    rows(50, 1, "900");
    keep();
    connection.close();
    scratch.remove();
  }
  return found;
}

function bytesIfAny(path: string): Buffer | null {
  return existsSync(path) ? readFileSync(path) : null;
}
