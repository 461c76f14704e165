import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import {
  type Artifact,
  type Evidence,
  isFileLocator,
  LARGEST_LOADED_BYTES,
  type RowLocator,
  type RowValues,
} from "../../model/artifact.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import { JsonScanner } from "../../records/json-scanner.ts";
import type { ProjectFacts, SessionColumns, SessionFacts, StoredMessage } from "../conversation.ts";
import type { SessionOutline } from "../outline.ts";
import {
  type Counts,
  type ImportedRow,
  noCounts,
  type RecordedEvent,
  type RecordPlace,
  type ScanOptions,
  type Scope,
  type SessionEntry,
  type Share,
  type Store,
  type Visit,
} from "../store.ts";
import type { Survey } from "../survey.ts";
import { readBundles } from "./bundles.ts";
import { changedRowIDs } from "./changed-rows.ts";
import type { Connection, DatabaseSource, SqlRow, SqlValue } from "./driver.ts";
import type { ReadView } from "./read-view.ts";
import { captureRow, keyCondition, rowHash } from "./row.ts";
import { readRowValues, selectRowValues } from "./row-values.ts";
import { quoted, type Schema } from "./schema.ts";
import { nextStart } from "./sqlite-error.ts";
import { readOutline } from "./sqlite-outline.ts";
import { changesSince, type WalPosition } from "./wal-frames.ts";

/** Rows read between two looks at the event loop and the abort signal. */
const ROWS_AT_ONCE = 128;

/** Events are read one after the other, as long as they are wanted; some of them are large. */
const EVENTS_AT_ONCE = 16;

/** SQLite holds the whole value for every piece, so the pieces are large. */
const PIECE_BYTES = 16 * 1024 * 1024;

/** How the rows of one table are told apart and whom they belong to. */
interface TableShape {
  readonly name: "project" | "session" | "message" | "part" | "todo";
  readonly key: readonly string[];
  /** The column that names the session of a row. */
  readonly session: string | null;
  /** Whether a host looks at more columns than the ids and one document. */
  readonly hasRowValues: boolean;
}

const TABLES: Readonly<Record<TableShape["name"], TableShape>> = {
  project: { name: "project", key: ["id"], session: null, hasRowValues: true },
  session: { name: "session", key: ["id"], session: "id", hasRowValues: true },
  message: { name: "message", key: ["id"], session: "session_id", hasRowValues: false },
  part: { name: "part", key: ["id"], session: "session_id", hasRowValues: false },
  todo: { name: "todo", key: ["session_id", "position"], session: "session_id", hasRowValues: true },
};

/** Of a session row: the id of the workspace that it names, where there is one. */
const WORKSPACE = "workspace";

/**
 * A part that was never written again has two times that are the same. A message keeps the time of its making; that it
 * was never written again is told by its parts, which came in the same moment.
 */
const IMPORTED_ROW: Readonly<Record<string, string>> = {
  part: `select message_id as parent, cast(time_updated as real) as written, time_created = time_updated as unchanged
    from part where id = ?`,
  message: `select session_id as parent, cast(time_updated as real) as written, exists (select 1 from part
      where part.message_id = message.id and part.time_created = message.time_updated) as unchanged
    from message where id = ?`,
  session: `select project_id as parent, cast(time_updated as real) as written, 1 as unchanged from session where id = ?`,
};

/** Row ids are 64 bits wide: as numbers only where these are exact. */
const ROW_ID = `case when rowid between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER} then rowid
  else cast(rowid as text) end as at`;

const CREATED = "case when typeof(time_created) in ('integer', 'real') then cast(time_created as real) end as created";

/** Selects where rows of a table are. */
const PLACE: Readonly<Record<string, string>> = {
  session: `select id, 'session' as kind, id as session, null as message, ${CREATED} from session`,
  message: `select id, 'message' as kind, session_id as session, null as message, ${CREATED} from message`,
  part: `select id, 'part' as kind, session_id as session, message_id as message, ${CREATED} from part`,
};

const WHOLE: Share = { index: 0, of: 1 };

