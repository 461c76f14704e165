import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { FileSystem } from "../platform/file-system.ts";
import { textBeginning } from "../records/file-text.ts";
import { closedMessage, closedPart, lostPart } from "../remedies/recover/closed-document.ts";
import type { Connection, Driver } from "../stores/sqlite/driver.ts";
import { chooseSchema, completeMigrations } from "./choose-schema.ts";
import { type Rebuilt, rebuildParents } from "./complete.ts";
import { type Filled, fillFromEvents } from "./fill-from-events.ts";
import { fillFromFiles } from "./fill-from-files.ts";
import { unflipIDs } from "./flipped-ids.ts";
import { Gathering } from "./gather.ts";
import { Ledger } from "./ledger.ts";
import { type Loss, lossesOf, type TableLoss } from "./losses.ts";
import { NewDatabase } from "./new-database.ts";
import { openPageImage } from "./page-image.ts";
import { mapPages } from "./page-map.ts";
import { NO_FILE, openRandomAccess } from "./random-access.ts";
import type { SqliteRecord } from "./record.ts";
import { textOf } from "./schema-objects.ts";
import { isSound, soundID } from "./sound-values.ts";

export type Stage = "mapping" | "reading" | "filling" | "indexing" | "verifying";

export interface SalvageInput {
  readonly files: FileSystem;
  readonly driver: Driver;
  /** A copy of the damaged database, its WAL beside it under `-wal`; either may be missing. Only read. */
  readonly source: string;
  /** The new database; must not exist. Side files of the work lie beside it and are removed at the end. */
  readonly target: string;
  /** Where opencode's legacy files are, `null` where they are not to be asked. */
  readonly dataDir: string | null;
  /** `done` and `of` in pages, 0 where a stage has no measure. */
  readonly onProgress?: (stage: Stage, done: number, of: number) => void;
  readonly signal?: AbortSignal;
}

/** Rows of the conversations, in the new database and lost. */
export interface SessionOutcome {
  readonly sessionID: string;
  readonly messages: number;
  readonly parts: number;
  /** Records that an index or another record names and that are nowhere; a message that was rebuilt is one of them. */
  readonly lostMessages: number;
  readonly lostParts: number;
  /** Rows of other tables: the event log, todos … */
  readonly lostOthers: number;
  /** Records that were cut off, and were closed where they broke off. */
  readonly cutRecords: number;
  /** Whether more of its messages, parts and events cannot be lost; `false`: at least so many are. */
  readonly isCounted: boolean;
  /** Whether its own row had to be made anew. */
  readonly isRebuilt: boolean;
  /** Whether every record of it came through as it was. */
  readonly isWhole: boolean;
}

export interface SalvageReport {
  readonly pages: number;
  readonly pageBytes: number;
  /** Rows in the new database, by table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly sessions: readonly SessionOutcome[];
  /** Sessions of which no record is left. */
  readonly lostSessions: Loss;
  /** Lost records of which nothing tells the session. */
  readonly lostOfUnknown: { readonly messages: number; readonly parts: number };
  /** Lost rows by table, those that belong to no session as well. */
  readonly lostRows: Readonly<Record<string, number>>;
  /** Where rows came from that the current pages did not hold whole. */
  readonly fromOlderPages: number;
  readonly fromEvents: Filled;
  readonly fromFiles: Filled;
  /** Rows that were cut off, and were closed where they broke off. */
  readonly mended: number;
  readonly rebuilt: Rebuilt;
  readonly unplacedRecords: number;
  readonly framesBeyondDamage: number;
  readonly addedSchemaObjects: readonly string[];
  readonly failedIndexes: readonly string[];
  readonly isSound: boolean;
  readonly foreignKeyViolations: number;
}

/** The work was stopped from outside; what was built so far is of no use. */
export class SalvageStoppedError extends Error {
  constructor() {
    super("The salvage was stopped.");
    this.name = "SalvageStoppedError";
  }
}

