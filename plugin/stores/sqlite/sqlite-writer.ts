import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CellValue, isFileLocator, locatorText } from "../../model/artifact.ts";
import type { NewRow, Replacement } from "../../model/replacement.ts";
import { makePrivateDirectory } from "../../platform/durable.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { sha256 } from "../../platform/hash.ts";
import { bundledFiles, type ItemFiles, separateFiles } from "../../quarantine/item-files.ts";
import { type ManifestItem, recordedFields } from "../../quarantine/manifest.ts";
import type { RunFolder } from "../../quarantine/vault.ts";
import { writeItem } from "../../quarantine/vault.ts";
import { withFields } from "../../records/fields.ts";
import {
  CHANGED_SINCE,
  DISK_FULL,
  GONE_SINCE,
  type ItemOutcome,
  itemFileName,
  itemNumber,
  type Observed,
  type Operation,
  type Prepared,
  type PrepareOptions,
  type SafetyCopy,
  StoreRefusedError,
  type StoreWriter,
} from "../writer.ts";
import { addRows, isAdded, type Listing, listingOf, parseListing, removeRows, rowsFor } from "./added-rows.ts";
import type { Connection } from "./driver.ts";
import { type CapturedRow, captureRow, deleteRow, insertRow, rowHash, updateCells } from "./row.ts";
import { cellDigest, holdsCells, loadRow, plainRow, replacedHash, saveRow } from "./row-item.ts";
import { type JsonColumn, quoted, type Schema } from "./schema.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/** Nobody else can write during a transaction: after so many milliseconds it is committed, and another one begins. */
const LONGEST_TRANSACTION_MS = 5;

/** Rows that are held in memory at once. */
const ROWS_AT_ONCE = 100;

const MOST_PAUSE_MS = 100;

type Table = JsonColumn["table"];

interface RowPlace {
  readonly table: Table;
  readonly key: { readonly id: string };
  /** The value that was judged; `null`: the row apart from its JSON values. */
  readonly column: string | null;
  /** What setting it aside alone leaves behind; `undefined`: it never goes without something in its place. */
  readonly whenSetAside: JsonColumn["whenSetAside"] | undefined;
}

type Cells = ReadonlyMap<string, CellValue>;

/** A prepared item, and the cells that take the place of its own; `null`: the row leaves. */
interface Change {
  readonly place: RowPlace;
  readonly cells: Cells | null;
}

/** A session to be added, and the list by which it can be told later. */
interface Addition {
  readonly listed: Listing;
  readonly rows: readonly CapturedRow[];
}

/** Sets rows and single values of opencode 1.2-1.18 aside: captured exactly, then removed in short transactions. */
export class SqliteWriter implements StoreWriter {
  readonly #files: FileSystem;
  readonly #connection: Connection;
  readonly #schema: Schema;
  /** Path of the log, where the database has one: it is forced to disk after the transactions, not inside of them. */
  readonly #log: string | null;
  /** How long the last transaction kept others from writing. */
  #heldMs = 0;
  readonly #changes = new WeakMap<ManifestItem, Change>();
  readonly #additions = new WeakMap<ManifestItem, Addition>();

  private constructor(files: FileSystem, connection: Connection, schema: Schema, log: string | null) {
    this.#files = files;
    this.#connection = connection;
    this.#schema = schema;
    this.#log = log;
  }