/** What a scan does with the values that it reads. */
interface Reading {
  readonly visit: Visit;
  readonly counts: Counts;
  /** Whether the text that the runtime made of a value of so many bytes is surely what a host reads. */
  readonly isExact: (text: string, bytes: number) => boolean;
}

interface Restriction {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** Rows that were written, by their ids in whatever table they are, and up to where the log was read. */
export interface ChangedRows {
  readonly position: WalPosition;
  readonly rowIDs: readonly string[];
}

/** The storage of opencode 1.2-1.18: rows of one SQLite database. */
export class SqliteStore implements Store {
  readonly description: StoreDescription;
  readonly schema: Schema;
  readonly source: DatabaseSource | null;
  readonly #connection: Connection;
  readonly #release: () => void;

  constructor(
    description: StoreDescription,
    schema: Schema,
    view: Pick<ReadView, "connection" | "source" | "release">,
  ) {
    this.description = description;
    this.schema = schema;
    this.source = view.source;
    this.#connection = view.connection;
    this.#release = view.release;
  }

  async scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void> {
    const reading = { visit, counts: options.counts, isExact };
    for (const _step of this.#visits(scope, reading, options.isHealthy)) {
      await (options.pause?.() ?? setImmediate());
      if (options.signal?.aborted) return;
    }
  }

