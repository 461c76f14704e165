import type { Database } from "bun:sqlite";
import type { HostVersion } from "./binary.ts";
import { openDatabase } from "./record-place.ts";
import type { RealStore } from "./stored-fixture.ts";

type Json = Record<string, unknown>;

/** Rows or documents that look odd, but that some versions of opencode load without an error. */
export interface HealthyRows {
  readonly name: string;
  isLoadedBy(version: HostVersion): boolean;
  change(rows: Rows): void;
}

/** The rows of a store. A test changes them while opencode runs, and they are restored at the end of the test. */
export class Rows implements Disposable {
  readonly #database: Database;
  readonly #tables: readonly string[];
  readonly #session: string;
  readonly #store: RealStore;

  constructor(store: RealStore) {
    this.#store = store;
    this.#session = store.sessions.conversation.id;
    this.#database = openDatabase(store);
    // Without foreign keys, `dispose` can empty a table and fill it again.
    this.#database.run("pragma foreign_keys = off");
    this.#tables = ["session", "message", "part", "todo"];
    for (const table of this.#tables) {
      this.#database.run(`create temp table saved_${table} as select rowid as saved_rowid, * from main.${table}`);
    }
  }

  /**
   * Changes the first part of this type, and for a tool part with this status. Only the session with tools and the
   * compacted session are searched.
   */
  part(type: string, change: (data: Json) => unknown, status?: string): void {
    this.#edit("part", (data) => data.type === type && (status === undefined || statusOf(data) === status), change);
  }

  message(role: "user" | "assistant", change: (data: Json) => unknown): void {
    this.#edit("message", (data) => data.role === role, change);
  }

  /** Changes the stored JSON of the first text part. */
  text(change: (data: string) => string): void {
    const row = this.#all("part").find(({ data }) => (JSON.parse(data) as Json).type === "text");
    if (row === undefined) throw new Error("there is no text part");
    this.run("update part set data = ? where id = ?", change(row.data), row.id);
  }

  session(column: string, value: string | number | null): void {
    this.run(`update session set ${column} = ? where id = ?`, value, this.#session);
  }

  has(table: string, column: string): boolean {
    return this.#database.query("select 1 from pragma_table_info(?) where name = ?").get(table, column) !== null;
  }

  run(sql: string, ...values: (string | number | null)[]): void {
    if (this.#database.query(sql).run(...values).changes === 0) throw new Error(`nothing was changed by: ${sql}`);
  }

  /** Copies a row of the session with tools, and gives the copy other ids or values. */
  copy(table: "message" | "part", values: Readonly<Record<string, string | number>>): void {
    const names = this.#database.query<{ name: string }, [string]>("select name from pragma_table_info(?)").all(table);
    const columns = names.map(({ name }) => (name in values ? "?" : name));
    const bound = names.flatMap(({ name }) => values[name] ?? []);
    this.run(
      `insert into ${table} select ${columns.join(", ")} from ${table} where session_id = ? order by id limit 1`,
      ...bound,
      this.#session,
    );
  }

  /**
   * The ids of all sessions with a row that was changed, added or removed. If a row moved, both of its sessions are
   * included.
   */
  changedSessions(): string[] {
    const owned = this.#tables.map((table) => {
      const owner = table === "session" ? "id" : "session_id";
      const [now, before] = [`select rowid as saved_rowid, * from main.${table}`, `select * from saved_${table}`];
      return `select ${owner} as id from (select * from (${now} except ${before}) union all select * from (${before} except ${now}))`;
    });
    const ids = new Set(
      this.#database
        .query<{ id: string }, []>(owned.join(" union "))
        .all()
        .map(({ id }) => id),
    );
    return this.#store.sessionIDs.filter((id) => ids.has(id));
  }

  get otherSession(): string {
    return this.#store.sessions.plain.id;
  }

  get sessionID(): string {
    return this.#session;
  }

