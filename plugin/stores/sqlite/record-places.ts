import type { Artifact } from "../../model/artifact.ts";
import type { ImportedRow, ImportTrace, RecordPlace, RecordPlaces } from "../store.ts";
import type { Connection, SqlRow } from "./driver.ts";
import { databaseBytes } from "./schema.ts";

const CREATED = "case when typeof(time_created) in ('integer', 'real') then cast(time_created as real) end as created";

/** The SQL that selects the parents of each row, for each kind of record. */
const PLACE: Readonly<Record<string, string>> = {
  session: `select id, 'session' as kind, id as session, null as message, ${CREATED} from session`,
  message: `select id, 'message' as kind, session_id as session, null as message, ${CREATED} from message`,
  part: `select id, 'part' as kind, session_id as session, message_id as message, ${CREATED} from part`,
};

/**
 * The SQL that tells whether a row was not written again after opencode imported it from a file. An imported part has
 * equal times of creation and update. An imported message keeps its time of creation. If one of its parts was created
 * at the time of the message's last update, that update was the import.
 */
const IMPORTED_ROW: Readonly<Record<string, string>> = {
  part: `select message_id as parent, cast(time_updated as real) as written, time_created = time_updated as unchanged
    from part where id = ?`,
  message: `select session_id as parent, cast(time_updated as real) as written, exists (select 1 from part
      where part.message_id = message.id and part.time_created = message.time_updated) as unchanged
    from message where id = ?`,
  session: `select project_id as parent, cast(time_updated as real) as written, 1 as unchanged from session where id = ?`,
};

/** Reads which parents the rows of a database name, and whether an import made these rows. */
export class RowPlaces implements RecordPlaces, ImportTrace {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  ofSession(sessionID: string): ReadonlyMap<string, RecordPlace> {
    const rows = this.#connection.all(
      `${PLACE.session} where id = ? union all ${PLACE.message} where session_id = ?
         union all ${PLACE.part} where session_id = ?
         union all ${PLACE.part} where session_id is not ?
           and message_id in (select id from message where session_id = ?)`,
      ...Array<string>(5).fill(sessionID),
    );
    return new Map(rows.map((row) => [String(row.id), placeOf(row)]));
  }

  of({ kind, recordID }: Artifact): RecordPlace | null {
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

  /**
   * Sessions with parts whose message is missing. These messages were lost: if opencode had removed them, it would have
   * removed their parts too.
   */
  sessionsWithLooseParts(among: readonly string[] | null, mostBytes: number): string[] {
    if (among !== null) {
      const one = "select 1 from part where session_id = ? and message_id not in (select id from message) limit 1";
      return among.filter((id) => this.#connection.all(one, id).length > 0);
    }
    if (databaseBytes(this.#connection) > mostBytes) return [];
    const sql = "select distinct session_id as id from part where message_id not in (select id from message)";
    return this.#connection.all(sql).map((row) => String(row.id));
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
