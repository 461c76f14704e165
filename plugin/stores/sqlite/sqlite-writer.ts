import { makePrivateDirectory } from "../../files/durable.ts";
import type { FileSystem } from "../../files/file-system.ts";
import { sha256 } from "../../files/hash.ts";
import type { ManifestItem } from "../../quarantine/manifest.ts";
import type { RunFolder } from "../../quarantine/vault.ts";
import { isFileLocator, locatorText } from "../artifact.ts";
import {
  type ItemOutcome,
  itemNumber,
  type Observed,
  type Operation,
  type Prepared,
  type SafetyCopy,
  StoreRefusedError,
  type StoreWriter,
} from "../writer.ts";
import type { Connection } from "./driver.ts";
import {
  type CapturedRow,
  type CellValue,
  captureRow,
  deleteRow,
  insertRow,
  rowHash,
  sameCell,
  updateCell,
} from "./row.ts";
import { loadRow, saveRow } from "./row-item.ts";
import type { JsonColumn, Schema } from "./schema.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/** opencode waits 5 s for a lock and then fails: a transaction of ours does not touch more rows than this at once. */
const ITEMS_PER_TRANSACTION = 100;

type Table = JsonColumn["table"];

interface RowPlace {
  readonly table: Table;
  readonly key: { readonly id: string };
  readonly column: string;
  readonly whenSetAside: JsonColumn["whenSetAside"];
}

/** Sets rows and single values of opencode 1.2-1.18 aside: captured exactly, then removed in short transactions. */
export class SqliteWriter implements StoreWriter {
  readonly #files: FileSystem;
  readonly #connection: Connection;
  readonly #schema: Schema;

  private constructor(files: FileSystem, connection: Connection, schema: Schema) {
    this.#files = files;
    this.#connection = connection;
    this.#schema = schema;
  }

