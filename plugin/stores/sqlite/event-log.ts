import { LARGEST_LOADED_BYTES } from "../../model/artifact.ts";
import type { EventLog, RecordedEvent } from "../store.ts";
import { byteLength, type Connection } from "./driver.ts";
import { databaseBytes, type Schema } from "./schema.ts";

/** The number of events that are read in one query. The caller often needs only a few events, and some are large. */
const EVENTS_AT_ONCE = 16;

/** The log of events that opencode keeps in the tables `event` and `event_sequence`. */
export class DatabaseEventLog implements EventLog {
  readonly #connection: Connection;
  readonly #schema: Schema;

  private constructor(connection: Connection, schema: Schema) {
    this.#connection = connection;
    this.#schema = schema;
  }

  /** The event log of a database; `null` if the database has none. */
  static of(connection: Connection, schema: Schema): DatabaseEventLog | null {
    const hasLog = schema.tables.has("event") || schema.tables.has("event_sequence");
    return hasLog ? new DatabaseEventLog(connection, schema) : null;
  }

  *events(sessionID: string): Iterable<RecordedEvent> {
    if (!this.#schema.tables.has("event")) return;
    let before = Number.MAX_SAFE_INTEGER;
    while (true) {
      const rows = this.#connection.all(
        `select cast(seq as real) as seq, type,
           case when typeof(data) = 'text' and ${byteLength("data")} <= ${LARGEST_LOADED_BYTES} then data end as data
         from event where aggregate_id = ? and typeof(seq) = 'integer' and seq < ? order by event.seq desc
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
    if (!this.#schema.tables.has("event_sequence")) return null;
    const [row] = this.#connection.all(
      "select cast(seq as real) as seq from event_sequence where aggregate_id = ? and typeof(seq) = 'integer'",
      sessionID,
    );
    return row === undefined ? null : Number(row.seq);
  }

  loggedSessions(mostBytes: number): string[] {
    if (!this.#schema.tables.has("event_sequence") || databaseBytes(this.#connection) > mostBytes) return [];
    return this.#connection
      .all("select aggregate_id as id from event_sequence where aggregate_id glob 'ses*' order by aggregate_id")
      .map((row) => String(row.id));
  }
}