  [Symbol.dispose](): void {
    this.#database.run("begin immediate");
    for (const table of this.#tables) {
      const names = this.#database
        .query<{ name: string }, [string]>("select name from pragma_table_info(?)")
        .all(table)
        .map(({ name }) => name)
        .join(", ");
      this.#database.run(`delete from main.${table}`);
      this.#database.run(
        `insert into main.${table} (rowid, ${names}) select saved_rowid, ${names} from saved_${table}`,
      );
    }
    this.#database.run("commit");
    this.#database.close();
  }

  #all(table: "message" | "part"): { id: string; data: string }[] {
    const sessions = [this.#session, this.#store.sessions.compacted.id];
    return this.#database
      .query<{ id: string; data: string }, string[]>(
        `select id, data from ${table} where session_id in (?, ?) order by session_id = ? desc, id`,
      )
      .all(...sessions, this.#session);
  }

  #edit(table: "message" | "part", isMeant: (data: Json) => boolean, change: (data: Json) => unknown): void {
    for (const { id, data } of this.#all(table)) {
      const value = JSON.parse(data) as Json;
      if (!isMeant(value)) continue;
      this.run(`update ${table} set data = ? where id = ?`, JSON.stringify(change(value)), id);
      return;
    }
    throw new Error(`the store has no such ${table}`);
  }
}

function statusOf(data: Json): unknown {
  return (data.state as Json | undefined)?.status;
}

const state = (value: Json) => (data: Json) => ({ ...data, state: value });
const merged = (value: Json) => (data: Json) => ({ ...data, ...value });
const without = (key: string) => (data: Json) => {
  const { [key]: _, ...rest } = data;
  return rest;
};
const time = (value: Json) => (data: Json) => ({ ...data, time: { ...(data.time as Json), ...value } });

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const tokens = { input: 1.5, output: -2, reasoning: 0.25, cache: { read: 1.5, write: -1 } };
const oldDiff = { file: "a.txt", before: "x", after: "y", additions: 1, deletions: 1 };

/**
 * The left column of host-storage.md 5.3, the rows of 5.4 with status 200 in every version, and section 3 of faults.md.
 */
const LOADED_BY_ALL: readonly (readonly [name: string, change: (rows: Rows) => void])[] = [
  ["cost and tokens as floats or below zero", (rows) => rows.message("assistant", merged({ cost: -0.5, tokens }))],
  ["a parentID that leads nowhere", (rows) => rows.message("assistant", merged({ parentID: "msg_nowhere" }))],
  ["an assistant that is still writing", (rows) => rows.message("assistant", without("finish"))],
  [
    "an assistant without time.completed",
    (rows) => rows.message("assistant", (data) => ({ ...data, time: { created: (data.time as Json).created } })),
  ],
  ["variant at the top of a user message", (rows) => rows.message("user", merged({ variant: "high" }))],
  ["an old diff without patch", (rows) => rows.message("user", merged({ summary: { diffs: [oldDiff] } }))],
  ["ids inside data that differ", (rows) => rows.message("user", merged({ id: "x", sessionID: "y", extra: [] }))],
  [
    "a part with foreign ids and unknown keys",
    (rows) => rows.part("text", merged({ id: "x", messageID: 7, more: {} })),
  ],
  ["a pending tool", (rows) => rows.part("tool", state({ status: "pending", input: {}, raw: "" }))],
  ["a running tool", (rows) => rows.part("tool", state({ status: "running", input: {}, time: { start: 1 } }))],
  [
    "a tool that failed",
    (rows) => rows.part("tool", state({ status: "error", input: {}, error: "no", time: { start: 1, end: 2 } })),
  ],
  ["a text that is being written", (rows) => rows.part("text", () => ({ type: "text", text: "", time: { start: 1 } }))],
  ["an empty snapshot", (rows) => rows.part("step-start", merged({ snapshot: "" }))],
  ["a file without source", (rows) => rows.part("file", without("source"))],
  ["a compaction with auto alone", (rows) => rows.part("compaction", () => ({ type: "compaction", auto: true }))],
  ["a duplicate key", (rows) => rows.text((data) => `${data.slice(0, -1)},"synthetic":true,"synthetic":false}`)],
  ["white space around the document", (rows) => rows.text((data) => `\n\t  ${data} \r\n `)],
  ["a lone surrogate as an escape", (rows) => rows.part("text", merged({ text: "half a pair: \ud800" }))],
  ["NUL as an escape", (rows) => rows.part("text", merged({ text: "a NUL: \u0000" }))],
  ["nesting that SQLite refuses", (rows) => rows.text((data) => `${data.slice(0, -1)},"deep":${nested(1_500)}}`)],
  [
    "a part whose session_id is another's",
    (rows) => rows.run("update part set session_id = ? where session_id = ?", rows.otherSession, rows.sessionID),
  ],
  ["a time_created that is text", (rows) => rows.run("update message set time_created = 'soon'")],
  ["a part without its message", (rows) => rows.copy("part", { id: "prt_orphan", message_id: "msg_gone" })],
  ["a message without its session", (rows) => rows.copy("message", { id: "msg_orphan", session_id: "ses_gone" })],
  [
    "message ids before and after the wrap of their clock",
    (rows) => {
      rows.copy("message", { id: "msg_fd708d21e001JXYNUE1Jba3VEw", time_created: 1_786_000_000_000 });
      rows.copy("message", { id: "msg_0006f768700114fd6bDaDwzOWs", time_created: 1_786_706_400_000 });
    },
  ],
  ["a parent session that is gone", (rows) => rows.session("parent_id", "ses_gone")],
  ["an archived session", (rows) => rows.session("time_archived", 1_781_132_189_927)],
  [
    "empty title, slug, version and directory",
    (rows) => {
      for (const column of ["title", "slug", "version", "directory"]) rows.session(column, "");
    },
  ],
  ["a path that is a URL", (rows) => rows.has("session", "path") && rows.session("path", "http://localhost:3333/x")],
  ["null in the JSON column model", (rows) => rows.has("session", "model") && rows.session("model", "null")],
  ["null in the JSON column revert", (rows) => rows.session("revert", "null")],
  ["null in the JSON column permission", (rows) => rows.session("permission", "null")],
  [
    "session diffs without a patch",
    (rows) => {
      rows.session("summary_additions", 1);
      rows.session("summary_diffs", JSON.stringify([oldDiff]));
    },
  ],
];

