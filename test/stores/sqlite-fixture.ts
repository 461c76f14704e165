import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFileLocator, type Locator, type RowLocator } from "../../plugin/model/artifact.ts";
import { type Connection, type Driver, loadDriver, type SqlValue } from "../../plugin/stores/sqlite/driver.ts";
import { CREATED, messageDocument, partDocument, type StoreContent } from "./content.ts";
import { folderImage } from "./json-fixture.ts";
import { scratchFolder } from "./scratch.ts";
import type { Image, StoreUnderTest } from "./store-under-test.ts";

/**
 * Releases whose schema and migrations are in `test/fixtures`. Both were read from a database that the release made.
 */
export type SchemaVersion = "1.2.27" | "1.18.33";

export interface SqliteStoreUnderTest extends StoreUnderTest {
  readonly database: string;
  /** A connection like that of another program. */
  connect(): Connection;
}

let driver: Driver | null = null;

async function runtimeDriver(): Promise<Driver> {
  driver ??= await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  return driver;
}

/** A database with the schema of a release, in a new folder. The database is in WAL mode, as opencode leaves it. */
export async function createSqliteStore(version: SchemaVersion, content: StoreContent): Promise<SqliteStoreUnderTest> {
  const scratch = scratchFolder();
  const dataDir = join(scratch.path, "opencode");
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "opencode.db"), "");
  const store = await sqliteStoreAt(dataDir, content, scratch.remove);
  using(store.connect(), (connection) => fill(connection, version, content));
  return store;
}

/** The existing database of a data directory. */
export async function sqliteStoreAt(
  dataDir: string,
  content: StoreContent,
  remove: () => void,
): Promise<SqliteStoreUnderTest> {
  const database = join(dataDir, "opencode.db");
  const { open } = await runtimeDriver();
  const connect = () => {
    const connection = open(database, "write");
    connection.exec("pragma busy_timeout = 5000");
    return connection;
  };
  return {
    dataDir,
    database,
    content,
    connect,
    locatorOf: (record, id) => ({
      table: record,
      key: { id },
      ...(record === "session" ? { column: "permission" } : {}),
    }),
    bytesAt: (locator) => using(connect(), (connection) => valueAt(connection, rowLocator(locator))),
    overwrite(locator, bytes) {
      using(connect(), (connection) => overwrite(connection, rowLocator(locator), `x'${bytes.toString("hex")}'`));
    },
    overwriteWithZeros(locator, bytes) {
      using(connect(), (connection) => overwrite(connection, rowLocator(locator), `zeroblob(${bytes})`));
    },
    removeRecord(locator) {
      const { table, key } = rowLocator(locator);
      using(connect(), (connection) => {
        connection.exec("pragma foreign_keys = on");
        connection.run(`delete from "${table}" where id = ?`, key.id ?? "");
      });
    },
    image: () => ({ ...using(connect(), databaseImage), ...otherFiles(dataDir) }),
    remove,
  };
}

function using<T>(connection: Connection, work: (connection: Connection) => T): T {
  try {
    return work(connection);
  } finally {
    connection.close();
  }
}

function rowLocator(locator: Locator): RowLocator {
  if (isFileLocator(locator)) throw new TypeError("This store holds rows only.");
  return locator;
}

function valueAt(connection: Connection, { table, key, column }: RowLocator): Buffer | null {
  const name = column ?? "data";
  const row = connection.all(
    `select typeof("${name}") as storage, cast("${name}" as blob) as bytes from "${table}" where id = ?`,
    key.id ?? "",
  )[0];
  if (row === undefined || row.storage === "null") return null;
  return Buffer.from(row.bytes instanceof Uint8Array ? row.bytes : []);
}

function overwrite(connection: Connection, { table, key, column }: RowLocator, sql: string): void {
  const name = column ?? "data";
  const id = key.id ?? "";
  if (connection.run(`update "${table}" set "${name}" = cast(${sql} as text) where id = ?`, id) > 0) return;
  // The record is gone, so this inserts it again with another rowid, as another program could.
  connection.exec("pragma foreign_keys = off");
  const extra = { message: ["session_id"], part: ["message_id", "session_id"] }[table] ?? [];
  connection.run(
    `insert into "${table}" (id, ${extra.map((each) => `${each}, `).join("")} time_created, time_updated, data)
       values (?, ${extra.map(() => "'elsewhere', ").join("")} 1, 1, cast(${sql} as text))`,
    id,
  );
}

function fill(connection: Connection, version: SchemaVersion, content: StoreContent): void {
  connection.all("pragma journal_mode = wal");
  connection.exec(readFileSync(join(import.meta.dirname, "..", "fixtures", `schema-${version}.sql`), "utf8"));
  connection.exec("begin");
  const isStrict = version === "1.18.33";
  const insert = (table: string, row: Record<string, SqlValue>) => {
    const names = Object.keys(row);
    connection.run(
      `insert into "${table}" (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`,
      ...Object.values(row),
    );
  };
  const times = { time_created: CREATED, time_updated: CREATED };
  for (const id of content.projects)
    insert("project", { id, worktree: `/work/${id}`, vcs: "git", sandboxes: "[]", ...times });
  for (const session of content.sessions) {
    const { id, projectID } = session;
    insert("session", {
      ...{ id, project_id: projectID, slug: "calm-river", directory: "/work", title: "A session", version, ...times },
      permission: '[{"permission":"edit","pattern":"*","action":"ask"}]',
      summary_diffs: "[]",
      ...(isStrict ? { model: '{"id":"scripted","providerID":"loopback"}', cost: 0.25 } : {}),
    });
    for (const message of session.messages) {
      insert("message", { id: message.id, session_id: id, ...times, data: JSON.stringify(messageDocument()) });
      for (const part of message.parts) {
        const keys = { id: part.id, message_id: message.id, session_id: id };
        insert("part", { ...keys, ...times, data: JSON.stringify(partDocument(part)) });
      }
    }
  }
  connection.exec("commit");
}

const LARGE_BYTES = 1_000_000;

/** Every row of every table with its rowid, and with the storage class and the bytes of each value. */
export function databaseImage(connection: Connection): Image {
  const image: Record<string, string> = {};
  const tables = connection.all("select name from sqlite_master where type = 'table' order by name");
  for (const { name: table } of tables) {
    const columns = connection.all(`pragma table_info("${String(table)}")`).map((column) => String(column.name));
    const cells = columns.map(
      (column) => `'${column} ' || typeof("${column}") || ' ' ||
        case when coalesce(octet_length("${column}"), 0) < ${LARGE_BYTES} then hex("${column}") else 'large' end`,
    );
    const rows = connection.all(
      `select cast(rowid as text) as at, ${cells.join(" || '\n' || ")} as row from "${String(table)}" order by rowid`,
    );
    for (const row of rows) image[`${String(table)}[${String(row.at)}]`] = String(row.row);
    for (const column of columns) {
      const large = connection.all(
        `select cast(rowid as text) as at, cast("${column}" as blob) as bytes from "${String(table)}"
           where octet_length("${column}") >= ${LARGE_BYTES}`,
      );
      for (const { at, bytes } of large) {
        const content = bytes instanceof Uint8Array ? bytes : new Uint8Array();
        image[`${String(table)}[${String(at)}].${column}`] = createHash("sha256").update(content).digest("hex");
      }
    }
  }
  return image;
}

function otherFiles(dataDir: string): Image {
  const databaseFiles = readdirSync(dataDir).filter((name) => name.startsWith("opencode.db"));
  return folderImage(dataDir, ["quarantine", ...databaseFiles]);
}
