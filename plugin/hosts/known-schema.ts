import recorded from "./known-schemas.json" with { type: "json" };

type Value = string | number | null;

/** One row of `sqlite_schema`. */
export interface KnownObject {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  /** SQLite chooses the page. */
  readonly root: 0;
  readonly sql: string;
}

/** The rows of a table in which hosts record migrations and other changes to a database. Times are `null`. */
export interface KnownJournal {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

/** A schema as real hosts leave it, created by them or upgraded from an older one (`scripts/known-schemas.ts`). */
export interface KnownSchema {
  /** Versions, the oldest first. */
  readonly hosts: readonly string[];
  readonly objects: readonly KnownObject[];
  readonly journals: readonly KnownJournal[];
  /** The migrations that the journals record, in the form that `journalKeys` reads from a damaged database. */
  readonly done: ReadonlySet<string>;
}

/** The part of a journal row that distinguishes it from other rows. */
export function journalKey(table: string, value: string | number): string {
  return `${table} ${value}`;
}

/** When a migration was recorded, in the form of its column. */
export const MOMENTS: Readonly<Record<string, () => string | number>> = {
  applied_at: () => new Date().toISOString(),
  time_completed: Date.now,
};

const KEYS: Readonly<Record<string, string>> = { migration: "id", __drizzle_migrations: "created_at" };

function keysOf({ table, columns, rows }: KnownJournal): string[] {
  const at = columns.indexOf(KEYS[table] ?? "");
  return at < 0 ? [] : rows.map((row) => journalKey(table, row[at] ?? ""));
}

const objects: readonly KnownObject[] = recorded.objects.map(([type = "", name = "", table = "", sql = ""]) => {
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

const MOMENTS_OF_MIGRATIONS: ReadonlySet<string> = new Set(
  KNOWN_SCHEMAS.flatMap(({ journals }) =>
    journals
      .filter(({ table }) => table === "migration")
      .flatMap((journal) => journal.rows.map(([id]) => momentOf(id))),
  ),
);

function momentOf(id: Value | undefined): string {
  return String(id).split("_")[0] ?? "";
}

/** Whether a known migration has this moment, in the form in which its id begins: `20260303231226`. */
export function isKnownMoment(moment: string): boolean {
  return MOMENTS_OF_MIGRATIONS.has(moment);
}
