import { columnsIn, type Layout } from "../hosts/known-frame.ts";
import { KNOWN_SCHEMAS, type KnownSchema, MOMENTS, STATEMENTS } from "../hosts/known-schema.ts";
import { type LostColumn, lostColumns } from "../hosts/lost-columns.ts";
import { compareVersions } from "../hosts/running-host.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import { PAGE_TYPE, readBtreeHeader, tableCells } from "../stores/sqlite/pages/btree-page.ts";
import type { PageImage } from "../stores/sqlite/pages/page-image.ts";
import { readRecord, type SqliteRecord } from "../stores/sqlite/pages/record.ts";
import type { SchemaObject } from "../stores/sqlite/pages/schema-objects.ts";
import { quoted } from "../stores/sqlite/schema.ts";
import { newestVersion } from "./host-version.ts";
import { type IndexShape, indexShapes } from "./index-shape.ts";
import type { PageMap } from "./page-map.ts";
import { type ShortTable, shortTable } from "./short-rows.ts";
import { fitsShape, hasBeginnings, tableShape } from "./table-shape.ts";

/** The schema that the new database gets. */
export interface ChosenSchema {
  readonly objects: readonly SchemaObject[];
  /** The names of tables and indexes that the damaged database no longer has. */
  readonly added: readonly string[];
  /**
   * The known schema whose list of applied migrations the new database must contain completely; `null` if no known
   * schema is used.
   */
  readonly known: KnownSchema | null;
  readonly indexes: readonly IndexShape[];
  /** Columns that the damaged database has lost. They are added after all rows are written. */
  readonly lost: readonly LostColumn[];
  /** Tables that lost columns which may not be empty. Their rows are lengthened before they are written. */
  readonly short: readonly ShortTable[];
  /** Whether anything shows which opencode version wrote the database. If not, the schema is a guess. */
  readonly isTold: boolean;
}

/**
 * Chooses the schema of the new database. The statements that the damaged database still has are used. Missing parts
 * come from the most similar known schema. Similar means: first the same applied migrations, then the same statements,
 * then tables that fit the rows.
 */
export function chooseSchema(image: PageImage, map: PageMap, scratch: () => Connection): ChosenSchema {
  const connection = scratch();
  const short: ShortTable[] = [];
  const found = map.schema
    .map(asItWas)
    .map((object) => {
      const known = shortTable(object, map.journal);
      if (known !== null) short.push(known.short);
      return known === null ? object : { ...object, sql: known.sql };
    })
    .filter(
      (object) =>
        object.sql !== null &&
        !object.name.startsWith("sqlite_") &&
        (object.type !== "table" || canBeMade(connection, object.sql, object.name)),
    );
  connection.close();
  const signs = { journal: map.journal, found, records: sampleRecords(image, map) };
  const lost = lostColumns(layoutOf(found), ({ done }) => isSameSet(done, map.journal));
  const best = lost?.known ?? mostLike(KNOWN_SCHEMAS, signs, scratch);
  const names = new Set(found.map(({ type, name }) => `${type} ${name}`));
  const isForeign =
    lost === null &&
    found.some((object) => object.type === "table" && !best.objects.some((each) => each.sql === object.sql));
  // An unknown opencode version wrote this database, but all its tables are there. So the schema is used without
  // additions.
  const model = isForeign && map.journal.size === 0 && hasEveryTable(found) ? null : best;
  const added = (model?.objects ?? []).filter(({ type, name }) => !names.has(`${type} ${name}`));
  const objects = [...found, ...added];
  return {
    objects,
    added: added.map((object) => object.name),
    known: isForeign && map.journal.size > 0 ? null : model,
    indexes: indexesOf(objects, scratch()),
    lost: lost?.columns ?? [],
    short,
    isTold: found.length > 0 || map.journal.size > 0 || newestVersion(signs.records) !== null,
  };
}