/** Builds a new database from everything that can still be read of a damaged one. The source is only read. */
export async function salvage(input: SalvageInput): Promise<SalvageReport> {
  const { files, driver, source, target } = input;
  const main = (await files.stat(source)) === null ? NO_FILE : openRandomAccess(source);
  const wal = (await files.stat(`${source}-wal`)) === null ? null : openRandomAccess(`${source}-wal`);
  const [ledgerPath, scratchPath] = [`${target}.ledger`, `${target}.scratch`];
  const clear = async () => {
    for (const path of [ledgerPath, scratchPath]) await rm(path, { force: true });
  };
  const scratch = () => {
    rmSync(scratchPath, { force: true });
    const connection = driver.open(scratchPath, "create");
    connection.exec("pragma journal_mode = off; pragma synchronous = off");
    return connection;
  };
  try {
    await clear();
    const image = openPageImage(main, wal);
    const tick = ticker(input, image.pages);
    const map = mapPages(image, (page) => tick("mapping", page));
    const schema = chooseSchema(image, map, scratch);
    const created = new NewDatabase(driver.open(target, "create"), schema.objects, image.pageBytes);
    const ledger = new Ledger(driver.open(ledgerPath, "create"));
    try {
      const gathering = new Gathering(image, map, created, ledger, schema.indexes);
      gathering.takeCurrent((done) => tick("reading", done));
      const { connection } = created;
      unflipIDs(connection);
      gathering.takeOlder(false);
      input.onProgress?.("filling", 0, 0);
      const fromEvents = fillFromEvents(connection);
      gathering.takeOlder(true);
      const fromFiles =
        input.dataDir === null
          ? { sessions: 0, messages: 0, parts: 0 }
          : await fillFromFiles(files, input.dataDir, connection, ledger);
      const cut = writeUnfinished(connection, ledger);
      unflipIDs(connection);
      created.commit();
      ledger.attachTo(connection, ledgerPath);
      const losses = lossesOf(connection, created.shapes, gathering.indexes, (table) => gathering.isWhole(table));
      const unnamed = unnamedMessages(connection);
      const before = new Set(connection.all("select id from session").map((row) => String(row.id)));
      const rebuilt = rebuildParents(connection, (from, to, role) =>
        JSON.stringify(closedMessage(`{"role":"${role}"`, { created: from, updated: to })),
      );
      completeMigrations(connection, schema);
      input.onProgress?.("indexing", 0, 0);
      const failedIndexes = created.finish();
      input.onProgress?.("verifying", 0, 0);
      const sessions = outcomes(connection, { before, losses, unnamed, cut, logIsWhole: image.logIsWhole });
      const rows = Object.fromEntries(
        created.shapes.map(({ name }) => [name, count(connection, `select count(*) as n from "${name}"`)]),
      );
      const check = connection.all("pragma integrity_check(1)")[0];
      return {
        pages: image.pages,
        pageBytes: image.pageBytes,
        rows,
        sessions,
        ...lossesOfAll(sessions, losses, image.logIsWhole),
        fromOlderPages: gathering.result.fromOlder,
        fromEvents,
        fromFiles,
        mended: [...cut.values()].reduce((sum, count) => sum + count, 0),
        rebuilt,
        unplacedRecords: gathering.result.unplaced,
        framesBeyondDamage: image.framesBeyondDamage,
        addedSchemaObjects: schema.added,
        failedIndexes,
        isSound: Object.values(check ?? {})[0] === "ok",
        foreignKeyViolations: connection.all("pragma foreign_key_check").length,
      };
    } finally {
      created.connection.close();
      ledger.close();
    }
  } finally {
    main.close();
    wal?.close();
    await clear();
  }
}

const PAGES_PER_TICK = 4096;

function ticker(input: SalvageInput, pages: number): (stage: Stage, done: number) => void {
  return (stage, done) => {
    if (done % PAGES_PER_TICK !== 0) return;
    if (input.signal?.aborted) throw new SalvageStoppedError();
    input.onProgress?.(stage, done, pages);
  };
}

