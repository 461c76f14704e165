/** A table in which hosts write down what they have done to a database. */
export interface JournalTable {
  readonly name: "migration" | "__drizzle_migrations";
  /** The column by which a host looks for a migration, the first that the table has (docs/host-measurements.md). */
  readonly keys: readonly string[];
}

/** The newer kind first: a host that has it reads the other one only once. */
export const JOURNALS: readonly JournalTable[] = [
  { name: "migration", keys: ["id"] },
  { name: "__drizzle_migrations", keys: ["name", "created_at"] },
];
