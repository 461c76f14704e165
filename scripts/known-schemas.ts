/**
 * Writes plugin/salvage/known-schemas.ts from databases that real hosts wrote:
 * bun scripts/known-schemas.ts NAME=FILE… (newest first; the name says which hosts wrote and upgraded it).
 */
import { Database } from "bun:sqlite";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const statements: string[] = [];
const numberOf = (sql: string): number => {
  const known = statements.indexOf(sql);
  return known < 0 ? statements.push(sql) - 1 : known;
};

const schemas = process.argv.slice(2).map((argument) => {
  const [name = "", file = ""] = argument.split("=");
  const database = new Database(file);
  const objects = database
    .query(
      "select type, name, tbl_name as 'table', sql from sqlite_master where sql is not null and name not like 'sqlite_%'",
    )
    .all() as { type: string; name: string; table: string; sql: string }[];
  const rows = (table: string): Record<string, unknown>[] =>
    objects.some((object) => object.name === table)
      ? (database.query(`select * from ${table} order by 1`).all() as Record<string, unknown>[])
      : [];
  const journal = rows("__drizzle_migrations").map((row) => [row.id, row.hash, row.created_at, row.name]);
  const migrations = rows("migration").map((row) => row.id);
  return {
    name,
    objects: objects.map(({ sql, ...object }) => ({ ...object, statement: numberOf(sql) })),
    journal,
    migrations,
  };
});

const line = (value: unknown) => JSON.stringify(value);
const lines = [
  "// Written by scripts/known-schemas.ts from databases that real hosts made; not edited by hand.",
  "",
  "/** A schema as a line of hosts makes it, by itself or by upgrading an older one. */",
  "export interface KnownSchema {",
  "  readonly name: string;",
  "  readonly objects: readonly (readonly [type: string, name: string, table: string, statement: number])[];",
  "  /** Rows of `__drizzle_migrations`, up to 1.14: id, hash, created_at, name. */",
  "  readonly journal: readonly (readonly [number, string, number, string])[];",
  "  /** Ids in `migration`, from 1.16. */",
  "  readonly migrations: readonly string[];",
  "}",
  "",
  `export const STATEMENTS: readonly string[] = [\n${statements.map((sql) => `  ${line(sql)},`).join("\n")}\n];`,
  "",
  "export const KNOWN_SCHEMAS: readonly KnownSchema[] = [",
  ...schemas.map(({ name, objects, journal, migrations }) =>
    [
      "  {",
      `    name: ${line(name)},`,
      `    objects: ${line(objects.map((object) => [object.type, object.name, object.table, object.statement]))},`,
      `    journal: ${line(journal)},`,
      `    migrations: ${line(migrations)},`,
      "  },",
    ].join("\n"),
  ),
  "];",
  "",
];
await writeFile(join(import.meta.dirname, "..", "plugin", "salvage", "known-schemas.ts"), lines.join("\n"));
