import recorded from "./known-schemas.json" with { type: "json" };

type Value = string | number | null;

/** One row of `sqlite_schema`, which describes a table or an index. */
export interface KnownObject {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  /** The root page is always 0 here, because SQLite chooses the page when it creates the table or index. */
  readonly root: 0;
  readonly sql: string;
}

/**
 * The rows of a table in which opencode records migrations and other changes to a database. Times are `null`, because
 * they differ in each database.
 */
export interface KnownJournal {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

/** The schema that a real opencode makes, in a new database or in one that it upgraded (`scripts/known-schemas.ts`). */
export interface KnownSchema {
  /** The opencode versions that make this schema, the oldest first. */
  readonly hosts: readonly string[];
  readonly objects: readonly KnownObject[];
  readonly journals: readonly KnownJournal[];
  /**
   * The recorded migrations, as texts made by {@link journalKey}, so that they can be compared with those of a damaged
   * database.
   */
  readonly done: ReadonlySet<string>;
}

/** A text that identifies one row of a journal, so that rows of two databases can be compared. */
export function journalKey(table: string, value: string | number): string {
  return `${table} ${value}`;
}

/** For each column that holds the time of a migration: the present time in the form of that column. */
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

/** The schemas of every opencode version that could be run, the oldest first. */
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

/** Every SQL statement that creates a table or an index in a known schema. */
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

/** Whether a known migration was made at this time, written like the beginning of its id: `20260303231226`. */
export function isKnownMoment(moment: string): boolean {
  return MOMENTS_OF_MIGRATIONS.has(moment);
}