function count(connection: Connection, sql: string): number {
  return Number(connection.all(sql)[0]?.n ?? 0);
}

/**
 * Writes the rows of which only a part was read and that nothing else had, closed where they break off. How many of each
 * session; those of projects under `""`.
 */
function writeUnfinished(connection: Connection, ledger: Ledger): ReadonlyMap<string, number> {
  const written = new Map<string, number>();
  const count = (session: string, rows: number) => {
    if (rows > 0) written.set(session, (written.get(session) ?? 0) + rows);
  };
  const columnsOf = new Map<string, string[]>();
  for (const { table, rowID, record } of ledger.unfinished()) {
    const columns =
      columnsOf.get(table) ?? connection.all(`pragma table_info("${table}")`).map((row) => String(row.name));
    columnsOf.set(table, columns);
    const value = (name: string) => record.values[columns.indexOf(name)];
    const text = (name: string) => {
      const bytes = value(name);
      return bytes instanceof Uint8Array ? textOf(bytes) : null;
    };
    const data = value("data");
    const said = data instanceof Uint8Array ? textBeginning(data) : "";
    const time = (name: string) => Math.trunc(Number(value(name)) || 0);
    const around = { created: time("time_created"), updated: time("time_updated") };
    const kind = table === "part" || table === "message" ? table : "session";
    const id = soundID(text("id")) ?? ledger.idAt(kind, rowID) ?? soundBeginning(text("id"));
    const above = (column: "message_id" | "session_id") =>
      soundID(text(column)) ?? ledger.above(id, column) ?? soundBeginning(text(column));
    const message = above("message_id");
    const session =
      soundID(text("session_id")) ??
      sessionOf(connection, message) ??
      // The message's row may be gone as well, and only an index tell of it.
      ledger.above(message, "session_id") ??
      above("session_id");
    if (table === "part" && id !== null && message !== null && session !== null) {
      const rows = connection.run(
        "insert or ignore into part (id, message_id, session_id, time_created, time_updated, data) values (?, ?, ?, ?, ?, ?)",
        ...[id, message, session, around.created, around.updated],
        JSON.stringify(closedPart(said, around) ?? lostPart()),
      );
      count(session, rows);
      if (rowID !== null) ledger.took(table, rowID, id);
    } else if (table === "message" && id !== null && session !== null) {
      const rows = connection.run(
        "insert or ignore into message (id, session_id, time_created, time_updated, data) values (?, ?, ?, ?, ?)",
        ...[id, session, around.created, around.updated],
        JSON.stringify(closedMessage(said, around)),
      );
      count(session, rows);
      if (rowID !== null) ledger.took(table, rowID, id);
    } else if (table === "session" || table === "project") {
      count(table === "session" ? (id ?? "") : "", writeListed(connection, table, columns, record));
    }
  }
  return written;
}

function soundBeginning(id: string | null): string | null {
  return /^[\x21-\x7e]+/.exec(id ?? "")?.[0] ?? null;
}

function sessionOf(connection: Connection, messageID: string | null): string | null {
  const [row] = connection.all("select session_id as session from message where id = ?", messageID);
  return typeof row?.session === "string" ? row.session : null;
}

/** A session's or project's row with those of its values that are sound. Without one that it needs it is made anew. */
function writeListed(
  connection: Connection,
  table: string,
  columns: readonly string[],
  { values }: SqliteRecord,
): number {
  const known = columns.flatMap((name, index) => {
    const value = values[index];
    if (value === undefined || value === null || !isSound(table, name, value)) return [];
    return [[name, value instanceof Uint8Array ? textOf(value) : value] as const];
  });
  if (known.length === 0) return 0;
  const names = known.map(([name]) => `"${name}"`).join(", ");
  const places = known.map(() => "?").join(", ");
  const bound = known.map(([, value]) => value);
  return connection.run(`insert or ignore into "${table}" (${names}) values (${places})`, ...bound);
}