/** The right column of host-storage.md 5.3. opencode up to 1.14 sends these values on without a change. */
const LOADED_BY_SYNTAX_HOSTS: readonly (readonly [name: string, change: (rows: Rows) => void])[] = [
  ["a float in an assistant's time", (rows) => rows.message("assistant", time({ created: 1.5 }))],
  ["an assistant without agent and parentID", (rows) => rows.message("assistant", (data) => ({ role: data.role }))],
  ["a parentID of another kind", (rows) => rows.message("assistant", merged({ parentID: "parent" }))],
  ["a message without role", (rows) => rows.message("user", without("role"))],
  ["a user summary that is true", (rows) => rows.message("user", merged({ summary: true }))],
  ["a json_schema format", (rows) => rows.message("user", merged({ format: { type: "json_schema", schema: {} } }))],
  ["null for cost and finish", (rows) => rows.message("assistant", merged({ cost: null, finish: null }))],
  ["an unknown error", (rows) => rows.message("assistant", merged({ error: { name: "Odd", data: {} } }))],
  ["a part of an unknown type", (rows) => rows.part("text", () => ({ type: "hologram" }))],
  ["a tool without state", (rows) => rows.part("tool", without("state"))],
  ["a pending tool without raw", (rows) => rows.part("tool", state({ status: "pending", input: {} }))],
  ["a completed tool without title", (rows) => rows.part("tool", state({ status: "completed", input: "x" }))],
  ["reasoning without time", (rows) => rows.part("reasoning", without("time"))],
  ["a text whose end is null", (rows) => rows.part("text", merged({ time: { start: 1, end: null } }))],
  ["a compaction without auto", (rows) => rows.part("compaction", () => ({ type: "compaction" }))],
  ["a part that is null", (rows) => rows.text(() => "null")],
  ["a part that is an array", (rows) => rows.text(() => "[1]")],
  ["a part that is a number", (rows) => rows.text(() => "7")],
  ["a part encoded twice", (rows) => rows.text((data) => JSON.stringify(data))],
  ["a part id of another program", (rows) => rows.copy("part", { id: "openmemory-context-1778756145902" })],
];

export const HEALTHY_ROWS: readonly HealthyRows[] = [
  {
    name: "a user's time as a float",
    isLoadedBy: (version) => !isStrict(version) || Bun.semver.satisfies(version, ">=1.17.0"),
    change: (rows) => rows.message("user", time({ created: 1795402319545.5 })),
  },
  ...LOADED_BY_ALL.map(([name, change]) => ({ name, isLoadedBy: () => true, change })),
  ...LOADED_BY_SYNTAX_HOSTS.map(([name, change]) => ({ name, isLoadedBy: isSyntaxHost, change })),
];

/** Whether this version checks a record against a schema (docs/oracle.md). */
function isStrict(version: HostVersion): boolean {
  return Bun.semver.satisfies(version, ">=1.14.48");
}

/** Whether this version only requires that a record is valid JSON. */
function isSyntaxHost(version: HostVersion): boolean {
  return !isStrict(version);
}
