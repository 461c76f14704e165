import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import fsExtra from "fs-extra";
import { cacheDirectory } from "../../test/host/cache.ts";
import { realStore } from "../../test/host/stored-fixture.ts";
import type { KeptStore } from "./kept-store.ts";
import { rowsOf } from "./large-store.ts";
import { randomNumbers } from "./random.ts";
import { generateSessions } from "./templates.ts";

const HOST = "1.18.33";

const PARTS_OF_SESSION = 200;

/**
 * The number of events of each part. An event contains the whole part, so nine events make `event` by far the largest
 * table. Users report databases like that.
 */
const UPDATES = 9;

/** One of this many sessions has a very large part. A gigabyte then has two or three such parts. */
const SESSIONS_PER_GIANT = 150;

const SMALLEST_GIANT_MB = 16;
const LARGEST_GIANT_MB = 48;

/**
 * How much free disk space is needed, as a multiple of the store's size. Three files of this size exist at the same
 * time: the store, a damaged copy, and the salvaged database.
 */
const DISK_FACTOR = 3.2;

/** A very large test store, with its size in bytes. */
export interface HugeStore extends KeptStore {
  readonly bytes: number;
  remove(): Promise<void>;
}

/**
 * Makes a database of several gigabytes like those that users report: most of it is events, and a few parts are very
 * large. Its records are copies of records that a real opencode 1.18.33 wrote. It stays in `.cache/bench` until
 * `remove` is called.
 */
export async function hugeStore(gigabytes: number, seed: number): Promise<HugeStore> {
  const kept = cacheDirectory(join("bench", `huge-${gigabytes}-${seed}`));
  const dataDir = join(kept, "opencode");
  const store = await realStore(HOST);
  try {
    if (!existsSync(dataDir)) {
      const folder = `${kept}.new`;
      await fsExtra.remove(folder);
      await fsExtra.ensureDir(folder);
      await refuseWithoutRoom(folder, gigabytes);
      await fsExtra.move(store.dataDir, join(folder, "opencode"));
      fill(join(folder, "opencode", "opencode.db"), gigabytes * 1e9, seed);
      await fsExtra.move(folder, kept);
    }
  } finally {
    await store.home.remove();
  }
  const content = join(dataDir, "opencode.db");
  const remove = () => rm(kept, { recursive: true, force: true });
  const { project, projectID } = store;
  return { version: HOST, dataDir, project, projectID, content, bytes: (await fsExtra.stat(content)).size, remove };
}

async function refuseWithoutRoom(folder: string, gigabytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = gigabytes * DISK_FACTOR;
  if ((bavail * bsize) / 1e9 < needed) throw new Error(`${gigabytes} GB need ${needed.toFixed(0)} GB of free disk`);
}

function fill(path: string, bytes: number, seed: number): void {
  const database = new Database(path);
  try {
    // No other program uses the file, and an interrupted run builds it again. So the file need not survive a crash.
    database.run("pragma journal_mode = off");
    database.run("pragma synchronous = off");
    database.run("pragma cache_size = -100000");
    const { templates, insert } = rowsOf(database);
    const random = randomNumbers(seed);
    const most = Math.ceil(bytes / (PARTS_OF_SESSION * 1000));
    let index = 0;
    for (const session of generateSessions(templates, { sessions: most, parts: most * PARTS_OF_SESSION }, random)) {
      insert(session);
      addEvents(database, session.id);
      if (index % SESSIONS_PER_GIANT === Math.floor(SESSIONS_PER_GIANT / 2)) addGiant(database, session.id, random());
      index += 1;
      if (bytesOf(database) >= bytes) break;
    }
    database.run("pragma journal_mode = wal");
    database.run("pragma wal_checkpoint(truncate)");
  } finally {
    database.close();
  }
}

/** Adds the events that opencode logs for the parts of a session. Each event contains a whole part. */
function addEvents(database: Database, sessionID: string): void {
  database.run("insert into event_sequence values (?, ?, null)", [sessionID, PARTS_OF_SESSION * UPDATES]);
  database.run(
    `with recursive updates(number) as (select 1 union all select number + 1 from updates where number < ${UPDATES})
     insert into event
     select 'evt_' || substr(id, 5, 12) || 'B' || number || substr(id, 19), session_id,
       row_number() over (order by part.rowid, number), 'message.part.updated.1', ${EVENT_DATA}
     from part, updates where session_id = ? order by part.rowid, number`,
    [sessionID],
  );
}

const EVENT_DATA = `json_object('sessionID', session_id, 'part',
  json_set(data, '$.id', id, '$.sessionID', session_id, '$.messageID', message_id), 'time', time_updated)`;

/** Adds a text of tens of megabytes to a session, and the event that wrote it. */
function addGiant(database: Database, sessionID: string, share: number): void {
  const megabytes = Math.round(SMALLEST_GIANT_MB + share * (LARGEST_GIANT_MB - SMALLEST_GIANT_MB));
  const data = JSON.stringify({ type: "text", text: "a line of a long log\n".repeat((megabytes * 1e6) / 22) });
  const seq = PARTS_OF_SESSION * UPDATES + 1;
  const newest =
    "select message_id, session_id, time_created from part where session_id = ? order by rowid desc limit 1";
  const id = `prt_${sessionID.slice(4, 16)}Giant000000000`;
  database.run(`insert into part select ?, message_id, session_id, time_created, time_created, ? from (${newest})`, [
    id,
    data,
    sessionID,
  ]);
  database.run(
    `insert into event select 'evt' || substr(id, 4), session_id, ?, 'message.part.updated.1', ${EVENT_DATA}
     from part where id = ?`,
    [seq, id],
  );
  database.run("update event_sequence set seq = ? where aggregate_id = ?", [seq, sessionID]);
}

function bytesOf(database: Database): number {
  const [row] = database
    .query<{ bytes: number }, []>("select page_count * page_size as bytes from pragma_page_count, pragma_page_size")
    .all();
  return row?.bytes ?? 0;
}
