import { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Connection, SqlRow, SqlValue } from "../../plugin/stores/sqlite/driver.ts";
import { readSchema } from "../../plugin/stores/sqlite/schema.ts";
import { readSourceSession } from "../../plugin/stores/sqlite/source-rows.ts";
import { asImported } from "../../plugin/upgrade/import-contract.ts";
import { importOutcomes } from "../../plugin/upgrade/outcomes.ts";

/**
 * Databases like those of opencode 2.0.26, made with the statements of its migrations
 * (packages/core/src/database/migration). npm has no release of 2.x.
 */
const MIGRATIONS = [
  ["20260804233008_loose_psylocke", 1],
  ["20260805200742_import_legacy_credentials", 2],
  ["20260808023530_workspace_domain", 3],
  ["20260811161259_execution_claim_attempts", 4],
  ["20260812181746_session_inbox", 5],
  ["20260812213948_worktree", 6],
  ["20260819222447_session_viewed_state", 7],
  ["20260823191254_nullable_workspace_binding", 8],
  ["20260910120000_clear_v1_session_permission", 9],
  ["20260923013825_project_time_active", 10],
  ["20261007190000_azure_cli_external_credential", 11],
] as const;

const SESSION_V2 = "REFERENCES `session_v2`(`id`) ON DELETE CASCADE";

const TABLES_OF_2X = [
  `CREATE TABLE \`session_v2\` (
    \`id\` text PRIMARY KEY, \`project_id\` text NOT NULL, \`workspace_id\` text, \`parent_id\` text, \`fork_session_id\` text,
    \`fork_boundary\` text, \`slug\` text NOT NULL, \`directory\` text NOT NULL, \`path\` text, \`title\` text,
    \`version\` text NOT NULL, \`share_url\` text, \`summary_additions\` integer, \`summary_deletions\` integer,
    \`summary_files\` integer, \`summary_diffs\` text, \`metadata\` text, \`cost\` real DEFAULT 0 NOT NULL,
    \`tokens_input\` integer DEFAULT 0 NOT NULL, \`tokens_output\` integer DEFAULT 0 NOT NULL,
    \`tokens_reasoning\` integer DEFAULT 0 NOT NULL, \`tokens_cache_read\` integer DEFAULT 0 NOT NULL,
    \`tokens_cache_write\` integer DEFAULT 0 NOT NULL, \`revert\` text, \`permission\` text, \`agent\` text, \`model\` text,
    \`time_created\` integer NOT NULL, \`time_updated\` integer NOT NULL, \`time_compacting\` integer,
    \`time_archived\` integer, \`time_suspended\` integer, \`resume_attempts\` integer DEFAULT 0 NOT NULL,
    \`time_idle\` integer, \`time_viewed\` integer, \`idle_outcome\` text,
    CONSTRAINT \`fk_session_v2_project_id_project_id_fk\` FOREIGN KEY (\`project_id\`) REFERENCES \`project\`(\`id\`) ON DELETE CASCADE)`,
  "CREATE INDEX `session_v2_project_idx` ON `session_v2` (`project_id`)",
  'CREATE INDEX `session_v2_time_suspended_idx` ON `session_v2` (`time_suspended`) WHERE "session_v2"."time_suspended" is not null',
  `CREATE TABLE \`session_message\` (
    \`id\` text PRIMARY KEY, \`session_id\` text NOT NULL, \`type\` text NOT NULL, \`seq\` integer NOT NULL,
    \`time_created\` integer NOT NULL, \`time_updated\` integer NOT NULL, \`data\` text NOT NULL,
    CONSTRAINT \`fk_session_message_session_id_session_v2_id_fk\` FOREIGN KEY (\`session_id\`) ${SESSION_V2})`,
  "CREATE UNIQUE INDEX `session_message_session_seq_idx` ON `session_message` (`session_id`,`seq`)",
  "CREATE INDEX `session_message_session_type_seq_idx` ON `session_message` (`session_id`,`type`,`seq`)",
  "CREATE INDEX `session_message_session_time_created_id_idx` ON `session_message` (`session_id`,`time_created`,`id`)",
  "CREATE INDEX `session_message_time_created_idx` ON `session_message` (`time_created`)",
  "CREATE TABLE `kv` (`key` text PRIMARY KEY, `value` text NOT NULL, `time_created` integer NOT NULL, `time_updated` integer NOT NULL)",
  "CREATE TABLE `instruction_blob` (`hash` text PRIMARY KEY, `value` text)",
  `CREATE TABLE \`instruction_entry\` (
    \`session_id\` text NOT NULL, \`key\` text NOT NULL, \`value\` text, \`removed\` integer DEFAULT false NOT NULL,
    \`time_created\` integer NOT NULL, \`time_updated\` integer NOT NULL,
    CONSTRAINT \`instruction_entry_pk\` PRIMARY KEY(\`session_id\`, \`key\`),
    CONSTRAINT \`fk_instruction_entry_session_id_session_v2_id_fk\` FOREIGN KEY (\`session_id\`) ${SESSION_V2})`,
  `CREATE TABLE \`instruction_state\` (
    \`session_id\` text PRIMARY KEY, \`epoch_start\` integer NOT NULL, \`through_seq\` integer NOT NULL,
    \`initial_values\` text NOT NULL, \`current_values\` text NOT NULL,
    CONSTRAINT \`fk_instruction_state_session_id_session_v2_id_fk\` FOREIGN KEY (\`session_id\`) ${SESSION_V2})`,
  `CREATE TABLE \`session_pending\` (
    \`id\` text PRIMARY KEY, \`session_id\` text NOT NULL, \`type\` text NOT NULL, \`data\` text NOT NULL, \`delivery\` text,
    \`admitted_seq\` integer NOT NULL, \`time_created\` integer NOT NULL,
    CONSTRAINT \`fk_session_pending_session_id_session_v2_id_fk\` FOREIGN KEY (\`session_id\`) ${SESSION_V2})`,
  `CREATE TABLE \`session_inbox\` (
    \`id\` text PRIMARY KEY, \`session_id\` text NOT NULL, \`type\` text NOT NULL, \`payload\` text NOT NULL,
    \`delivery\` text NOT NULL, \`enqueued_seq\` integer NOT NULL, \`time_created\` integer NOT NULL,
    CONSTRAINT \`fk_session_inbox_session_id_session_v2_id_fk\` FOREIGN KEY (\`session_id\`) ${SESSION_V2})`,
  "CREATE UNIQUE INDEX `session_inbox_session_enqueued_seq_idx` ON `session_inbox` (`session_id`,`enqueued_seq`)",
  `CREATE TABLE \`worktree\` (
    \`project_id\` text NOT NULL, \`directory\` text NOT NULL, \`strategy\` text, \`time_created\` integer NOT NULL,
    CONSTRAINT \`worktree_pk\` PRIMARY KEY(\`project_id\`, \`directory\`),
    CONSTRAINT \`fk_worktree_project_id_project_id_fk\` FOREIGN KEY (\`project_id\`) REFERENCES \`project\`(\`id\`) ON DELETE CASCADE)`,
  "DROP TABLE `workspace`",
  `CREATE TABLE \`workspace\` (
    \`id\` text PRIMARY KEY, \`provider\` text NOT NULL, \`binding\` text, \`created_at\` integer NOT NULL,
    \`last_used_at\` integer NOT NULL)`,
  "ALTER TABLE `event` ADD `created` integer DEFAULT 0 NOT NULL",
  "ALTER TABLE `project` ADD `time_active` integer DEFAULT 0 NOT NULL",
];