  /** @throws StoreRefusedError where the database cannot be opened for writing */
  static open(files: FileSystem, open: () => Connection, schema: Schema): SqliteWriter {
    const connection = refusing(attempt(open));
    try {
      connection.exec("pragma busy_timeout = 2000");
      connection.exec("pragma foreign_keys = on");
      const log = logOf(connection);
      connection.exec(`pragma synchronous = ${log === null ? "full" : "normal"}`);
      return new SqliteWriter(files, connection, schema, log);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async prepare(operations: readonly Operation[], run: RunFolder, how?: PrepareOptions): Promise<Prepared> {
    const first = how?.taken ?? 0;
    const saved = how?.inBundles === true ? bundledFiles(this.#files, run.path) : separateFiles(this.#files, run.path);
    const items: ManifestItem[] = [];
    const skipped: Prepared["skipped"] = [];
    const taken = new Set<string>();
    const inOrder = [...operations].sort((a, b) => rank(a.kind) - rank(b.kind));
    const places = new Map(inOrder.map((operation) => [operation, locatorText(operation.locator)]));
    const byPlace = new Map([...places].map(([operation, place]) => [place, operation]));
    for (const [operation, place] of places) {
      if (taken.has(place)) continue;
      const content = operation.replacement?.content;
      if (content !== undefined && "rows" in content) {
        items.push(await this.#prepareAddition(itemNumber(first + items.length), operation, content.rows, run.path));
        continue;
      }
      const prepared = await this.#prepareOne(itemNumber(first + items.length), operation, saved);
      if (typeof prepared === "string") {
        skipped.push({ operation, reason: prepared });
        continue;
      }
      items.push(prepared.item);
      if (prepared.change.place.table !== "message" || prepared.change.cells !== null) continue;
      for (const part of this.#partsOf(prepared.change.place.key.id)) {
        const follower = byPlace.get(`part:id=${part}`);
        taken.add(`part:id=${part}`);
        const place: RowPlace = { table: "part", key: { id: part }, column: "data", whenSetAside: "row" };
        const row = this.#captureRow(place);
        if (row === null) continue;
        const described: Operation = follower ?? { ...operation, kind: "part", recordID: part };
        const number = itemNumber(first + items.length);
        const alone = await this.#saveItem(number, described, { place, cells: null }, row, saved);
        const item = { ...alone, partOf: prepared.item.id };
        this.#changes.set(item, { place, cells: null });
        items.push(item);
      }
    }
    await saved.flush();
    return { items, skipped };
  }

  async setAside(items: readonly ManifestItem[], _folder: string): Promise<ItemOutcome[]> {
    return this.#forced(() => this.#setAllAside(items));
  }

  async #setAllAside(items: readonly ManifestItem[]): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (const item of items.filter(isAddition)) outcomes.push(this.#transaction(() => this.#add(item)));
    const groups = groupsOf(items.filter((item) => !isAddition(item)));
    outcomes.push(...(await this.#inShortTransactions(groups, (group) => this.#setGroupAside(group))));
    return outcomes;
  }

  async putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    return this.#forced(() => this.#putAllBack(items, folder));
  }

  async #putAllBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (const item of items.filter(isAddition)) {
      const listed = await this.#listed(item, folder);
      outcomes.push(this.#transaction(() => this.#takeAway(item, listed)));
    }
    const inOrder = items.filter((item) => !isAddition(item)).sort((a, b) => rank(a.kind) - rank(b.kind));
    for (let start = 0; start < inOrder.length; start += ROWS_AT_ONCE) {
      if (start > 0) await this.#giveWay();
      const loaded: { item: ManifestItem; row: CapturedRow | null }[] = [];
      for (const item of inOrder.slice(start, start + ROWS_AT_ONCE)) {
        loaded.push({ item, row: await this.#load(item, folder) });
      }
      const putBack = () => this.#inShortTransactions(loaded, ({ item, row }) => [this.#putOneBack(item, row)]);
      const mayCascade = loaded.some(({ item }) => item.original === null || isPlaced(item));
      outcomes.push(...(await (mayCascade ? this.#withoutCascades(putBack) : putBack())));
    }
    return outcomes;
  }

  /** A transaction leaves nothing half done. */
  async settle(): Promise<void> {}

  /** Where the live row is another one now, the captured bytes are the only ones left: they count as set aside. */
  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    if (isAddition(item)) {
      const listed = await this.#listed(item, folder);
      if (listed === null) return "nowhere";
      return isAdded(this.#connection, listed) ? "set-aside" : "live";
    }
    const place = this.#placeOf(item.locator);
    if (place !== null && this.#isLive(item, place)) return "live";
    if (item.original === null) return "set-aside";
    return (await this.#load(item, folder)) === null ? "nowhere" : "set-aside";
  }

  /** A captured row is a copy from the beginning. */
  async finish(): Promise<void> {}

  /** The rows to be changed are items already; their session row completes what is needed to load them again. */
  async copyForSafety(sessionID: string, _operations: readonly Operation[], folder: string): Promise<SafetyCopy> {
    const row = captureRow(this.#connection, "session", this.#schema.tables.get("session") ?? [], { id: sessionID });
    if (row === null) return { state: "skipped", reason: "there is no session row" };
    const safety = await makePrivateDirectory(this.#files, folder, "safety");
    const text = plainRow(row);
    if ((await this.#files.freeBytes(folder)) < 2 * text.length)
      return { state: "skipped", reason: "not enough space" };
    await this.#files.writeNew(`${safety}/session.json`, text, 0o600);
    return { state: "complete", files: 1, bytes: text.length };
  }

  close(): void {
    this.#connection.close();
  }

  async #prepareOne(
    id: string,
    operation: Operation,
    saved: ItemFiles,
  ): Promise<{ item: ManifestItem; change: Change } | string> {
    const place = this.#placeOf(operation.locator);
    if (place === null) return GONE_SINCE;
    const row = this.#captureRow(place);
    if (operation.seen === null) {
      if (row !== null) return "something is in its place now";
    } else {
      if (row === null) return GONE_SINCE;
      if (seenHash(place, row) !== operation.seen.sha256) return CHANGED_SINCE;
    }
    const wanted = replacingCells(place, row, operation.replacement);
    // A row to be added may be known in more columns than the table has in this version.
    const cells = row === null && wanted instanceof Map ? this.#inTable(place.table, wanted) : wanted;
    if (cells === "unfit") return "what should take its place does not fit";
    const change = { place, cells };
    const item = await this.#saveItem(id, operation, change, row, saved);
    this.#changes.set(item, change);
    return { item, change };
  }

  /** A session with everything that hangs on it; what is added is listed in a file of its own. */
  async #prepareAddition(
    id: string,
    operation: Operation,
    rows: readonly NewRow[],
    folder: string,
  ): Promise<ManifestItem> {
    const captured = rowsFor(this.#schema, rows);
    const listed = listingOf(rows, captured);
    const text = Buffer.from(JSON.stringify(listed));
    const file = itemFileName(id, "rows.json");
    await writeItem(this.#files, folder, file, text);
    const item: ManifestItem = {
      id,
      kind: "session",
      recordID: operation.recordID,
      locator: { table: "session", key: { id: operation.recordID ?? "" } },
      code: operation.code,
      evidence: operation.evidence,
      remedy: operation.remedy,
      state: "planned",
      original: null,
      replacement: {
        source: operation.replacement?.source ?? "another store",
        sha256: sha256(text),
        file,
        bytes: text.length,
      },
    };
    this.#additions.set(item, { listed, rows: captured });
    return item;
  }

  #add(item: ManifestItem): ItemOutcome {
    const addition = this.#additions.get(item);
    const reason =
      addition === undefined ? "it was not prepared" : addRows(this.#connection, addition.listed, addition.rows);
    return reason === null ? { id: item.id, state: "done" } : { id: item.id, state: "skipped", reason };
  }

  #takeAway(item: ManifestItem, listed: Listing | null): ItemOutcome {
    if (listed === null) {
      return { id: item.id, state: "skipped", reason: "the list of what was added is missing or has changed" };
    }
    if (!isAdded(this.#connection, listed)) return { id: item.id, state: "restored" };
    const reason = removeRows(this.#connection, this.#schema, listed);
    return reason === null ? { id: item.id, state: "restored" } : { id: item.id, state: "skipped", reason };
  }

  /** The list of an addition, if it still is what the manifest says. */
  async #listed({ replacement, recordID }: ManifestItem, folder: string): Promise<Listing | null> {
    if (replacement?.file === undefined) return null;
    const bytes = await this.#files.read(join(folder, replacement.file));
    if (typeof bytes === "string" || sha256(bytes) !== replacement.sha256) return null;
    const listed = parseListing(bytes.toString("utf8"));
    const isOwn = listed?.rows.some(({ table, key }) => table === "session" && "id" in key && key.id === recordID);
    return isOwn === true ? listed : null;
  }

  #inTable(table: Table, cells: Cells): Cells {
    const columns = this.#schema.tables.get(table) ?? [];
    return new Map([...cells].filter(([name]) => columns.includes(name)));
  }

  #captureRow(place: RowPlace): CapturedRow | null {
    return captureRow(this.#connection, place.table, this.#schema.tables.get(place.table) ?? [], place.key);
  }

  #partsOf(messageID: string): string[] {
    return this.#connection
      .all("select id from part where message_id = ? order by id", messageID)
      .map((row) => String(row.id));
  }

  async #saveItem(
    id: string,
    operation: Operation,
    { place, cells }: Change,
    row: CapturedRow | null,
    saved: ItemFiles,
  ): Promise<ManifestItem> {
    const original = row === null ? null : await saveRow(saved, id, place.key.id, place.column, row);
    const { table, key, column } = place;
    return {
      id,
      kind: operation.kind,
      recordID: operation.recordID,
      locator: column === null || place.whenSetAside === "row" ? { table, key } : { table, key, column },
      code: operation.code,
      evidence: operation.evidence,
      remedy: operation.remedy,
      state: "planned",
      original,
      ...(cells === null
        ? {}
        : {
            replacement: {
              source: operation.replacement?.source ?? "the value that opencode writes where there is none",
              sha256: replacedHash(table, cells),
              ...(row === null ? {} : newKey(cells)),
              columns: Object.fromEntries([...cells].map(([name, cell]) => [name, cellDigest(cell)])),
              ...recordedFields(operation.replacement?.content),
            },
          }),
    };
  }

  #setGroupAside(group: readonly ManifestItem[]): ItemOutcome[] {
    const changes = group.map((item) => this.#changes.get(item));
    const unchanged = group.every((item, index) => {
      const change = changes[index];
      return change !== undefined && this.#isLive(item, change.place) && this.#isFree(item, change.place);
    });
    if (!unchanged || !this.#isWholeGroup(group)) {
      return group.map(({ id }) => ({ id, state: "skipped", reason: CHANGED_SINCE }));
    }
    // Parts before their message: what leaves is exactly what was captured, not what a cascade takes along.
    const outcomes = [...group].reverse().map((item): ItemOutcome => {
      const skipped = (reason: string): ItemOutcome => ({ id: item.id, state: "skipped", reason });
      const change = this.#changes.get(item);
      if (change === undefined) return skipped("it was not prepared");
      const { place, cells } = change;
      const row: CapturedRow = { table: place.table, rowID: null, cells: cells ?? new Map() };
      if (cells === null) deleteRow(this.#connection, place.table, place.key);
      else if (item.original === null) {
        if (!this.#hasParent(row)) return skipped("the record it belongs to is not there");
        insertRow(this.#connection, row);
      } else {
        if (isMoved(row) && !this.#hasParent(row)) return skipped("the record it belongs to is not there");
        if (cells.has("id") && this.#hasChildren(place)) return skipped("other records hang on its id");
        updateCells(this.#connection, place.table, place.key, cells);
      }
      return { id: item.id, state: "done" };
    });
    return outcomes.reverse();
  }

  /** Whether the row, or of a single value that value, is still what was captured. */
  #isLive(item: ManifestItem, place: RowPlace): boolean {
    const row = this.#captureRow(place);
    if (item.original === null) return row === null;
    if (row === null) return false;
    if (place.column === null || place.whenSetAside === "row") return rowHash(row) === item.original.row?.sha256;
    const cell = row.cells.get(place.column);
    const storage = item.original.row?.columns[place.column]?.storage;
    return (
      cell !== undefined && "bytes" in cell && cell.storage === storage && sha256(cell.bytes) === item.original.sha256
    );
  }

  /** Whether the key that a row is to get is nobody's. */
  #isFree({ replacement }: ManifestItem, place: RowPlace): boolean {
    return replacement?.key === undefined || this.#captureRow({ ...place, key: replacement.key }) === null;
  }

  #isWholeGroup(group: readonly ManifestItem[]): boolean {
    const message = group[0];
    if (message?.kind !== "message" || isFileLocator(message.locator) || message.replacement !== undefined) return true;
    const captured = new Set(group.slice(1).map((item) => item.recordID));
    const live = this.#partsOf(message.locator.key.id);
    return live.length === captured.size && live.every((id) => captured.has(id));
  }

  async #load(item: ManifestItem, folder: string): Promise<CapturedRow | null> {
    if (item.original?.row === undefined || isFileLocator(item.locator)) return null;
    const row = await loadRow(this.#files, folder, item.locator.table, item.original.row);
    const columns = this.#schema.tables.get(item.locator.table) ?? [];
    const id = row?.cells.get("id");
    const sameID = id !== undefined && "bytes" in id && Buffer.from(id.bytes).toString("utf8") === item.locator.key.id;
    return row !== null && sameID && [...row.cells.keys()].every((name) => columns.includes(name)) ? row : null;
  }

  #putOneBack(item: ManifestItem, saved: CapturedRow | null): ItemOutcome {
    const skipped = (reason: string): ItemOutcome => ({ id: item.id, state: "skipped", reason });
    const restored: ItemOutcome = { id: item.id, state: "restored" };
    const place = this.#placeOf(item.locator);
    if (place === null || (saved === null && item.original !== null)) {
      return skipped("the quarantined copy is missing or has changed");
    }
    const live = this.#captureRow(place);
    if (saved === null)
      return this.#takeBack(item, place, live) ? restored : skipped("it was changed since it was added");
    const replaced = item.replacement?.columns;
    if (replaced === undefined) {
      if (live !== null) {
        return rowHash(live) === rowHash(saved) ? restored : skipped("something else is in its place now");
      }
      if (!this.#hasParent(saved)) return skipped("the record it belongs to is not there; restore that one first");
      insertRow(this.#connection, saved);
      return restored;
    }
    const originals = new Map([...saved.cells].filter(([name]) => Object.hasOwn(replaced, name)));
    const key = item.replacement?.key;
    if (key !== undefined && live === null) {
      const renamed = this.#captureRow({ ...place, key });
      if (renamed === null || !holdsCells(renamed, replaced)) return skipped("something else is in its place now");
      updateCells(this.#connection, place.table, key, originals);
      return restored;
    }
    if (live === null || originals.size === 0) return skipped("the record it belongs to is gone");
    if (holdsCells(live, Object.fromEntries([...originals].map(([name, cell]) => [name, cellDigest(cell)])))) {
      return restored;
    }
    if (!holdsCells(live, replaced)) return skipped("something else is in its place now");
    updateCells(this.#connection, place.table, place.key, originals);
    return restored;
  }

  /** Removes a row that a repair added, if it still is what was added. */
  #takeBack(item: ManifestItem, place: RowPlace, live: CapturedRow | null): boolean {
    if (live === null) return true;
    if (!holdsCells(live, item.replacement?.columns ?? {})) return false;
    deleteRow(this.#connection, place.table, place.key);
    return true;
  }

  #hasParent(row: CapturedRow): boolean {
    const parent = PARENTS[row.table];
    if (parent === undefined) return true;
    const cell = row.cells.get(parent.column);
    if (cell === undefined || !("bytes" in cell)) return false;
    const id = Buffer.from(cell.bytes).toString("utf8");
    return this.#connection.all(`select 1 from "${parent.table}" where id = ?`, id).length > 0;
  }

  /** Whether rows of other tables name this one: it could not get another id. */
  #hasChildren({ table, key }: RowPlace): boolean {
    const naming = [...this.#schema.tables].filter(([, columns]) => columns.includes(`${table}_id`));
    return naming.some(([name]) => {
      const sql = `select 1 from ${quoted(name)} where ${quoted(`${table}_id`)} = ? limit 1`;
      return this.#connection.all(sql, key.id).length > 0;
    });
  }

  /** The place of a locator as this database has it; `null` for a table or column that this tool does not write. */
  #placeOf(locator: Operation["locator"] | ManifestItem["locator"]): RowPlace | null {
    if (isFileLocator(locator)) return null;
    const id = locator.key.id;
    if (id === undefined) return null;
    const isOneDocument = locator.table === "message" || locator.table === "part";
    const column = locator.column ?? (isOneDocument ? "data" : null);
    const known = this.#schema.jsonColumns.find(
      (each) => each.table === locator.table && (column === null || each.column === column),
    );
    if (known === undefined) return null;
    return { table: known.table, key: { id }, column, whenSetAside: column === null ? undefined : known.whenSetAside };
  }

  /** Goes alone: what hangs on its id stays, and it may go back to a place that names nothing. */
  async #withoutCascades<T>(work: () => Promise<T>): Promise<T> {
    this.#connection.exec("pragma foreign_keys = off");
    try {
      return await work();
    } finally {
      this.#connection.exec("pragma foreign_keys = on");
    }
  }

  /** What was committed is on disk before anything says so. A slow disk keeps nobody waiting for the lock meanwhile. */
  async #forced<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      // Opening the log is safe in opencode's process too: SQLite's locks are on other files.
      if (this.#log !== null && (await this.#files.stat(this.#log)) !== null) await this.#files.syncFile(this.#log);
    }
  }

  /** opencode, too, gets its turn at writing: as long a pause as the last transaction took. */
  async #giveWay(): Promise<void> {
    await sleep(Math.min(this.#heldMs, MOST_PAUSE_MS));
  }

  async #inShortTransactions<T>(units: readonly T[], work: (unit: T) => ItemOutcome[]): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (let rest = units; rest.length > 0; ) {
      if (rest !== units) await this.#giveWay();
      let done = 0;
      const some = this.#transaction(() => {
        const until = performance.now() + LONGEST_TRANSACTION_MS;
        const results: ItemOutcome[] = [];
        for (const unit of rest) {
          if (done > 0 && performance.now() > until) break;
          results.push(...work(unit));
          done += 1;
        }
        return results;
      });
      outcomes.push(...some);
      rest = rest.slice(done);
    }
    return outcomes;
  }

  #transaction<T>(work: () => T): T {
    try {
      this.#connection.exec("begin immediate");
      const since = performance.now();
      const result = work();
      this.#connection.exec("commit");
      this.#heldMs = performance.now() - since;
      return result;
    } catch (error) {
      try {
        this.#connection.exec("rollback");
      } catch {
        // SQLite has rolled back by itself, or the transaction never began.
      }
      throw error;
    }
  }
}

/** Path of a database's write-ahead log; `null` where it is kept in another way. */
function logOf(connection: Connection): string | null {
  const [mode] = connection.all("pragma journal_mode");
  const [main] = connection.all("select file from pragma_database_list where name = 'main'");
  return mode?.journal_mode === "wal" && typeof main?.file === "string" ? `${main.file}-wal` : null;
}

/** The same connection, its expected failures thrown as {@link StoreRefusedError}. */
function refusing(connection: Connection): Connection {
  return {
    all: (sql, ...values) => attempt(() => connection.all(sql, ...values)),
    run: (sql, ...values) => attempt(() => connection.run(sql, ...values)),
    exec: (sql) => attempt(() => connection.exec(sql)),
    close: () => connection.close(),
  };
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(error: unknown): unknown {
  switch (sqliteFailure(error)) {
    case "busy":
      return new StoreRefusedError("busy", "Another process is writing to the database.");
    case "full":
      return new StoreRefusedError("failed", DISK_FULL);
    case "read-only":
      return new StoreRefusedError("failed", "The database may only be read here.");
    case "io":
      return new StoreRefusedError(
        "failed",
        "The disk reported an error. Nothing was lost; back up before anything else.",
      );
    case "malformed":
    case "not-a-database":
      return new StoreRefusedError("failed", "The database is damaged inside; nothing is written to it.");
    case "cannot-open":
      return new StoreRefusedError("failed", "The database cannot be opened for writing.");
    case "other":
      return error;
  }
}

/** Parents before what hangs on them. */
function rank(kind: Operation["kind"]): number {
  return ["project", "session", "message", "part"].indexOf(kind);
}

const PARENTS: Readonly<Record<string, { readonly table: Table; readonly column: string }>> = {
  session: { table: "project", column: "project_id" },
  message: { table: "session", column: "session_id" },
  part: { table: "message", column: "message_id" },
};

/** Whether cells name another record that the row is to hang on. */
function isMoved({ table, cells }: CapturedRow): boolean {
  const parent = PARENTS[table];
  return parent !== undefined && cells.has(parent.column);
}

/** Whether an item's row got another id, or was hung on another record. */
function isPlaced({ replacement }: ManifestItem): boolean {
  const columns = Object.keys(replacement?.columns ?? {});
  return ["id", "message_id", "session_id", "project_id"].some((name) => columns.includes(name));
}

/** Whether an item stands for a session that was added as a whole. */
function isAddition({ original, replacement }: ManifestItem): boolean {
  return original === null && replacement?.file !== undefined;
}

/** What leaves together: a message with its parts, or a single item. */
function groupsOf(items: readonly ManifestItem[]): ManifestItem[][] {
  const groups = new Map<string, ManifestItem[]>();
  for (const item of items) {
    const leader = item.partOf ?? item.id;
    const group = groups.get(leader);
    if (group === undefined) groups.set(leader, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** SHA-256 of what was judged: the value, or the row. `null` where the value is neither text nor a BLOB. */
function seenHash(place: RowPlace, row: CapturedRow): string | null {
  if (place.column === null) return rowHash(row);
  const cell = row.cells.get(place.column);
  return cell !== undefined && "bytes" in cell ? sha256(cell.bytes) : null;
}

/** The cells that take the place of what stands there; `null`: the row leaves. */
function replacingCells(
  place: RowPlace,
  row: CapturedRow | null,
  replacement: Replacement | null,
): Cells | null | "unfit" {
  if (replacement === null) {
    if (place.whenSetAside === undefined || place.column === null || row === null) return "unfit";
    if (place.whenSetAside === "row") return null;
    return new Map([[place.column, place.whenSetAside === null ? NULL : textCell(place.whenSetAside)]]);
  }
  const { content } = replacement;
  if ("bytes" in content || "rows" in content) return "unfit";
  if ("cells" in content) return content.cells;
  const cell = place.column === null ? undefined : row?.cells.get(place.column);
  if (place.column === null || cell === undefined || !("bytes" in cell)) return "unfit";
  const document: unknown = JSON.parse(Buffer.from(cell.bytes).toString("utf8"));
  const completed = withFields(document, content.fields);
  return completed === null ? "unfit" : new Map([[place.column, textCell(JSON.stringify(completed.value))]]);
}

/** The key of a row that gets another id. */
function newKey(cells: Cells): { key?: { id: string } } {
  const id = cells.get("id");
  return id !== undefined && "bytes" in id ? { key: { id: Buffer.from(id.bytes).toString("utf8") } } : {};
}

const NULL: CellValue = { storage: "null" };

function textCell(text: string): CellValue {
  return { storage: "text", bytes: Buffer.from(text, "utf8") };
}
