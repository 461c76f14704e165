import { parentPort, workerData } from "node:worker_threads";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { readSchema } from "../stores/sqlite/schema.ts";
import { SqliteStore } from "../stores/sqlite/sqlite-store.ts";
import { noCounts } from "../stores/store.ts";
import { suspectsIn, type ThreadTask } from "./suspects.ts";

/** The body of a thread: scans one share of a database and says what looks wrong. Any error ends it, and is its answer. */
const { source, description, share } = workerData as ThreadTask;
const driver = await loadDriver();
if (driver === null) throw new Error("This runtime has no SQLite.");
const connection = driver.open(source.path, source.mode);
const view = { connection, source: null, release: () => undefined };
const store = new SqliteStore(description, readSchema(connection), view);
const counts = noCounts();
const suspects = await suspectsIn(store, { what: "everything", share }, { concurrency: 1, counts });
store.close();
parentPort?.postMessage({ suspects, counts });