/**
 * Tables of 1.18.33 that a new database of 2.0.26 does not have. `loose_psylocke` drops other tables from every
 * database.
 */
const ONLY_1X = ["part", "message", "todo", "session_share", "session"];

const DROPPED_BY_2X = ["data_migration", "session_context_epoch", "session_input", "session_message"];

const SCHEMA_1_18 = readFileSync(join(import.meta.dirname, "..", "fixtures", "schema-1.18.33.sql"), "utf8");

/** A new database of opencode 2.0.26 that never belonged to 1.x, with one session of `messages` messages. */
export function createTwoX(path: string, messages = 8): void {
  using database = new Database(path);
  database.exec("pragma journal_mode = wal");
  database.exec(SCHEMA_1_18);
  dropAll(database, [...DROPPED_BY_2X, ...ONLY_1X]);
  addTables(database);
  database
    .query("insert into project (id, worktree, time_created, time_updated, sandboxes) values (?, ?, 1, 1, '[]')")
    .run("global", "/");
  const insert = database.query(
    `insert into session_v2 (id, project_id, slug, directory, title, version, time_created, time_updated)
     values (?, 'global', 'calm-river', '/work', 'A session of 2.x', '2.0.26', 1790000000000, 1790000000000)`,
  );
  insert.run(SESSION_OF_2X);
  addMessages(database, SESSION_OF_2X, messages);
  database.exec("pragma wal_checkpoint(truncate)");
}

