import { parentPort, workerData } from "node:worker_threads";
import { nodeFileSystem } from "../platform/file-system.ts";
import { JsonStore } from "../stores/json/json-store.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { readSchema } from "../stores/sqlite/schema.ts";
import { SqliteStore } from "../stores/sqlite/sqlite-store.ts";
import { noCounts, type Store } from "../stores/store.ts";
import { NO_SQLITE } from "../words/refusals.ts";
import { garbageCollection, nextShare, type ShareAnswer, scanScope, type ThreadTask } from "./scan.ts";

/** Files that look damaged are read a second time, at most this many at the same time. */
const FILES_AT_ONCE = 8;

/**
 * The code of a worker thread. It takes one share of a store's records after the other, and sends the records that do
 * not look healthy to the main thread. Any error ends the thread.
 */
const task = workerData as ThreadTask;
const store = await openStore(task);
const collect = await garbageCollection(task.description);
let bytes = 0;
for (let index = nextShare(task); index !== null; index = nextShare(task)) {
  const counts = noCounts();
  const share = { index, of: task.shares };
  const suspects = await scanScope(store, { what: "everything", share }, { concurrency: FILES_AT_ONCE, counts });
  bytes += counts.bytes;
  collect(bytes);
  parentPort?.postMessage({ index, suspects, counts } satisfies ShareAnswer);
}
store.close();

async function openStore({ source, description }: ThreadTask): Promise<Store> {
  if (source === "files") return new JsonStore(nodeFileSystem, description, true);
  const driver = await loadDriver();
  if (driver === null) throw new Error(NO_SQLITE);
  const connection = driver.open(source.path, source.mode);
  const view = { connection, source, release: () => undefined };
  return new SqliteStore(description, readSchema(connection), view);
}
