import type { Connection } from "../stores/sqlite/driver.ts";
import { quoted } from "../stores/sqlite/schema.ts";
import { PAGE_TYPE, readBtreeHeader, tableCells } from "./btree-page.ts";
import { type IndexShape, indexShapes } from "./index-shape.ts";
import { KNOWN_SCHEMAS, type KnownSchema, STATEMENTS } from "./known-schemas.ts";
import type { PageImage } from "./page-image.ts";
import type { PageMap } from "./page-map.ts";
import { readRecord, type SqliteRecord } from "./record.ts";
import type { SchemaObject } from "./schema-objects.ts";
import { fitsShape, hasBeginnings, tableShape } from "./table-shape.ts";

/** The schema of the database that is built. */
export interface ChosenSchema {
  readonly objects: readonly SchemaObject[];
  /** Objects that the damaged database no longer names. */
  readonly added: readonly string[];
  /** The known schema that is the same, where one is. */
  readonly known: KnownSchema | null;
  readonly indexes: readonly IndexShape[];
}

function objectsOf(known: KnownSchema): SchemaObject[] {
  return known.objects.map(([type, name, table, statement]) => {
    return { type, name, table, root: 0, sql: STATEMENTS[statement] ?? null };
  });
}

/**
 * What the damaged database says of its schema, and for what it no longer says the known schema that is most like it: by
 * the statements that are left, and where none is left by the rows.
 */
export function chooseSchema(image: PageImage, map: PageMap, scratch: () => Connection): ChosenSchema {
  const connection = scratch();
  const found = map.schema
    .map(asItWas)
    .filter(
      (object) =>
        object.sql !== null &&
        !object.name.startsWith("sqlite_") &&
        (object.type !== "table" || canBeMade(connection, object.sql, object.name)),
    );
  connection.close();
  const statements = new Set(found.map((object) => object.sql));
  const score = (known: KnownSchema) => objectsOf(known).filter((object) => statements.has(object.sql)).length;
  const best = found.length > 0 ? highest(KNOWN_SCHEMAS, score) : mostFitting(sampleRecords(image, map), scratch);
  const own = objectsOf(best);
  const names = new Set(found.map(({ type, name }) => `${type} ${name}`));
  const isForeign = found.some((object) => object.type === "table" && !own.some((each) => each.sql === object.sql));
  const added = isForeign && hasEveryTable(found) ? [] : own.filter(({ type, name }) => !names.has(`${type} ${name}`));
  const objects = [...found, ...added];
  return {
    objects,
    added: added.map((object) => object.name),
    known: isForeign ? null : best,
    indexes: indexesOf(objects, scratch()),
  };
}

/** What the indexes of these tables hold; the connection is to an empty database, and is closed. */
function indexesOf(objects: readonly SchemaObject[], connection: Connection): IndexShape[] {
  for (const type of ["table", "index"]) {
    for (const object of objects) if (object.type === type && object.sql !== null) attempt(connection, object.sql);
  }
  const shapes = indexShapes(connection);
  connection.close();
  return shapes;
}

function attempt(connection: Connection, sql: string): void {
  try {
    connection.exec(sql);
  } catch {
    // A damaged statement makes no index, here as in the new database.
  }
}

/** A few flipped bits leave a statement that can still be made, and that names a column as no host does. */
const MOST_DIFFERING = 8;

/** The object with the known statement that its own differs from in a few characters alone. */
function asItWas(object: SchemaObject): SchemaObject {
  const { type, name, sql } = object;
  if (sql === null || STATEMENTS.includes(sql)) return object;
  const named = KNOWN_SCHEMAS.flatMap(objectsOf).filter((known) => known.type === type && known.name === name);
  const near = named.map((known) => ({ sql: known.sql, differing: differing(known.sql ?? "", sql) }));
  // The nearest one: those of a database that was made new and of one that was upgraded may differ in two characters.
  const [nearest] = near.sort((a, b) => a.differing - b.differing);
  return nearest !== undefined && nearest.differing <= MOST_DIFFERING ? { ...object, sql: nearest.sql } : object;
}