  /**
   * The same without giving way to anything else, for opencode's terminal UI: it fetches a session's messages right
   * after its plugins were called. `false` where `isOver` said so first.
   */
  scanNow(scope: Scope, visit: Visit, counts: Counts, isOver: () => boolean): boolean {
    for (const _step of this.#visits(scope, { visit, counts, isExact })) if (isOver()) return false;
    return true;
  }

  /** The same to the end, in the runtime of the host itself: whatever text that makes of a value is what the host reads. */
  readAsHost(scope: Scope, visit: Visit): void {
    for (const _step of this.#visits(scope, { visit, counts: noCounts(), isExact: () => true }));
  }

  /** How much a session's newest messages and their parts are; counts no further than `most` records. */
  sizeOf(
    sessionID: string,
    newestMessages: number,
    most: number,
  ): { readonly records: number; readonly bytes: number } {
    const { sql, values } = messagesOf({ what: "session", sessionID, newestMessages });
    const [size] = this.#connection.all(
      `select count(*) as records, total(bytes) as bytes from (
         select octet_length(data) as bytes from message where id in (${sql})
         union all select octet_length(data) from part where message_id in (${sql}) limit ?)`,
      ...values,
      ...values,
      most,
    );
    return { records: Number(size?.records), bytes: Number(size?.bytes) };
  }

  /**
   * The row ids that were written since a place in the log, and the place where the log is now. `"lost"`: any row may
   * have been written. `isDatabaseUntouched` as in {@link changesSince}.
   */
  changedSince(before: WalPosition | null, isDatabaseUntouched: boolean): ChangedRows | "lost" {
    const changes = changesSince(`${this.description.database}-wal`, before, isDatabaseUntouched);
    if (changes === "lost") return "lost";
    const rowIDs = changedRowIDs(changes.pages);
    return rowIDs === null ? "lost" : { position: changes.position, rowIDs };
  }

  /** The end of the log, or `"lost"` where it cannot be told. */
  positionNow(): WalPosition | "lost" {
    const changes = changesSince(`${this.description.database}-wal`, null);
    return changes === "lost" ? "lost" : changes.position;
  }

  /** Changes whenever another connection has written to the database. */
  dataVersion(): number {
    return Number(this.#connection.all("pragma data_version")[0]?.data_version);
  }

  async examine(artifact: Artifact): Promise<Evidence | null> {
    const { locator } = artifact;
    if (isFileLocator(locator)) return null;
    const table = Object.values(TABLES).find((each) => each.name === locator.table);
    if (table === undefined) return null;
    const row = table.hasRowValues ? this.#readRow(table, locator) : null;
    const common = {
      stray: null,
      ioError: null,
      mtimeMs: null,
      row,
      position: artifact.kind === "part" ? this.#positionOf(locator) : null,
      siblings: null,
      updatedMs: table.hasRowValues ? null : this.#updatedMs(locator),
      ...this.#owner(artifact, locator),
    };
    if (table.hasRowValues && locator.column === undefined) {
      const captured = captureRow(this.#connection, table.name, this.schema.tables.get(table.name) ?? [], locator.key);
      if (row === null || captured === null) return null;
      return { ...common, storage: "row", size: 0, bytes: null, shape: null, sha256: rowHash(captured) };
    }
    const column = quoted(locator.column ?? "data");
    const condition = keyCondition(locator.key);
    const cell = this.#connection.all(
      `select typeof(${column}) as storage, octet_length(${column}) as size,
         case when octet_length(${column}) <= ${LARGEST_LOADED_BYTES} then cast(${column} as blob) end as bytes
       from ${quoted(locator.table)} where ${condition.sql}`,
      ...condition.values,
    )[0];
    const storage = cell?.storage;
    if (cell === undefined || (storage !== "text" && storage !== "blob")) return null;
    const size = Number(cell.size);
    const bytes = cell.bytes instanceof Uint8Array ? cell.bytes : null;
    return {
      ...common,
      storage,
      size,
      bytes: size === 0 ? new Uint8Array() : bytes,
      ...(bytes === null && size > 0 ? this.#readInPieces(locator, size) : { shape: null, sha256: null }),
    };
  }

  async sessions(projectID: string | null): Promise<SessionEntry[]> {
    const condition = restriction("project_id", projectID);
    return this.#connection
      .all(
        `select id, project_id from session where ${condition?.sql ?? "1"} order by time_updated desc, id desc`,
        ...(condition?.values ?? []),
      )
      .map((row) => ({ id: String(row.id), projectID: String(row.project_id) }));
  }

  /** The sessions of a session's subagents. */
  subagentSessions(sessionID: string): string[] {
    return this.#connection.all("select id from session where parent_id = ?", sessionID).map(({ id }) => String(id));
  }

  async sessionFacts(): Promise<SessionFacts[]> {
    return (await conversation()).readRowFacts(this.#connection, this.schema);
  }

  async *messages(sessionID: string): AsyncIterable<StoredMessage> {
    yield* (await conversation()).readRowMessages(this.#connection, sessionID);
  }

  async messageIDs(sessionID: string): Promise<string[]> {
    return this.#connection.all("select id from message where session_id = ?", sessionID).map(({ id }) => String(id));
  }

  async sessionColumns(sessionID: string): Promise<SessionColumns> {
    return (await conversation()).readSessionColumns(this.#connection, this.schema, sessionID);
  }

  async projectFacts(): Promise<ProjectFacts[]> {
    return (await conversation()).readProjectFacts(this.#connection, this.schema);
  }

  outline(sessionID: string): SessionOutline {
    return readOutline(this.#connection, sessionID);
  }

  *events(sessionID: string): Iterable<RecordedEvent> {
    if (!this.schema.tables.has("event")) return;
    let before = Number.MAX_SAFE_INTEGER;
    while (true) {
      const rows = this.#connection.all(
        `select cast(seq as real) as seq, type,
           case when typeof(data) = 'text' and octet_length(data) <= ${LARGEST_LOADED_BYTES} then data end as data
         from event where aggregate_id = ? and typeof(seq) = 'integer' and seq < ? order by seq desc
         limit ${EVENTS_AT_ONCE}`,
        sessionID,
        before,
      );
      for (const { seq, type, data } of rows) {
        before = Number(seq);
        if (typeof data === "string") yield { sequence: before, type: String(type), text: data };
      }
      if (rows.length < EVENTS_AT_ONCE) return;
    }
  }

  newestEvent(sessionID: string): number | null {
    if (!this.schema.tables.has("event_sequence")) return null;
    const [row] = this.#connection.all(
      "select cast(seq as real) as seq from event_sequence where aggregate_id = ? and typeof(seq) = 'integer'",
      sessionID,
    );
    return row === undefined ? null : Number(row.seq);
  }

  loggedSessions(mostBytes: number): string[] {
    if (!this.schema.tables.has("event_sequence") || this.#size() > mostBytes) return [];
    return this.#connection
      .all("select aggregate_id as id from event_sequence where aggregate_id glob 'ses*' order by aggregate_id")
      .map((row) => String(row.id));
  }

  recordPlaces(sessionID: string): ReadonlyMap<string, RecordPlace> {
    const rows = this.#connection.all(
      `${PLACE.session} where id = ? union all ${PLACE.message} where session_id = ?
         union all ${PLACE.part} where session_id = ?
         union all ${PLACE.part} where session_id is not ?
           and message_id in (select id from message where session_id = ?)`,
      ...Array<string>(5).fill(sessionID),
    );
    return new Map(rows.map((row) => [String(row.id), placeOf(row)]));
  }

  recordPlace({ kind, recordID }: Artifact): RecordPlace | null {
    const sql = PLACE[kind];
    const row = sql === undefined ? undefined : this.#connection.all(`${sql} where id = ?`, recordID)[0];
    return row === undefined ? null : placeOf(row);
  }

  importedRow({ kind, recordID }: Artifact): ImportedRow | null {
    const sql = IMPORTED_ROW[kind];
    const row = sql === undefined ? undefined : this.#connection.all(sql, recordID)[0];
    if (typeof row?.parent !== "string" || typeof row.written !== "number") return null;
    return { parentID: row.parent, writtenMs: row.written, isUnchanged: row.unchanged === 1 };
  }

  async sessionsWithoutRecord(): Promise<string[]> {
    return this.#connection
      .all("select distinct session_id as id from message where session_id not in (select id from session)")
      .map((row) => String(row.id));
  }

  /** What opencode removes takes its parts along: a part without its message was hung there by no opencode. */
  sessionsWithLooseParts(mostBytes: number): string[] {
    if (this.#size() > mostBytes) return [];
    const sql = "select distinct session_id as id from part where message_id not in (select id from message)";
    return this.#connection.all(sql).map((row) => String(row.id));
  }

  #size(): number {
    const sql = "select page_count * page_size as size from pragma_page_count, pragma_page_size";
    return Number(this.#connection.all(sql)[0]?.size);
  }

  async survey(): Promise<Survey> {
    // One connection is all there may be inside the host, and its thread is the host's.
    const { surveyDatabase } = await import("./sqlite-survey.ts");
    return surveyDatabase(this.#connection, this.schema, this.description, this.source !== null);
  }

  /** SQLite's own parser first; it refuses very deep nesting, so what it rejects is read again byte by byte. */
  #readInPieces(locator: RowLocator, size: number): Pick<Evidence, "shape" | "sha256"> {
    const column = quoted(locator.column ?? "data");
    const { sql, values } = keyCondition(locator.key);
    const from = `from ${quoted(locator.table)} where ${sql}`;
    const quick = this.#connection.all(
      `select case when json_valid(${column}) and instr(cast(${column} as blob), x'00') = 0
         then json_type(${column}) end as type ${from}`,
      ...values,
    )[0]?.type;
    if (typeof quick === "string") {
      const topLevel = quick === "object" || quick === "array" ? quick : "scalar";
      return { shape: { shape: "complete", topLevel }, sha256: null };
    }
    const scanner = new JsonScanner();
    const hash = createHash("sha256");
    for (let start = 1; start <= size; start += PIECE_BYTES) {
      const piece = this.#connection.all(
        `select substr(cast(${column} as blob), ${start}, ${PIECE_BYTES}) as piece ${from}`,
        ...values,
      )[0]?.piece;
      if (!(piece instanceof Uint8Array)) continue;
      scanner.push(piece);
      hash.update(piece);
    }
    return { shape: scanner.end(), sha256: hash.digest("hex") };
  }

  close(): void {
    this.#connection.close();
    this.#release();
  }

  /** The session that loads an artifact, and whether any does: hosts reach parts through messages, messages through sessions. */
  #owner(artifact: Artifact, locator: RowLocator): Pick<Evidence, "reachable" | "sessionID"> {
    const key = Object.values(locator.key);
    switch (artifact.kind) {
      case "part": {
        const owner = this.#connection.all(
          `select session.id as id from part join message on message.id = part.message_id
             join session on session.id = message.session_id where part.id = ?`,
          ...key,
        )[0];
        return owner === undefined
          ? { reachable: false, sessionID: artifact.sessionID }
          : { reachable: true, sessionID: String(owner.id) };
      }
      case "message": {
        const owner = this.#connection.all(
          "select session.id as id from message join session on session.id = message.session_id where message.id = ?",
          ...key,
        )[0];
        return { reachable: owner !== undefined, sessionID: artifact.sessionID };
      }
      default:
        return { reachable: true, sessionID: artifact.sessionID };
    }
  }

  #rowColumns(table: TableShape): string[] {
    const json = this.#jsonColumns(table);
    return (this.schema.tables.get(table.name) ?? []).filter((column) => !json.includes(column));
  }

  #jsonColumns(table: TableShape): string[] {
    return this.schema.jsonColumns.filter((each) => each.table === table.name).map((each) => each.column);
  }