  /** @throws StoreRefusedError where the database cannot be opened for writing */
  static open(files: FileSystem, open: () => Connection, schema: Schema): SqliteWriter {
    const connection = refusing(attempt(open));
    try {
      connection.exec("pragma busy_timeout = 2000");
      connection.exec("pragma foreign_keys = on");
      connection.exec("pragma synchronous = full");
      return new SqliteWriter(files, connection, schema);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async prepare(operations: readonly Operation[], run: RunFolder): Promise<Prepared> {
    const items: ManifestItem[] = [];
    const skipped: Prepared["skipped"] = [];
    const taken = new Set<string>();
    const inOrder = [...operations].sort((a, b) => rank(a.kind) - rank(b.kind));
    for (const operation of inOrder) {
      if (taken.has(locatorText(operation.locator))) continue;
      const captured = this.#capture(operation);
      if (typeof captured === "string") {
        skipped.push({ operation, reason: captured });
        continue;
      }
      const { place, row } = captured;
      const item = await this.#saveItem(itemNumber(items.length), operation, place, row, run.path);
      items.push(item);
      if (place.table !== "message") continue;
      for (const part of this.#partsOf(place.key.id)) {
        const follower = operations.find((each) => locatorText(each.locator) === `part:id=${part}`);
        const partPlace: RowPlace = { table: "part", key: { id: part }, column: "data", whenSetAside: "row" };
        const partRow = this.#captureRow(partPlace);
        if (partRow === null) continue;
        taken.add(`part:id=${part}`);
        const described: Operation = follower ?? { ...operation, kind: "part", recordID: part };
        const id = itemNumber(items.length);
        items.push({ ...(await this.#saveItem(id, described, partPlace, partRow, run.path)), partOf: item.id });
      }
    }
    return { items, skipped };
  }

  async setAside(items: readonly ManifestItem[], _folder: string): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (const batch of batches(items)) {
      outcomes.push(...this.#transaction(() => batch.flatMap((group) => this.#setGroupAside(group))));
    }
    return outcomes;
  }

  async putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    const inOrder = [...items].sort((a, b) => rank(a.kind) - rank(b.kind));
    for (let start = 0; start < inOrder.length; start += ITEMS_PER_TRANSACTION) {
      const loaded: { item: ManifestItem; row: CapturedRow | null }[] = [];
      for (const item of inOrder.slice(start, start + ITEMS_PER_TRANSACTION)) {
        loaded.push({ item, row: await this.#load(item, folder) });
      }
      outcomes.push(...this.#transaction(() => loaded.map(({ item, row }) => this.#putOneBack(item, row))));
    }
    return outcomes;
  }

  /** Where the live row is another one now, the captured bytes are the only ones left: they count as set aside. */
  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    const place = this.#placeOf(item.locator);
    if (place !== null && this.#isLive(item, place)) return "live";
    return (await this.#load(item, folder)) === null ? "nowhere" : "set-aside";
  }

  /** A captured row is a copy from the beginning; it stays as evidence of the run. */
  async discardDuplicate(): Promise<void> {}

  /** The rows to be changed are items already; their session row completes what is needed to load them again. */
  async copyForSafety(sessionID: string, _operations: readonly Operation[], folder: string): Promise<SafetyCopy> {
    const row = captureRow(this.#connection, "session", this.#schema.tables.get("session") ?? [], { id: sessionID });
    if (row === null) return { state: "skipped", reason: "there is no session row" };
    const safety = await makePrivateDirectory(this.#files, folder, "safety");
    const cells = Object.fromEntries([...row.cells].map(([name, cell]) => [name, plainCell(cell)]));
    const text = Buffer.from(`${JSON.stringify({ table: "session", rowID: row.rowID, columns: cells }, null, 2)}\n`);
    if ((await this.#files.freeBytes(folder)) < 2 * text.length)
      return { state: "skipped", reason: "not enough space" };
    await this.#files.writeNew(`${safety}/session.json`, text, 0o600);
    return { state: "complete", files: 1, bytes: text.length };
  }

  close(): void {
    this.#connection.close();
  }

  #capture(operation: Operation): { place: RowPlace; row: CapturedRow } | string {
    const place = this.#placeOf(operation.locator);
    const row = place === null ? null : this.#captureRow(place);
    if (place === null || row === null) return "it is no longer there";
    const cell = row.cells.get(place.column);
    if (cell === undefined || !("bytes" in cell) || sha256(cell.bytes) !== operation.seen.sha256) {
      return "it changed since it was checked";
    }
    return { place, row };
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
    place: RowPlace,
    row: CapturedRow,
    folder: string,
  ): Promise<ManifestItem> {
    const original = await saveRow(this.#files, folder, id, place.key.id, place.column, row);
    const { table, key, column } = place;
    const replaced = replacementCell(place);
    return {
      id,
      kind: operation.kind,
      recordID: operation.recordID,
      locator: place.whenSetAside === "row" ? { table, key } : { table, key, column },
      code: operation.code,
      evidence: operation.evidence,
      remedy: operation.remedy,
      state: "planned",
      original,
      ...(replaced === null ? {} : { replacement: describeReplacement(place, replaced) }),
    };
  }

  #setGroupAside(group: readonly ManifestItem[]): ItemOutcome[] {
    const places = group.map((item) => this.#placeOf(item.locator));
    const unchanged = group.every((item, index) => {
      const place = places[index];
      return place != null && this.#isLive(item, place);
    });
    if (!unchanged || !this.#isWholeGroup(group)) {
      return group.map(({ id }) => ({ id, state: "skipped", reason: "it changed since it was checked" }));
    }
    // Parts before their message: what leaves is exactly what was captured, not what a cascade takes along.
    for (const place of [...places].reverse()) {
      if (place === null) continue;
      const replaced = replacementCell(place);
      if (replaced === null) deleteRow(this.#connection, place.table, place.key);
      else updateCell(this.#connection, place.table, place.key, place.column, replaced);
    }
    return group.map(({ id }) => ({ id, state: "done" }));
  }

  /** Whether the row, or of a single value that value, is still what was captured. */
  #isLive(item: ManifestItem, place: RowPlace): boolean {
    const row = this.#captureRow(place);
    if (row === null) return false;
    if (place.whenSetAside === "row") return rowHash(row) === item.original.row?.sha256;
    const cell = row.cells.get(place.column);
    const storage = item.original.row?.columns[place.column]?.storage;
    return (
      cell !== undefined && "bytes" in cell && cell.storage === storage && sha256(cell.bytes) === item.original.sha256
    );
  }

  #isWholeGroup(group: readonly ManifestItem[]): boolean {
    const message = group[0];
    if (message?.kind !== "message" || isFileLocator(message.locator)) return true;
    const captured = group.slice(1).map((item) => item.recordID);
    const live = this.#partsOf(message.locator.key.id);
    return live.length === captured.length && live.every((id) => captured.includes(id));
  }

  async #load(item: ManifestItem, folder: string): Promise<CapturedRow | null> {
    if (item.original.row === undefined || isFileLocator(item.locator)) return null;
    const row = await loadRow(this.#files, folder, item.locator.table, item.original.row);
    const columns = this.#schema.tables.get(item.locator.table) ?? [];
    const id = row?.cells.get("id");
    const sameID = id !== undefined && "bytes" in id && Buffer.from(id.bytes).toString("utf8") === item.locator.key.id;
    return row !== null && sameID && [...row.cells.keys()].every((name) => columns.includes(name)) ? row : null;
  }

  #putOneBack(item: ManifestItem, saved: CapturedRow | null): ItemOutcome {
    const skipped = (reason: string): ItemOutcome => ({ id: item.id, state: "skipped", reason });
    const place = this.#placeOf(item.locator);
    if (place === null || saved === null) return skipped("the quarantined copy is missing or has changed");
    const live = this.#captureRow(place);
    if (place.whenSetAside === "row") {
      if (live !== null) {
        return rowHash(live) === rowHash(saved)
          ? { id: item.id, state: "restored" }
          : skipped("something else is in its place now");
      }
      if (!this.#hasParent(saved)) return skipped("the record it belongs to is not there; restore that one first");
      insertRow(this.#connection, saved);
      return { id: item.id, state: "restored" };
    }
    const original = saved.cells.get(place.column);
    if (live === null || original === undefined) return skipped("the record it belongs to is gone");
    if (sameCell(live.cells.get(place.column), original)) return { id: item.id, state: "restored" };
    if (!sameCell(live.cells.get(place.column), replacementCell(place) ?? undefined)) {
      return skipped("something else is in its place now");
    }
    updateCell(this.#connection, place.table, place.key, place.column, original);
    return { id: item.id, state: "restored" };
  }

  #hasParent(row: CapturedRow): boolean {
    const [table, column] = row.table === "part" ? ["message", "message_id"] : ["session", "session_id"];
    const cell = row.cells.get(column);
    if (cell === undefined || !("bytes" in cell)) return false;
    const id = Buffer.from(cell.bytes).toString("utf8");
    return this.#connection.all(`select 1 from "${table}" where id = ?`, id).length > 0;
  }

  /** The place of a locator as this database has it; `null` for a table or column that this tool does not write. */
  #placeOf(locator: Operation["locator"] | ManifestItem["locator"]): RowPlace | null {
    if (isFileLocator(locator)) return null;
    const column = locator.column ?? "data";
    const known = this.#schema.jsonColumns.find((each) => each.table === locator.table && each.column === column);
    const id = locator.key.id;
    if (known === undefined || id === undefined) return null;
    return { table: known.table, key: { id }, column, whenSetAside: known.whenSetAside };
  }

  #transaction<T>(work: () => T): T {
    try {
      this.#connection.exec("begin immediate");
      const result = work();
      this.#connection.exec("commit");
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
      return new StoreRefusedError("failed", "The disk is full. Free some space and run the repair again.");
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

/** Session and project values first, then messages, then parts: parents before what hangs on them. */
function rank(kind: Operation["kind"]): number {
  return kind === "part" ? 2 : kind === "message" ? 1 : 0;
}

/** Groups (a message with its parts, or a single item), gathered to transactions of bounded size. */
function batches(items: readonly ManifestItem[]): ManifestItem[][][] {
  const groups = new Map<string, ManifestItem[]>();
  for (const item of items) {
    const leader = item.partOf ?? item.id;
    groups.set(leader, [...(groups.get(leader) ?? []), item]);
  }
  const gathered: ManifestItem[][][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const group of groups.values()) {
    if (size + group.length > ITEMS_PER_TRANSACTION) {
      gathered.push([]);
      size = 0;
    }
    gathered.at(-1)?.push(group);
    size += group.length;
  }
  return gathered;
}

function replacementCell(place: RowPlace): CellValue | null {
  if (place.whenSetAside === "row") return null;
  if (place.whenSetAside === null) return { storage: "null" };
  return { storage: "text", bytes: Buffer.from(place.whenSetAside, "utf8") };
}

function describeReplacement(place: RowPlace, cell: CellValue): NonNullable<ManifestItem["replacement"]> {
  const bytes = "bytes" in cell ? cell.bytes : new Uint8Array();
  return {
    source: "the value that opencode writes where there is none",
    sha256: sha256(bytes),
    value: place.whenSetAside === "row" ? null : place.whenSetAside,
  };
}

function plainCell(cell: CellValue): Record<string, string> {
  if ("bytes" in cell) return { storage: cell.storage, base64: Buffer.from(cell.bytes).toString("base64") };
  return { ...cell };
}