function layoutOf(objects: readonly SchemaObject[]): Layout {
  const tables = objects.filter(({ type }) => type === "table");
  return {
    tables: new Map(tables.map(({ name, sql }) => [name, columnsIn(sql ?? "")])),
    indexes: new Set(objects.flatMap(({ type, name }) => (type === "index" ? [name] : []))),
  };
}

function isSameSet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return some.size === others.size && [...some].every((each) => others.has(each));
}

/** Adds the lost columns to the new database. Each row gets the column's default value. */
export function addLostColumns(connection: Connection, { lost }: ChosenSchema): void {
  for (const { table, clause } of lost) connection.exec(`alter table ${quoted(table)} add column ${clause}`);
}

/** The remains of a damaged database that show which schema it had. */
interface Signs {
  readonly journal: ReadonlySet<string>;
  readonly found: readonly SchemaObject[];
  readonly records: readonly SqliteRecord[];
}

/**
 * The weight of a migration that a schema has, but that the damaged database does not list. The weight is below 1,
 * because damage more often removes a migration from the list than it adds a wrong one.
 */
const UNSAID = 0.75;

function mostLike(schemas: readonly KnownSchema[], signs: Signs, scratch: () => Connection): KnownSchema {
  const { journal, found, records } = signs;
  const version = newestVersion(records);
  const unlikeness = ({ done, objects, hosts, journals }: KnownSchema) => {
    const unknown = [...journal].filter((key) => !done.has(key)).length;
    const unsaid = [...done].filter((key) => !journal.has(key)).length;
    const isAsFound = (object: SchemaObject) => objects.some(({ sql }) => sql === object.sql);
    return [
      journal.size === 0 ? 0 : unknown + UNSAID * unsaid,
      found.filter((object) => !isAsFound(object)).length - found.filter(isAsFound).length,
      // opencode upgrades the schema when it starts. So the schema cannot be older than the opencode version that
      // created the newest session.
      version === null
        ? Number(isWithoutNames(journals))
        : Number(hosts.every((host) => compareVersions(host, version) < 0)),
    ];
  };
  const ranked = schemas.map((known) => ({ known, unlikeness: unlikeness(known) }));
  const least = ranked.reduce((one, other) => (compareLists(other.unlikeness, one.unlikeness) < 0 ? other : one));
  const equal = ranked.filter((each) => compareLists(each.unlikeness, least.unlikeness) === 0);
  // If several schemas fit equally many rows, the oldest is used, because a newer schema also has room for more
  // columns.
  return mostFitting(
    equal.map(({ known }) => known),
    records,
    scratch,
  );
}

/**
 * Whether a schema has the migration table of 1.2.1 to 1.2.20, which has no column `name`. opencode 1.18.3 to 1.18.23
 * cannot start with that table. So that schema is avoided if the version is unknown.
 */
function isWithoutNames(journals: KnownSchema["journals"]): boolean {
  return journals.some(({ table, columns }) => table === "__drizzle_migrations" && !columns.includes("name"));
}