  #selectedRowValues(table: TableShape): string[] {
    if (!table.hasRowValues) return [];
    const selected = selectRowValues(this.#rowColumns(table));
    if (table.name !== "session" || !this.schema.tables.has("workspace")) return selected;
    return [...selected, `(select id from workspace where workspace.id = session.workspace_id) as ${WORKSPACE}`];
  }

  #rowValues(table: TableShape, row: SqlRow): RowValues | null {
    if (!table.hasRowValues) return null;
    const values = readRowValues(this.#rowColumns(table), row);
    return row[WORKSPACE] === undefined ? values : { ...values, [WORKSPACE]: row[WORKSPACE] };
  }

  #readRow(table: TableShape, locator: RowLocator): RowValues | null {
    const condition = keyCondition(locator.key);
    const row = this.#connection.all(
      `select ${this.#selectedRowValues(table).join(", ")} from ${quoted(table.name)} where ${condition.sql}`,
      ...condition.values,
    )[0];
    return row === undefined ? null : this.#rowValues(table, row);
  }

  #updatedMs(locator: RowLocator): number | null {
    const condition = keyCondition(locator.key);
    const row = this.#connection.all(
      `select cast(time_updated as real) as updated from ${quoted(locator.table)} where ${condition.sql}`,
      ...condition.values,
    )[0];
    return typeof row?.updated === "number" ? row.updated : null;
  }

  #positionOf(locator: RowLocator): number | null {
    const [id = ""] = Object.values(locator.key);
    const before = this.#connection.all(
      `select count(*) as before from part where id < ? and message_id = (select message_id from part where id = ?)`,
      id,
      id,
    )[0]?.before;
    return typeof before === "number" ? before : null;
  }

  /** Visits a scope in steps, each a statement of its own so that no read transaction is held for long. */
  *#visits(scope: Scope, reading: Reading, isHealthy?: ScanOptions["isHealthy"]): Iterable<void> {
    switch (scope.what) {
      case "everything":
        for (const table of Object.values(TABLES)) {
          const share = scope.share ?? WHOLE;
          const isBundled = isHealthy !== undefined && !table.hasRowValues;
          if (isBundled) yield* this.#visitDocuments(table, share, reading, isHealthy);
          else if (share.index === 0) yield* this.#visitTable(table, null, reading);
        }
        return;
      case "list":
        yield* this.#visitTable(TABLES.project, restriction("id", scope.projectID), reading);
        yield* this.#visitTable(TABLES.session, newestFirst(restriction("project_id", scope.projectID)), reading);
        return;
      case "rows":
        for (const table of Object.values(TABLES)) {
          if (!this.schema.tables.has(table.name)) continue;
          for (const rows of this.#rowsAt(table, scope.rowIDs)) {
            this.#visitRows(table, rows, reading);
            yield;
          }
        }
        return;
      case "session": {
        const messages = messagesOf(scope);
        yield* this.#visitTable(TABLES.session, restriction("id", scope.sessionID), reading);
        yield* this.#visitTable(TABLES.message, { ...messages, sql: `id in (${messages.sql})` }, reading);
        yield* this.#visitTable(TABLES.todo, restriction("session_id", scope.sessionID), reading);
        yield* this.#visitTable(TABLES.part, { ...messages, sql: `message_id in (${messages.sql})` }, reading);
      }
    }
  }

  /** Messages or parts of a share: many at once where they are healthy, else each by itself. */
  *#visitDocuments(
    table: TableShape,
    share: Share,
    reading: Reading,
    isHealthy: NonNullable<ScanOptions["isHealthy"]>,
  ): Iterable<void> {
    const { first, last } = this.#rowIDs(table.name, share);
    const read = this.#rowsBetween(table);
    const kind = table.name === "message" ? "message" : "part";
    for (const step of readBundles(this.#connection, kind, first, last)) {
      if (step.bundle !== null && isHealthy(step.bundle)) {
        count(table, step.rows, reading.counts);
        reading.counts.bytes += step.bytes;
      } else {
        this.#visitRows(table, this.#connection.all(read, step.after, step.until), reading);
      }
      yield;
    }
  }

  *#visitTable(table: TableShape, condition: Restriction | null, reading: Reading): Iterable<void> {
    if (!this.schema.tables.has(table.name)) return;
    const steps = condition === null ? this.#wholeTable(table) : this.#selectedRows(table, condition);
    for (const rows of steps) {
      this.#visitRows(table, rows, reading);
      yield;
    }
  }

  #visitRows(table: TableShape, rows: readonly SqlRow[], reading: Reading): void {
    count(table, rows.length, reading.counts);
    const columns = this.#jsonColumns(table);
    if (table.hasRowValues) {
      for (const row of rows) visitRow(table, columns, row, this.#rowValues(table, row), reading);
    } else {
      for (const row of rows) visitDocument(table, row, reading);
    }
  }

  /** Selects what a visit of a table's rows needs. */
  #select(table: TableShape): string {
    const selected = [
      ROW_ID,
      ...table.key.map((name, index) => `${quoted(name)} as k${index}`),
      `${table.session === null ? "null" : quoted(table.session)} as session`,
      ...this.#jsonColumns(table).map((name, index) => selectValue(quoted(name), index)),
      ...this.#selectedRowValues(table),
    ];
    return `select ${selected.join(", ")} from ${quoted(table.name)}`;
  }

  #rowsBetween(table: TableShape): string {
    return `${this.#select(table)} where rowid > cast(? as integer) and rowid <= cast(? as integer) order by rowid`;
  }

  *#wholeTable(table: TableShape): Iterable<SqlRow[]> {
    const { first, last } = this.#rowIDs(table.name, WHOLE);
    const sql = `${this.#rowsBetween(table)} limit ${ROWS_AT_ONCE}`;
    for (let after = first; ; ) {
      const rows = this.#connection.all(sql, after, last);
      yield rows;
      const at = rows.at(-1)?.at;
      if (at === undefined || rows.length < ROWS_AT_ONCE) return;
      after = nextStart(table.name, after, String(at));
    }
  }

  /** The row ids of a share of a table: all above `first`, up to `last`. */
  #rowIDs(table: string, { index, of }: Share): { readonly first: string; readonly last: string } {
    // Each by itself: asked for both at once, SQLite reads the whole table.
    const ends = this.#connection.all(
      `select cast((select min(rowid) from ${quoted(table)}) as text) as first,
         cast((select max(rowid) from ${quoted(table)}) as text) as last`,
    )[0];
    if (typeof ends?.first !== "string" || typeof ends.last !== "string") return { first: "0", last: "0" };
    const [before, last] = [BigInt(ends.first) - 1n, BigInt(ends.last)];
    const upTo = (share: number) => before + ((last - before) * BigInt(share)) / BigInt(of);
    return { first: String(upTo(index)), last: String(upTo(index + 1)) };
  }

  /** The row ids come from an index first: paging by rowid would make SQLite walk the whole table for one session. */
  *#selectedRows(table: TableShape, condition: Restriction): Iterable<SqlRow[]> {
    const rowIDs = this.#connection
      .all(`select cast(rowid as text) as at from ${quoted(table.name)} where ${condition.sql}`, ...condition.values)
      .map((row) => String(row.at));
    yield* this.#rowsAt(table, rowIDs);
  }

  *#rowsAt(table: TableShape, rowIDs: readonly string[]): Iterable<SqlRow[]> {
    const sql = `${this.#select(table)} where rowid in (select value from json_each(?))`;
    for (let start = 0; start < rowIDs.length; start += ROWS_AT_ONCE) {
      yield this.#connection.all(sql, `[${rowIDs.slice(start, start + ROWS_AT_ONCE).join(",")}]`);
    }
  }
}