/** What is known of losses besides the rows. */
interface Known {
  /** Sessions whose own row came through. */
  readonly before: ReadonlySet<string>;
  readonly losses: readonly TableLoss[];
  /** By session: messages that only their parts name. */
  readonly unnamed: ReadonlyMap<string, number>;
  /** By session: records that were cut off. */
  readonly cut: ReadonlyMap<string, number>;
  readonly logIsWhole: boolean;
}

/** By session: messages of which only parts tell, no index. The ledger is attached. */
function unnamedMessages(connection: Connection): ReadonlyMap<string, number> {
  // An id that was overwritten in part names no message.
  const rows = connection.all(`select session_id as id, count(distinct message_id) as n from part
    where message_id not in (select id from message) and length(message_id) = 30 and message_id glob 'msg_*'
      and substr(message_id, 5) not glob '*[^0-9A-Za-z]*'
      and message_id not in (select id from ledger.named where kind = 'message' and sources > 0 and id is not null)
    group by 1`);
  return new Map(rows.map((row) => [String(row.id), Number(row.n)]));
}

/** Tables of which every row must be accounted for, if nothing of a session is to be lost. */
const CONVERSATION = ["message", "part", "event"];

/** What came through of each session, and how many records of it are nowhere. */
function outcomes(connection: Connection, known: Known): SessionOutcome[] {
  const { before, losses, unnamed, cut, logIsWhole } = known;
  const tally = (sql: string) => new Map(connection.all(sql).map((row) => [String(row.id), Number(row.n)]));
  const messages = tally("select session_id as id, count(*) as n from message group by 1");
  const parts = tally("select session_id as id, count(*) as n from part group by 1");
  return connection.all("select id from session order by id").map((row) => {
    const sessionID = String(row.id);
    const lost = losses.map(({ table, ofSession }) => ({ table, ...ofSession(sessionID) }));
    const of = (table: string) => lost.find((loss) => loss.table === table)?.count ?? 0;
    // Where the messages are counted, a part with another message's id is one whose id is damaged.
    const messagesAreCounted = lost.some(({ table, isCounted }) => table === "message" && isCounted);
    const lostMessages = of("message") + (messagesAreCounted ? 0 : (unnamed.get(sessionID) ?? 0));
    const lostParts = of("part");
    const lostOthers = lost.reduce((sum, { count }) => sum + count, 0) - of("message") - lostParts;
    const cutRecords = cut.get(sessionID) ?? 0;
    const isCounted = logIsWhole && lost.every(({ table, isCounted }) => isCounted || !CONVERSATION.includes(table));
    const isRebuilt = !before.has(sessionID);
    return {
      sessionID,
      messages: messages.get(sessionID) ?? 0,
      parts: parts.get(sessionID) ?? 0,
      lostMessages,
      lostParts,
      lostOthers,
      cutRecords,
      isCounted,
      isRebuilt,
      isWhole: isCounted && !isRebuilt && lostMessages + lostParts + lostOthers + cutRecords === 0,
    };
  });
}

function lossesOfAll(
  sessions: readonly SessionOutcome[],
  losses: readonly TableLoss[],
  logIsWhole: boolean,
): Pick<SalvageReport, "lostSessions" | "lostOfUnknown" | "lostRows"> {
  const there = new Set(sessions.map(({ sessionID }) => sessionID));
  const lost = (table: string) => losses.find((loss) => loss.table === table);
  const named = new Set(["session", "message", "part"].flatMap((table) => lost(table)?.sessionIDs ?? []));
  const gone = [...named].filter((id) => !there.has(id)).length;
  const all = lost("session")?.all ?? { count: 0, isCounted: false };
  const ofUnknown = (table: string) => lost(table)?.ofUnknown ?? 0;
  return {
    // A row without an id may be that of a session which other rows name.
    lostSessions: { count: gone, isCounted: logIsWhole && all.isCounted && ofUnknown("session") === 0 },
    lostOfUnknown: { messages: ofUnknown("message"), parts: ofUnknown("part") },
    lostRows: Object.fromEntries(losses.flatMap(({ table, all: { count } }) => (count > 0 ? [[table, count]] : []))),
  };
}
