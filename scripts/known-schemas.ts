/**
 * Records the schemas that real hosts make, and writes them to plugin/hosts/known-schemas.json:
 *   bun scripts/known-schemas.ts record VERSION… OLDER..NEWER…   runs each host on a fresh home, or on that of an older one
 *   bun scripts/known-schemas.ts write                           from everything that was recorded so far
 * A record is kept in .cache/schemas, so that a host runs once.
 */
import { Database } from "bun:sqlite";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "../test/host/binary.ts";
import { cacheDirectory } from "../test/host/cache.ts";
import { createHome, type HermeticHome } from "../test/host/home.ts";
import { startHost } from "../test/host/running-host.ts";

/** One row of `sqlite_schema` that a host made. */
interface RecordedObject {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/** Rows of the tables in which a host writes down what it has done to a database. */
interface RecordedRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

interface RecordedSchema {
  /** The hosts that ran on the database, the oldest first. */
  readonly hosts: readonly string[];
  readonly objects: readonly RecordedObject[];
  readonly journals: readonly RecordedRows[];
}

const JOURNALS = ["__drizzle_migrations", "migration", "data_migration"];

/** Moments of the run that recorded them, the same in no two databases. */
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
  const recorded: RecordedSchema[] = [];
  for (const name of await readdir(folder)) {
    if (name.endsWith(".json")) recorded.push(JSON.parse(await readFile(join(folder, name), "utf8")) as RecordedSchema);
  }
  const path = join(import.meta.dirname, "..", "plugin", "hosts", "known-schemas.json");
  await writeFile(path, `${line(known(recorded), 0)}\n`);
}

interface KnownSchema {
  readonly hosts: Set<string>;
  readonly begunBy: Set<string>;
  readonly objects: readonly number[];
  readonly journals: readonly {
    readonly table: string;
    readonly columns: readonly string[];
    readonly rows: number[];
  }[];
}

/**
 * Equal schemas are one. `hosts`: those that leave it, by themselves or by an upgrade; `begunBy`: those that its databases
 * began with. Objects and rows stand once each, and are named by their places.
 */
function known(recorded: readonly RecordedSchema[]): unknown {
  const [objectPool, rowPool] = [new Map<string, number>(), new Map<string, number>()];
  const placeIn = (pool: Map<string, number>, value: unknown): number => {
    const key = JSON.stringify(value);
    const place = pool.get(key) ?? pool.size;
    pool.set(key, place);
    return place;
  };
  const schemas = new Map<string, KnownSchema>();
  // What hosts of one line do to a database is the same.
  const lines = new Map<string, Set<string>>();
  for (const { hosts, objects, journals } of [...recorded].sort((a, b) =>
    byVersion(lastOf(a.hosts), lastOf(b.hosts)),
  )) {
    const newest = journals.find(({ table }) => table === "migration") ?? journals[0];
    const lineKey = `${newest?.table} ${newest?.rows.map((row) => (newest.table === "migration" ? row[0] : row[2])).join()}`;
    const line = lines.get(lineKey) ?? new Set();
    lines.set(lineKey, line.add(lastOf(hosts)));
    const content = {
      objects: objects.map((each) => placeIn(objectPool, [each.type, each.name, each.table, each.sql])),
      journals: journals.map(({ rows, ...journal }) => ({
        ...journal,
        rows: rows.map((row) => placeIn(rowPool, row)),
      })),
    };
    const key = JSON.stringify([[...content.objects].sort((a, b) => a - b), content.journals]);
    const schema = schemas.get(key) ?? { hosts: line, begunBy: new Set(), ...content };
    schema.begunBy.add(hosts[0] ?? "");
    schemas.set(key, schema);
  }
  const values = (pool: Map<string, number>) => [...pool.keys()].map((key) => JSON.parse(key) as unknown);
  return {
    objects: values(objectPool),
    rows: values(rowPool),
    schemas: [...schemas.values()].map(({ hosts, begunBy, objects, journals }) => ({
      hosts: [...hosts].sort(byVersion),
      begunBy: [...begunBy].sort(byVersion),
      objects,
      journals,
    })),
  };
}

function lastOf(hosts: readonly string[]): string {
  return hosts.at(-1) ?? "";
}

function byVersion(one: string, other: string): number {
  const [a, b] = [one.split(".").map(Number), other.split(".").map(Number)];
  return a.map((part, index) => part - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** JSON whose inner lists stand on one line each. */
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