function placeOf({ kind, session, message, created }: SqlRow): RecordPlace {
  return {
    kind: kind === "session" || kind === "message" ? kind : "part",
    sessionID: typeof session === "string" ? session : null,
    messageID: typeof message === "string" ? message : null,
    createdMs: typeof created === "number" ? created : null,
  };
}

/** Loaded where a conversation is read: opencode's start does not pay for it. */
function conversation() {
  return import("./sqlite-conversation.ts");
}

/** Selects the ids of a session's messages, all or the newest. */
function messagesOf(scope: Scope & { what: "session" }): Restriction {
  const all = "select id from message where session_id = ?";
  if (scope.newestMessages === undefined) return { sql: all, values: [scope.sessionID] };
  return {
    sql: `${all} order by time_created desc, id desc limit ?`,
    values: [scope.sessionID, scope.newestMessages],
  };
}

function restriction(column: string, value: string | null): Restriction | null {
  return value === null ? null : { sql: `${quoted(column)} = ?`, values: [value] };
}

/** opencode answers with the newest ones; the order of row ids costs nothing beside an index. */
function newestFirst(condition: Restriction | null): Restriction | null {
  return condition === null ? null : { ...condition, sql: `${condition.sql} order by rowid desc` };
}

function selectValue(column: string, index: number): string {
  return `octet_length(${column}) as n${index},
    case when octet_length(${column}) <= ${LARGEST_LOADED_BYTES} then ${column} end as v${index}`;
}

