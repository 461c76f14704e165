import { setImmediate } from "node:timers/promises";
import type { Artifact, Evidence } from "../../model/artifact.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import type { ProjectFacts, SessionColumns, SessionFacts, StoredMessage } from "../conversation.ts";
import {
  type ConversationReader,
  type Counts,
  type DatabaseStore,
  type LoadedScope,
  noCounts,
  type Outlines,
  type ScanOptions,
  type Scope,
  type SessionEntry,
  type SessionOpening,
  type Visit,
} from "../store.ts";
import type { Survey } from "../survey.ts";
import { WrittenRows } from "./changed-rows.ts";
import { byteLength, type Connection, type DatabaseSource } from "./driver.ts";
import { DatabaseEventLog } from "./event-log.ts";
import type { ReadView } from "./read-view.ts";
import { RowPlaces } from "./record-places.ts";
import type { RowEvidence } from "./row-evidence.ts";
import { isExact, messagesOf, RowScan, restriction } from "./row-scan.ts";
import { newestFirst, type Schema } from "./schema.ts";

/** The storage of opencode 1.2-1.18: rows of one SQLite database. */
export class SqliteStore implements DatabaseStore {
  readonly description: StoreDescription;
  readonly source: DatabaseSource | null;
  readonly conversations: ConversationReader;
  readonly eventLog: DatabaseEventLog | null;
  readonly places: RowPlaces;
  readonly importTrace: RowPlaces;
  readonly outlines: Outlines;
  readonly changedRows: WrittenRows;
  readonly opening: SessionOpening;
  readonly fileRecords = null;
  readonly #schema: Schema;
  readonly #connection: Connection;
  readonly #rows: RowScan;
  #evidence: Promise<RowEvidence> | null = null;
  readonly #release: () => void;

  constructor(
    description: StoreDescription,
    schema: Schema,
    view: Pick<ReadView, "connection" | "source" | "release">,
  ) {
    const { connection } = view;
    this.description = description;
    this.source = view.source;
    this.#schema = schema;
    this.#connection = connection;
    this.#rows = new RowScan(connection, schema);
    this.#release = view.release;
    this.conversations = new RowConversations(connection, schema);
    this.eventLog = DatabaseEventLog.of(connection, schema);
    this.places = new RowPlaces(connection);
    this.importTrace = this.places;
    this.outlines = {
      of: async (sessionID) => (await import("./sqlite-outline.ts")).readOutline(connection, sessionID),
    };
    this.changedRows = new WrittenRows(connection, description.database ?? "");
    this.opening = new RowOpening(connection, this.#rows);
  }

  get asDatabase(): DatabaseStore {
    return this;
  }

  readAs(description: StoreDescription): SqliteStore {
    return new SqliteStore(description, this.#schema, {
      connection: this.#connection,
      source: this.source,
      release: () => undefined,
    });
  }

