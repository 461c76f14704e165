import type { OtherTable } from "../hosts/v2/other-tables.ts";
import type { CellValue, RecordKind } from "../model/artifact.ts";
import type { Stop } from "../model/finding.ts";
import type { RowOf2x } from "../model/row-2x.ts";

/** A row that opencode 2.x reads, and the requests to opencode that fail because of this row. */
export interface Place2x {
  readonly table: string;
  readonly kind: RecordKind;
  /** The session to which the row belongs; `null` if it belongs to no session. */
  readonly sessionID: string | null;
  readonly key: Readonly<Record<string, string>>;
  readonly row: RowOf2x;
  readonly stops: readonly Stop[];
}

/**
 * Describes a row of an opencode 2.x table for a report. The report shows the name of the row if the name is short and
 * has only letters, digits, `_`, `.` and `-`. Any other name may contain a path or a secret of the user, so the report
 * shows the number of the row instead. `known` are the ids of the sessions that exist.
 */
export function placeOf2xRow(
  { table, kind, name, sessionColumn, stops }: OtherTable,
  row: RowOf2x,
  known: ReadonlySet<string>,
): Place2x {
  const { [name]: own, rowid } = row.values;
  const sessionID = sessionColumn === undefined ? null : String(row.values[sessionColumn]);
  const isPlain = typeof own === "string" && PLAIN_NAME.test(own);
  const session = name === "key" && sessionColumn !== undefined ? { [sessionColumn]: String(sessionID) } : {};
  const key = isPlain ? { ...session, [name]: own } : { rowid: String(rowid) };
  const isRead = sessionID === null || known.has(sessionID);
  return { table, kind, sessionID, key, row, stops: isRead ? stops(own) : [] };
}

const PLAIN_NAME = /^[\w.-]{1,64}$/;

export function cellsOf(column: string, bytes: Buffer): ReadonlyMap<string, CellValue> {
  return new Map([[column, { storage: "text", bytes }]]);
}

const STOP_WORDS: Readonly<Record<Stop, string>> = {
  "session list": "the whole session list",
  session: "the session",
  messages: "the messages of its session",
  prompts: "its prompts",
  "project list": "the whole project list",
  settings: "the requests that need this setting",
  import: "the import of the data of opencode 1.x",
};

/** The end of a finding's evidence, which names the requests to opencode that fail. */
export function stopWords({ stops, sessionID }: Pick<Place2x, "stops" | "sessionID">, host: string): string {
  if (stops.length === 0) return "; its session does not exist, so opencode does not read it";
  const words = stops.map((stop) =>
    stop === "prompts" && sessionID === null ? "the prompts of sessions that use this record" : STOP_WORDS[stop],
  );
  return `; in opencode ${host} it stops ${listed(words)}`;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

export function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