export const SESSION_OF_2X = "ses_1a2b3c4d5effeTwoXsession000001";

/** Changes a database of 1.18 as 2.0.26 does. It adds its own tables beside those of 1.x, and imports the sessions. */
export function upgradeToTwoX(path: string): void {
  using database = new Database(path);
  dropAll(database, DROPPED_BY_2X);
  addTables(database);
  const sessions = database.query("select id from session").values() as string[][];
  database.exec(`insert into session_v2 (id, project_id, slug, directory, title, version, time_created, time_updated)
    select id, project_id, slug, directory, title, version, time_created, time_updated from session`);
  for (const [id = ""] of sessions) importMessages(database, id);
  database.exec("delete from event");
  database.query("insert into kv values ('migration.v1-v2', ?1, ?2, ?2)").run('{"phase":"completed"}', Date.now());
  database.exec("pragma wal_checkpoint(truncate)");
}

function dropAll(database: Database, tables: readonly string[]): void {
  database.exec("pragma foreign_keys = off");
  for (const table of tables) database.exec(`drop table if exists "${table}"`);
}

function addTables(database: Database): void {
  for (const statement of TABLES_OF_2X) database.exec(statement);
  for (const [id, at] of MIGRATIONS) database.query("insert into migration values (?, ?)").run(id, 1790000000000 + at);
}

function addMessages(database: Database, sessionID: string, count: number): void {
  const insert = database.query("insert into session_message values (?, ?, ?, ?, ?, ?, ?)");
  for (let seq = 0; seq < count; seq += 1) {
    const created = 1790000000000 + seq;
    const isUser = seq % 2 === 0;
    const data = isUser
      ? { text: `Question ${seq}`, time: { created } }
      : {
          ...{ agent: "build", model: { id: "scripted", providerID: "loopback" }, finish: "stop" },
          content: [{ type: "text", text: `Answer ${seq}` }],
          time: { created, completed: created },
        };
    const id = `msg_${sessionID.slice(4, 20)}${String(seq).padStart(10, "0")}`;
    insert.run(id, sessionID, isUser ? "user" : "assistant", seq, created, created, JSON.stringify(data));
  }
  database
    .query("insert into event_sequence (aggregate_id, seq) values (?, ?) on conflict do update set seq = excluded.seq")
    .run(sessionID, count);
}

/**
 * Imports the messages of a session of 1.x as 2.0.26 does. The tests in test/upgrade compare the rules with measured
 * cases.
 */
function importMessages(database: Database, sessionID: string): void {
  const connection = { all: (sql: string, ...values: SqlValue[]) => database.query(sql).all(...values) as SqlRow[] };
  const session = readSourceSession(connection as Connection, readSchema(connection as Connection), sessionID);
  if (session === null) return;
  const insert = database.query("insert into session_message values (?, ?, ?, ?, ?, ?, ?)");
  const { messages } = importOutcomes(session, STORE);
  for (const [seq, { id, type, created, updated, data }] of messages.entries()) {
    insert.run(id, sessionID, type, seq, created as number, updated as number, JSON.stringify(data));
  }
  database
    .query("insert into event_sequence (aggregate_id, seq) values (?, ?) on conflict do update set seq = excluded.seq")
    .run(sessionID, messages.length - 1);
}

const STORE = asImported({
  ...{ generation: "sqlite", dataDir: "/data", contract: "strict", hostVersion: null, sessionDiffReader: null },
});

/**
 * A database of the older program that is also named opencode and is written in Go. The tables are those of its last
 * release.
 */
export function createGoDatabase(path: string): void {
  using database = new Database(path);
  database.exec(`
    CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
      is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
    CREATE TABLE sessions (id TEXT PRIMARY KEY, parent_session_id TEXT, title TEXT NOT NULL, message_count INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost REAL NOT NULL, updated_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL, summary_message_id TEXT);
    CREATE TABLE files (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, path TEXT NOT NULL, content TEXT NOT NULL,
      version TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
    CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, role TEXT NOT NULL, parts TEXT NOT NULL,
      model TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, finished_at INTEGER);
    INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (20250424200609, 1);
    INSERT INTO sessions VALUES ('3f1c', '', 'An old talk', 1, 1, 1, 0.1, 1750000000, 1750000000, NULL);
    INSERT INTO messages VALUES ('m1', '3f1c', 'user', '[]', NULL, 1750000000, 1750000000, NULL);`);
}