  query<T>(read: (connection: Connection, schema: Schema) => T): T {
    return read(this.#connection, this.#schema);
  }

  async scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void> {
    // Long values are read in pieces only outside opencode, so a start of opencode does not load this module.
    const readLong = this.source === null ? undefined : (await import("./cell-pieces.ts")).readLong;
    const reading = { visit, counts: options.counts, isExact, ...(readLong && { readLong }) };
    for (const _step of this.#rows.steps(scope, reading, options.isHealthy)) {
      await (options.pause?.() ?? setImmediate());
      if (options.signal?.aborted) return;
    }
  }

  scanNow(scope: LoadedScope, visit: Visit, counts: Counts, isOver: () => boolean): boolean {
    for (const _step of this.#rows.steps(scope, { visit, counts, isExact })) if (isOver()) return false;
    return true;
  }

  async examine(artifact: Artifact): Promise<Evidence | null> {
    // The module is loaded only if there may be a problem, so a start of opencode without problems does not load it.
    this.#evidence ??= import("./row-evidence.ts").then(
      ({ RowEvidence }) => new RowEvidence(this.#connection, this.#schema),
    );
    return (await this.#evidence).examine(artifact);
  }

  async sessions(projectID: string | null): Promise<SessionEntry[]> {
    const condition = restriction("project_id", projectID);
    const project = this.#schema.tables.get("session")?.includes("project_id") ? "project_id" : "'' as project_id";
    return this.#connection
      .all(
        `select id, ${project} from session where ${condition?.sql ?? "1"} order by ${newestFirst(this.#schema)}`,
        ...(condition?.values ?? []),
      )
      .map((row) => ({ id: String(row.id), projectID: String(row.project_id) }));
  }

  async sessionsWithoutRecord(among: readonly string[] | null): Promise<string[]> {
    if (among !== null) {
      const one = "select 1 from message where session_id = ? and session_id not in (select id from session) limit 1";
      return among.filter((id) => this.#connection.all(one, id).length > 0);
    }
    return this.#connection
      .all("select distinct session_id as id from message where session_id not in (select id from session)")
      .map((row) => String(row.id));
  }

  /**
   * Row ids increase with each new row, so the largest row id shows about how many rows a table has. Reading it is
   * fast, because it is on the last page.
   */
  async expectedCounts(): Promise<Partial<Readonly<Counts>>> {
    const largest = (table: string) =>
      Number(this.#connection.all(`select coalesce(max(rowid), 0) as rows from ${table}`)[0]?.rows ?? 0);
    return { messages: largest("message"), parts: largest("part") };
  }

  async survey(): Promise<Survey> {
    // Inside opencode there is no `source`: the connection and its thread belong to opencode. So the survey reads only
    // a little there.
    const { surveyDatabase } = await import("./sqlite-survey.ts");
    return surveyDatabase(this.#connection, this.#schema, this.description, this.source !== null);
  }

  close(): void {
    this.#connection.close();
    this.#release();
  }
}

/** Reads the records that opencode's terminal UI loads for a session, in the same runtime as opencode. */
class RowOpening implements SessionOpening {
  readonly #connection: Connection;
  readonly #rows: RowScan;

  constructor(connection: Connection, rows: RowScan) {
    this.#connection = connection;
    this.#rows = rows;
  }

  subagentSessions(sessionID: string): string[] {
    return this.#connection.all("select id from session where parent_id = ?", sessionID).map(({ id }) => String(id));
  }

  sizeOf(sessionID: string, newestMessages: number, most: number): ReturnType<SessionOpening["sizeOf"]> {
    const { sql, values } = messagesOf({ what: "session", sessionID, newestMessages });
    const [size] = this.#connection.all(
      `select count(*) as records, total(bytes) as bytes from (
         select ${byteLength("data")} as bytes from message where id in (${sql})
         union all select ${byteLength("data")} from part where message_id in (${sql}) limit ?)`,
      ...values,
      ...values,
      most,
    );
    return { records: Number(size?.records), bytes: Number(size?.bytes) };
  }

  readAsHost(scope: Scope, visit: Visit): void {
    for (const _step of this.#rows.steps(scope, { visit, counts: noCounts(), isExact: () => true }));
  }
}

/**
 * Reads the sessions of a database. The code for that is loaded on first use, so that a start of opencode does not load
 * it.
 */
class RowConversations implements ConversationReader {
  readonly order = "time";
  readonly remainingParts = null;
  readonly #connection: Connection;
  readonly #schema: Schema;

  constructor(connection: Connection, schema: Schema) {
    this.#connection = connection;
    this.#schema = schema;
  }

  async sessionFacts(): Promise<SessionFacts[]> {
    return (await this.#reader()).readRowFacts(this.#connection, this.#schema);
  }

  async factsOf(sessionID: string): Promise<SessionFacts | null> {
    return (await this.#reader()).readFactsOf(this.#connection, this.#schema, sessionID);
  }

  async *messages(sessionID: string, reading?: "whole" | "long-in-pieces"): AsyncIterable<StoredMessage> {
    const asLong = reading === "long-in-pieces" ? (await import("./long-cell.ts")).longCell : null;
    yield* (await this.#reader()).readRowMessages(this.#connection, sessionID, asLong);
  }

  async messageIDs(sessionID: string): Promise<string[]> {
    return this.#connection.all("select id from message where session_id = ?", sessionID).map(({ id }) => String(id));
  }

  async sessionColumns(sessionID: string): Promise<SessionColumns> {
    return (await this.#reader()).readSessionColumns(this.#connection, this.#schema, sessionID);
  }

  async projectFacts(): Promise<ProjectFacts[]> {
    return (await this.#reader()).readProjectFacts(this.#connection, this.#schema);
  }

  #reader() {
    return import("./sqlite-conversation.ts");
  }
}
