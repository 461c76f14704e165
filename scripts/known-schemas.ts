/**
 * Collects the database schemas of real opencode versions in plugin/hosts/known-schemas.json, in two steps:
 *   bun scripts/known-schemas.ts record VERSION… OLDER..NEWER…   runs each version, or NEWER after OLDER, and records it
 *   bun scripts/known-schemas.ts write VERSION… OLDER..NEWER…    adds the recorded schemas with these names to the file
 * A recorded schema stays in .cache/schemas, so that each version runs only once. `write` removes nothing from the
 * file, because no cache has all recorded schemas.
 */
import { Database } from "bun:sqlite";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "../test/host/binary.ts";
import { cacheDirectory } from "../test/host/cache.ts";
import { createHome, type HermeticHome } from "../test/host/home.ts";
import { startHost } from "../test/host/running-host.ts";

/** One row of the table `sqlite_schema` in a database that opencode created. */
interface RecordedObject {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/** The rows of a table in which opencode lists the migrations that it has applied. */
interface RecordedRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

interface RecordedSchema {
  /** The opencode versions that ran on the database, the oldest first. */
  readonly hosts: readonly string[];
  readonly objects: readonly RecordedObject[];
  readonly journals: readonly RecordedRows[];
}

const JOURNALS = ["__drizzle_migrations", "migration", "data_migration"];

/**
 * Columns with the time of the recording run. Their values are left out, because they are different in each database.
 */
const MOMENTS = ["applied_at", "time_completed"];

function recordedIn(path: string, hosts: readonly string[]): RecordedSchema {
  const database = new Database(path);
  const objects = database
    .query(
      "select type, name, tbl_name as 'table', sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by rowid",
    )
    .all() as RecordedObject[];
  const journals = JOURNALS.filter((table) => objects.some(({ name }) => name === table)).map((table) => {
    const found = database.query(`select * from "${table}" order by 1`).all() as Record<string, string | number>[];
    const columns = (database.query(`pragma table_info("${table}")`).all() as { name: string }[]).map(
      ({ name }) => name,
    );
    const rows = found.map((row) => columns.map((name) => (MOMENTS.includes(name) ? null : (row[name] ?? null))));
    return { table, columns, rows };
  });
  database.close();
  return { hosts, objects, journals };
}

async function run(home: HermeticHome, version: HostVersion): Promise<void> {
  const host = await startHost({ home, version });
  try {
    const { status } = await host.get("/session");
    if (status !== 200) throw new Error(`${version}: GET /session answers ${status}`);
  } finally {
    await host.stop();
  }
}

async function record(name: string): Promise<RecordedSchema> {
  const versions = name.split("..") as HostVersion[];
  const [first] = versions;
  if (first === undefined) throw new Error("no version");
  const home = await createHome(first);
  try {
    for (const version of versions) await run(home, version);
    return recordedIn(join(home.dataDir, "opencode.db"), versions);
  } finally {
    await home.remove();
  }
}

const folder = cacheDirectory("schemas");
await mkdir(folder, { recursive: true });
const [task, ...names] = process.argv.slice(2);
if (task === "record") {
  for (const name of names) {
    const path = join(folder, `${name}.json`);
    if ((await readFile(path).catch(() => null)) !== null) continue;
    try {
      await writeFile(path, JSON.stringify(await record(name)));
      process.stdout.write(`${name}\n`);
    } catch (error) {
      process.stdout.write(`${name}: ${String(error).slice(0, 300)}\n`);
    }
  }
} else if (task === "write") {
  const path = join(import.meta.dirname, "..", "plugin", "hosts", "known-schemas.json");
  const written = JSON.parse(await readFile(path, "utf8")) as WrittenSchemas;
  const recorded: RecordedSchema[] = [];
  for (const name of names) {
    recorded.push(JSON.parse(await readFile(join(folder, `${name}.json`), "utf8")) as RecordedSchema);
  }
  await writeFile(path, `${line(known(written, recorded), 0)}\n`);
}

interface Schema {
  /** The objects of the schema, as positions in the list of all objects. */
  readonly objects: readonly number[];
  /** The migration tables. Their rows are positions in the list of all rows. */
  readonly journals: readonly {
    readonly table: string;
    readonly columns: readonly string[];
    readonly rows: readonly number[];
  }[];
}

interface KnownSchema extends Schema {
  readonly hosts: Set<string>;
  readonly begunBy: Set<string>;
}

/** The present content of known-schemas.json. */
interface WrittenSchemas {
  readonly objects: readonly unknown[];
  readonly rows: RecordedRows["rows"];
  readonly schemas: readonly (Schema & { readonly hosts: readonly string[]; readonly begunBy: readonly string[] })[];
}

/**
 * Merges equal schemas. `hosts` are the versions that leave a schema behind in a new or an upgraded database. `begunBy`
 * are the versions that created these databases. Each object and each row is stored once. Schemas refer to it by its
 * position.
 */
function known(written: WrittenSchemas, recorded: readonly RecordedSchema[]): unknown {
  const objectPool = new Map(written.objects.map((each, place) => [JSON.stringify(each), place]));
  const rowPool = new Map(written.rows.map((each, place) => [JSON.stringify(each), place]));
  const placeIn = (pool: Map<string, number>, value: unknown): number => {
    const key = JSON.stringify(value);
    const place = pool.get(key) ?? pool.size;
    pool.set(key, place);
    return place;
  };
  const schemas = new Map<string, KnownSchema>();
  // Versions that apply the same migrations leave the same schemas behind, so these versions share one set.
  const lines = new Map<string, Set<string>>();
  const add = ({ objects, journals }: Schema, hosts: readonly string[], begunBy: readonly string[]) => {
    const newest = journals.find(({ table }) => table === "migration") ?? journals[0];
    const [placed, name] = [[...rowPool.keys()], newest?.table === "migration" ? 0 : 2];
    const done = newest?.rows.map((place) => (JSON.parse(placed[place] ?? "[]") as RecordedRows["rows"][number])[name]);
    const lineKey = `${newest?.table} ${done?.join()}`;
    const line = lines.get(lineKey) ?? new Set();
    lines.set(lineKey, line);
    for (const host of hosts) line.add(host);
    const key = JSON.stringify([[...objects].sort((a, b) => a - b), journals]);
    const schema = schemas.get(key) ?? { hosts: line, begunBy: new Set(), objects, journals };
    for (const host of begunBy) schema.begunBy.add(host);
    schemas.set(key, schema);
  };
  for (const { hosts, begunBy, ...schema } of written.schemas) add(schema, hosts, begunBy);
  for (const { hosts, objects, journals } of recorded) {
    const placed = {
      objects: objects.map((each) => placeIn(objectPool, [each.type, each.name, each.table, each.sql])),
      journals: journals.map(({ rows, ...journal }) => ({
        ...journal,
        rows: rows.map((row) => placeIn(rowPool, row)),
      })),
    };
    add(placed, [lastOf(hosts)], hosts.slice(0, 1));
  }
  const values = (pool: Map<string, number>) => [...pool.keys()].map((key) => JSON.parse(key) as unknown);
  return {
    objects: values(objectPool),
    rows: values(rowPool),
    schemas: [...schemas.values()]
      .map(({ hosts, begunBy, objects, journals }) => ({
        hosts: [...hosts].sort(byVersion),
        begunBy: [...begunBy].sort(byVersion),
        objects,
        journals,
      }))
      .sort((one, other) => byVersion(lastOf(one.hosts), lastOf(other.hosts))),
  };
}

function lastOf(hosts: readonly string[]): string {
  return hosts.at(-1) ?? "";
}

function byVersion(one: string, other: string): number {
  const [a, b] = [one.split(".").map(Number), other.split(".").map(Number)];
  return a.map((part, index) => part - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** Formats JSON so that each inner list is on one line. */
function line(value: unknown, depth: number): string {
  if (depth > 2 || typeof value !== "object" || value === null) return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const items = Object.entries(value).map(([key, item]) =>
    Array.isArray(value) ? line(item, depth + 1) : `${JSON.stringify(key)}: ${line(item, depth + 1)}`,
  );
  const indent = "  ".repeat(depth + 1);
  return items.length === 0
    ? open + close
    : `${open}\n${indent}${items.join(`,\n${indent}`)}\n${"  ".repeat(depth)}${close}`;
}