function compareLists(one: readonly number[], other: readonly number[]): number {
  return one.map((value, index) => value - (other[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** The columns of each index in a schema. `connection` must be an empty database. This function closes it. */
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
    // A damaged statement creates no index here, and none in the new database.
  }
}

/**
 * If a `create` statement differs from a known one in at most this many characters, bits were flipped. The known
 * statement is then used, so that no column gets a name that no opencode uses.
 */
const MOST_DIFFERING = 8;

/**
 * Returns the object with the known statement, if the object's own statement differs from the known one in only a few
 * characters.
 */
function asItWas(object: SchemaObject): SchemaObject {
  const { type, name, sql } = object;
  if (sql === null || STATEMENTS.has(sql)) return object;
  const all = KNOWN_SCHEMAS.flatMap(({ objects }) => objects);
  const named = all.filter((known) => known.type === type && known.name === name);
  const near = named.map((known) => ({ sql: known.sql, differing: differing(known.sql ?? "", sql) }));
  // The most similar statement is used, because the statements of a new and of an upgraded database may differ in only
  // two characters.
  const [nearest] = near.sort((a, b) => a.differing - b.differing);
  return nearest !== undefined && nearest.differing <= MOST_DIFFERING ? { ...object, sql: nearest.sql } : object;
}

/** In how many characters two statements of the same length differ. */
function differing(known: string, sql: string): number {
  if (known.length !== sql.length) return Number.POSITIVE_INFINITY;
  let count = 0;
  for (let at = 0; at < sql.length && count <= MOST_DIFFERING; at += 1) if (sql[at] !== known[at]) count += 1;
  return count;
}

/** The columns that a table must have, so that opencode and this tool can use the table. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  project: ["id", "worktree", "sandboxes", "time_created", "time_updated"],
  session: ["id", "project_id", "slug", "directory", "title", "version", "time_created", "time_updated"],
  message: ["id", "session_id", "time_created", "time_updated", "data"],
  part: ["id", "message_id", "session_id", "time_created", "time_updated", "data"],
  event: ["id", "aggregate_id", "seq", "type", "data"],
};

/** Whether a statement creates a usable table. The statement itself may be damaged. */
function canBeMade(connection: Connection, sql: string, name: string): boolean {
  try {
    connection.exec(sql);
    const columns = connection.all(`pragma table_info(${quoted(name)})`).map((row) => String(row.name));
    return columns.length > 0 && (NEEDED[name] ?? []).every((column) => columns.includes(column));
  } catch {
    return false;
  }
}

/** Whether all tables that a session needs are there. */
function hasEveryTable(found: readonly SchemaObject[]): boolean {
  return ["project", "session", "message", "part"].every((each) =>
    found.some(({ type, name }) => type === "table" && name === each),
  );
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

/**
 * The schema whose tables fit the largest number of records. If several schemas fit equally many records, returns the
 * first of these schemas.
 */
function mostFitting(
  schemas: readonly KnownSchema[],
  records: readonly SqliteRecord[],
  scratch: () => Connection,
): KnownSchema {
  const [first, ...others] = schemas;
  if (first === undefined) throw new Error("There is no known schema.");
  if (others.length === 0) return first;
  const score = (known: KnownSchema) => {
    const connection = scratch();
    for (const { sql } of known.objects) connection.exec(sql ?? "");
    const shapes = connection
      .all("select name from sqlite_master where type = 'table'")
      .map((row) => tableShape(connection, String(row.name)));
    connection.close();
    const isAtHome = (record: SqliteRecord) =>
      shapes.some((shape) => fitsShape(shape, record, true) && hasBeginnings(shape, record));
    return records.filter(isAtHome).length;
  };
  let best = { known: first, score: score(first) };
  for (const known of others) {
    const its = score(known);
    if (its > best.score) best = { known, score: its };
  }
  return best.known;
}

/**
 * Adds the rows that are missing in the list of applied migrations. Without them, opencode would repeat these
 * migrations and fail.
 */
export function completeMigrations(connection: Connection, { known }: ChosenSchema): number {
  let added = 0;
  for (const { table, columns, rows } of known?.journals ?? []) {
    const key = MIGRATIONS[table];
    if (key === undefined) continue;
    const there = connection.all(`pragma table_info(${quoted(table)})`).map((row) => String(row.name));
    const names = columns.filter((column) => there.includes(column));
    if (!names.includes(key)) continue;
    const places = names.map(() => "?").join(", ");
    for (const row of rows) {
      const value = (column: string) => row[columns.indexOf(column)] ?? MOMENTS[column]?.() ?? null;
      const isThere = connection.all(`select 1 from ${quoted(table)} where ${key} = ?`, value(key)).length > 0;
      if (isThere) continue;
      const sql = `insert or ignore into ${quoted(table)} (${names.map(quoted).join(", ")}) values (${places})`;
      added += connection.run(sql, ...names.map(value));
    }
  }
  return added;
}

/**
 * The tables in which opencode lists the migrations that it has applied, each with the column that identifies a
 * migration.
 */
export const MIGRATIONS: Readonly<Record<string, string>> = { migration: "id", __drizzle_migrations: "created_at" };