function count(table: TableShape, rows: number, counts: Counts): void {
  if (table.name === "session") counts.sessions += rows;
  else if (table.name === "message") counts.messages += rows;
  else if (table.name === "part") counts.parts += rows;
}

/** Messages and parts, of which there are many: ids and one document. */
function visitDocument(table: TableShape, row: SqlRow, reading: Reading): void {
  if (row.n0 === null) return;
  const id = String(row.k0);
  const artifact: Artifact = {
    kind: table.name,
    sessionID: row.session === null ? null : String(row.session),
    recordID: id,
    locator: { table: table.name, key: { id } },
  };
  reading.visit(artifact, textOf(row.v0, Number(row.n0), reading), null);
}

function visitRow(
  table: TableShape,
  columns: readonly string[],
  row: SqlRow,
  values: RowValues | null,
  reading: Reading,
): void {
  const key = Object.fromEntries(table.key.map((name, index) => [name, String(row[`k${index}`])]));
  const artifact: Artifact = {
    kind: table.name,
    sessionID: row.session === null ? null : String(row.session),
    recordID: String(row.k0),
    locator: { table: table.name, key },
  };
  if (values !== null) reading.visit(artifact, null, values);
  columns.forEach((column, index) => {
    const bytes = row[`n${index}`];
    if (bytes === null) return;
    const text = textOf(row[`v${index}`], Number(bytes), reading);
    reading.visit({ ...artifact, locator: { table: table.name, key, column } }, text, values);
  });
}

/** The text of a value, where the runtime's text is surely what the database holds. */
function textOf(value: SqlValue | undefined, bytes: number, { counts, isExact }: Reading): string | null {
  counts.bytes += bytes;
  return typeof value === "string" && isExact(value, bytes) ? value : null;
}

/**
 * Whether the text that the runtime made of a value is surely the value: bytes that are not UTF-8 come back as U+FFFD
 * (Bun, Node 24), and Node 22 stops at the first NUL. Whatever is doubtful is judged on its bytes.
 */
function isExact(text: string, bytes: number): boolean {
  return !text.includes("\uFFFD") && (text.length === bytes || Buffer.byteLength(text) === bytes);
}
