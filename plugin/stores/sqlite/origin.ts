import type { Origin } from "../../model/origin.ts";

/** What must be known about a database to decide which opencode it belongs to. */
export interface OriginFacts {
  /** The columns of each table; `null` if only the name of the table is known. */
  readonly tables: ReadonlyMap<string, readonly string[] | null>;
  /**
   * The ids in the table `migration` that are newer than all that this tool knows ({@link isUnknownMigration}), in
   * order.
   */
  readonly unknownMigrations: readonly string[];
}

/** The newest migration of opencode 1.17.18 to 1.18.34, read from new databases of all these versions. */
export const NEWEST_KNOWN_MIGRATION = "20260622202450_simplify_session_input";

/** Migrations that only opencode 2.x has, read in the source of 2.0.26. */
const MIGRATIONS_OF_2X: ReadonlySet<string> = new Set([
  "20260804233008_loose_psylocke",
  "20260805200742_import_legacy_credentials",
  "20260808023530_workspace_domain",
  "20260811161259_execution_claim_attempts",
  "20260812181746_session_inbox",
  "20260812213948_worktree",
  "20260819222447_session_viewed_state",
  "20260823191254_nullable_workspace_binding",
  "20260910120000_clear_v1_session_permission",
  "20260923013825_project_time_active",
  "20261007190000_azure_cli_external_credential",
]);

/**
 * Tables that only opencode 2.x has, with some of their columns (read in the source of 2.0.26). `session_message` is
 * not listed, because every database since 1.14.41 has that table. `kv` and `worktree` are not listed, because a user
 * may have made a table with such a name.
 */
const TABLES_OF_2X: Readonly<Record<string, readonly string[]>> = {
  session_v2: ["id", "project_id", "directory"],
  instruction_blob: ["hash", "value"],
  instruction_entry: [],
  instruction_state: [],
  session_pending: [],
  session_inbox: [],
};

/** The tables for sessions that only opencode 1.x has, with some of their columns. */
const CONVERSATION_OF_1X: Readonly<Record<string, readonly string[]>> = {
  session: ["id", "project_id", "directory"],
  message: ["id", "session_id", "data"],
  part: ["id", "message_id", "data"],
};

/** Further tables that both 1.x and 2.x have. They distinguish opencode's databases from those of other programs. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  project: ["id", "worktree"],
  session_message: ["id", "session_id", "type", "data"],
  event_sequence: ["aggregate_id", "seq"],
  event: ["id", "aggregate_id", "seq"],
  migration: ["id", "time_completed"],
};

/**
 * The tables of an older program, which is also named opencode and written in Go. Its database file has the same name.
 */
const TABLES_OF_GO_PROGRAM = ["goose_db_version", "sessions", "messages", "files"];

/**
 * Whether the id of a migration is newer than all migrations that this tool knows. Ids begin with the time at which the
 * migration was made, so they can be compared.
 */
export function isUnknownMigration(id: string): boolean {
  return id > NEWEST_KNOWN_MIGRATION;
}

/** Whether a migration is a known migration of opencode 2.x. */
export function isMigrationOf2x(id: string): boolean {
  return MIGRATIONS_OF_2X.has(id);
}

/** Decides which opencode a database belongs to. No other code decides this. The function has no side effects. */
export function originOf({ tables, unknownMigrations }: OriginFacts): Origin {
  const first = (wanted: Readonly<Record<string, readonly string[]>>) =>
    Object.keys(wanted).find((name) => hasColumns(tables.get(name), wanted[name] ?? []));
  const of1x = first(CONVERSATION_OF_1X);
  const of2x = signOf2x(first(TABLES_OF_2X), unknownMigrations);
  if (of2x !== null) {
    const isNewer = unknownMigrations.some((id) => !MIGRATIONS_OF_2X.has(id));
    const kind = of1x === undefined ? "2.x" : "1.x and 2.x";
    return { kind, sign: of2x, ...(isNewer && { hasUnknownMigrations: true }) };
  }
  const [unknown] = unknownMigrations;
  const known = of1x ?? first(SHARED);
  if (unknown !== undefined) return { kind: "newer", sign: `migration ${numberOf(unknown)}` };
  if (known !== undefined) return { kind: "1.x", sign: `table ${known}` };
  const own = [...tables.keys()].filter((name) => !name.startsWith("sqlite_"));
  if (own.length === 0) return { kind: "blank", sign: "no table" };
  const isGo = TABLES_OF_GO_PROGRAM.every((name) => tables.has(name));
  return {
    kind: "other program",
    sign: isGo ? "the older program named opencode, written in Go" : `${own.length} tables, none of opencode's`,
  };
}

/** Types of rows in `session_message` that opencode 1.x also writes. Other types show a session of 2.x. */
const TYPES_OF_1X = ["agent-switched", "model-switched"];

/**
 * The SQL that counts the sessions whose messages are only in `session_message`. The preview of 2.x, the npm package
 * `lildax`, stores messages only in that table (measured on 1.18.18). A session with rows in `message` belongs to 1.x,
 * whatever it has in `session_message`.
 */
export const SESSIONS_OF_PREVIEW = `select count(distinct session_id) as sessions from session_message
  where type not in (${TYPES_OF_1X.map((type) => `'${type}'`).join(", ")})
    and session_id not in (select session_id from message)`;

/** Whether this type in `session_message` belongs to messages that only opencode 2.x reads. */
export function isTypeOf2x(type: string): boolean {
  return /^[a-z]+(-[a-z]+)*$/.test(type) && !TYPES_OF_1X.includes(type);
}

/**
 * Whether an event of this type belongs to a session of opencode 2.x. opencode 1.17.0 to 1.17.9 also writes such
 * events, but only about a change of agent or model (measured).
 */
export function isEventOf2x(type: string): boolean {
  return type.startsWith("session.next.") && !/^session\.next\.(?:agent|model)\./.test(type);
}

/**
 * The origin of a database of 1.x, after the sessions with messages of 2.x were counted ({@link SESSIONS_OF_PREVIEW}).
 */
export function withMessagesOf2x(origin: Origin, sessions: number): Origin {
  if (origin.kind !== "1.x" || sessions === 0) return origin;
  return {
    kind: "1.x with messages of 2.x",
    sign: `${sessions} session${sessions === 1 ? "" : "s"} in session_message`,
  };
}

function signOf2x(table: string | undefined, migrations: readonly string[]): string | null {
  if (table !== undefined) return `table ${table}`;
  const migration = migrations.find((id) => MIGRATIONS_OF_2X.has(id));
  return migration === undefined ? null : `migration ${numberOf(migration)}`;
}

function numberOf(migration: string): string {
  return /^\d{1,14}/.exec(migration)?.[0] ?? "of another form";
}

function hasColumns(found: readonly string[] | null | undefined, wanted: readonly string[]): boolean {
  if (found === undefined) return false;
  return found === null || wanted.every((column) => found.includes(column));
}
