import type { SchemaObject } from "../stores/sqlite/pages/schema-objects.ts";
import recorded from "./known-schemas.json" with { type: "json" };

type Value = string | number | null;

/** Rows of a table in which hosts write down what they did to a database; moments are `null`. */
export interface KnownJournal {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

/** A schema as real hosts leave it, by themselves or by upgrading an older one (`scripts/known-schemas.ts`). */
export interface KnownSchema {
  /** Versions, the oldest first. */
  readonly hosts: readonly string[];
  readonly objects: readonly SchemaObject[];
  readonly journals: readonly KnownJournal[];
  /** What the journals say was done, as `journalKeys` tells it of a damaged database. */
  readonly done: ReadonlySet<string>;
}

/** Of a row of a journal what tells it from the others. */
export function journalKey(table: string, value: string | number): string {
  return `${table} ${value}`;
}

const KEYS: Readonly<Record<string, string>> = { migration: "id", __drizzle_migrations: "created_at" };

function keysOf({ table, columns, rows }: KnownJournal): string[] {
  const at = columns.indexOf(KEYS[table] ?? "");
  return at < 0 ? [] : rows.map((row) => journalKey(table, row[at] ?? ""));
}

const objects: readonly SchemaObject[] = recorded.objects.map(([type = "", name = "", table = "", sql = ""]) => {
  return { type, name, table, root: 0, sql };
});

const rows: readonly (readonly Value[])[] = recorded.rows;

/** The schemas of every version that could be run, the oldest first. */
export const KNOWN_SCHEMAS: readonly KnownSchema[] = recorded.schemas.map((schema) => {
  const journals = schema.journals.map(({ table, columns, rows: places }) => {
    return { table, columns, rows: places.map((place) => rows[place] ?? []) };
  });
  return {
    hosts: schema.hosts,
    objects: schema.objects.flatMap((place) => objects[place] ?? []),
    journals,
    done: new Set(journals.flatMap(keysOf)),
  };
});

/** Every statement of a known schema. */
export const STATEMENTS: ReadonlySet<string> = new Set(objects.map(({ sql }) => sql ?? ""));