/** In how many characters two statements of one length differ. */
function differing(known: string, sql: string): number {
  if (known.length !== sql.length) return Number.POSITIVE_INFINITY;
  let count = 0;
  for (let at = 0; at < sql.length && count <= MOST_DIFFERING; at += 1) if (sql[at] !== known[at]) count += 1;
  return count;
}

/** Columns without which a table is of no use, here or to any host. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  project: ["id", "worktree", "sandboxes", "time_created", "time_updated"],
  session: ["id", "project_id", "slug", "directory", "title", "version", "time_created", "time_updated"],
  message: ["id", "session_id", "time_created", "time_updated", "data"],
  part: ["id", "message_id", "session_id", "time_created", "time_updated", "data"],
  event: ["id", "aggregate_id", "seq", "type", "data"],
};

/** A statement may be damaged like everything else. */
function canBeMade(connection: Connection, sql: string, name: string): boolean {
  try {
    connection.exec(sql);
    const columns = connection.all(`pragma table_info(${quoted(name)})`).map((row) => String(row.name));
    return columns.length > 0 && (NEEDED[name] ?? []).every((column) => columns.includes(column));
  } catch {
    return false;
  }
}

/** A database of another line than the known ones is taken as it is where it has what a conversation needs. */
function hasEveryTable(found: readonly SchemaObject[]): boolean {
  return ["project", "session", "message", "part"].every((each) =>
    found.some(({ type, name }) => type === "table" && name === each),
  );
}

function highest(known: readonly KnownSchema[], score: (schema: KnownSchema) => number): KnownSchema {
  const [first] = [...known].sort((a, b) => score(b) - score(a));
  if (first === undefined) throw new Error("There is no known schema.");
  return first;
}

const SAMPLED_PAGES = 2000;

function sampleRecords(image: PageImage, map: PageMap): SqliteRecord[] {
  const records: SqliteRecord[] = [];
  let sampled = 0;
  for (let page = 2; page <= image.pages && sampled < SAMPLED_PAGES; page += 1) {
    if (map.types[page] !== PAGE_TYPE.tableLeaf) continue;
    sampled += 1;
    const bytes = image.read(page);
    const header = readBtreeHeader(bytes);
    if (header === null) continue;
    for (const cell of tableCells(bytes, header, image.usableBytes)) {
      const record = readRecord(cell.local, cell.size);
      if (record !== null) records.push(record);
    }
  }
  return records;
}

function mostFitting(records: readonly SqliteRecord[], scratch: () => Connection): KnownSchema {
  const scores = new Map<KnownSchema, number>();
  for (const known of KNOWN_SCHEMAS) {
    const connection = scratch();
    for (const { sql } of objectsOf(known)) connection.exec(sql ?? "");
    const shapes = connection
      .all("select name from sqlite_master where type = 'table'")
      .map((row) => tableShape(connection, String(row.name)));
    connection.close();
    const isAtHome = (record: SqliteRecord) =>
      shapes.some((shape) => fitsShape(shape, record, true) && hasBeginnings(shape, record));
    scores.set(known, records.filter(isAtHome).length);
  }
  return highest(KNOWN_SCHEMAS, (known) => scores.get(known) ?? 0);
}

/** Adds the records of migrations that the known schema has behind it: the host would run them again, and fail. */
export function completeMigrations(connection: Connection, { known }: ChosenSchema): number {
  let added = 0;
  for (const id of known?.migrations ?? []) {
    added += connection.run("insert or ignore into migration values (?, ?)", id, Date.now());
  }
  for (const [id, hash, createdAt, name] of known?.journal ?? []) {
    const isThere = connection.all("select 1 from __drizzle_migrations where created_at = ?", createdAt).length > 0;
    if (isThere) continue;
    const at = new Date().toISOString();
    const sql =
      "insert or ignore into __drizzle_migrations (id, hash, created_at, name, applied_at) values (?, ?, ?, ?, ?)";
    added += connection.run(sql, id, hash, createdAt, name, at);
  }
  return added;
}
