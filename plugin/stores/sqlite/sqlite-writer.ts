import type { ManifestItem, RunFolder } from "../../model/manifest-item.ts";
import { makePrivateDirectory } from "../../platform/durable.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import type { ItemOutcome, Observed, Operation, Prepared, PrepareOptions, SafetyCopy, StoreWriter } from "../writer.ts";
import { isAdded } from "./added-rows.ts";
import type { Connection } from "./driver.ts";
import { LiveRows } from "./live-rows.ts";
import { type CapturedRow, captureRow } from "./row.ts";
import { RowChanges, rank } from "./row-changes.ts";
import { plainRow } from "./row-item.ts";
import { groupsOf, RowsAside } from "./rows-aside.ts";
import { isOrphan, isPlaced, RowsBack } from "./rows-back.ts";
import type { Schema } from "./schema.ts";
import { isAddition, SessionAdditions } from "./session-additions.ts";
import { isTableItem, TableItems } from "./table-items.ts";
import { WriteConnection } from "./write-connection.ts";

/** The largest number of saved rows that are in memory at the same time. */
const ROWS_AT_ONCE = 100;

/**
 * Quarantines rows and single values in databases of opencode 1.2-1.18. Each row is first saved exactly as it is, and
 * then removed in a short transaction.
 */
export class SqliteWriter implements StoreWriter {
  readonly #files: FileSystem;
  readonly #database: WriteConnection;
  readonly #rows: LiveRows;
  readonly #additions: SessionAdditions;
  readonly #tables: TableItems;
  readonly #changes: RowChanges;
  readonly #aside: RowsAside;
  readonly #back: RowsBack;

  private constructor(files: FileSystem, database: WriteConnection, schema: Schema) {
    this.#files = files;
    this.#database = database;
    this.#rows = new LiveRows(database.connection, schema);
    this.#additions = new SessionAdditions(files, this.#rows);
    this.#tables = new TableItems(files, database.connection);
    this.#changes = new RowChanges(files, this.#rows, this.#additions, this.#tables);
    this.#aside = new RowsAside(this.#rows, this.#changes);
    this.#back = new RowsBack(files, this.#rows);
  }

  /**
   * Opens a database for changes.
   * @throws StoreRefusedError if the database cannot be opened for writing
   */
  static open(files: FileSystem, open: () => Connection, schema: Schema): SqliteWriter {
    return new SqliteWriter(files, WriteConnection.open(files, open), schema);
  }

  prepare(operations: readonly Operation[], run: RunFolder, how?: PrepareOptions): Promise<Prepared> {
    return this.#changes.prepare(operations, run, how);
  }

  async setAside(items: readonly ManifestItem[], _folder: string): Promise<ItemOutcome[]> {
    return this.#database.forced(() => this.#setAllAside(items));
  }

  async #setAllAside(items: readonly ManifestItem[]): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    // Tables that lack a column or a record of a migration are completed first, because opencode fails without them
    // whatever else is repaired.
    for (const item of items.filter(isTableItem))
      outcomes.push(this.#database.transaction(() => this.#tables.apply(item)));
    for (const item of items.filter(isAddition))
      outcomes.push(this.#database.transaction(() => this.#additions.add(item)));
    const groups = groupsOf(items.filter((item) => !isAddition(item) && !isTableItem(item)));
    const aside = await this.#database.inShortTransactions(groups, (group) => this.#aside.setGroupAside(group));
    return [...outcomes, ...aside];
  }

  async putBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    return this.#database.forced(() => this.#putAllBack(items, folder));
  }

  async #putAllBack(items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (const item of items.filter(isAddition)) {
      const listed = await this.#additions.listed(item, folder);
      outcomes.push(this.#database.transaction(() => this.#additions.takeAway(item, listed)));
    }
    for (const item of items.filter(isTableItem)) {
      const listed = await this.#tables.listing(item, folder);
      // An added counter of events is removed again without its events, which existed before.
      const undo = async () => this.#database.transaction(() => this.#tables.undo(item, listed));
      outcomes.push(await this.#database.withoutCascades(undo));
    }
    const inOrder = items
      .filter((item) => !isAddition(item) && !isTableItem(item))
      .sort((a, b) => rank(a.kind) - rank(b.kind));
    for (let start = 0; start < inOrder.length; start += ROWS_AT_ONCE) {
      if (start > 0) await this.#database.giveWay();
      const loaded: { item: ManifestItem; row: CapturedRow | null }[] = [];
      for (const item of inOrder.slice(start, start + ROWS_AT_ONCE)) {
        loaded.push({ item, row: await this.#back.load(item, folder) });
      }
      const putBack = () =>
        this.#database.inShortTransactions(loaded, ({ item, row }) => [this.#back.putOneBack(item, row)]);
      const mayCascade = loaded.some(({ item }) => item.original === null || isPlaced(item) || isOrphan(item));
      outcomes.push(...(await (mayCascade ? this.#database.withoutCascades(putBack) : putBack())));
    }
    return outcomes;
  }

  /** Does nothing: SQLite rolls back an interrupted transaction by itself. */
  async settle(): Promise<void> {}

  /**
   * Where the bytes of an item are now. If the row in the database has changed, the saved bytes are the only copy, so
   * the item counts as quarantined.
   */
  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    if (isTableItem(item)) return this.#tables.observe(item, folder);
    if (isAddition(item)) {
      const listed = await this.#additions.listed(item, folder);
      if (listed === null) return "nowhere";
      return isAdded(this.#database.connection, listed) ? "set-aside" : "live";
    }
    const place = this.#rows.placeOf(item.locator);
    if (place !== null && this.#rows.isLive(item, place)) return "live";
    if (item.original === null) return "set-aside";
    return (await this.#back.load(item, folder)) === null ? "nowhere" : "set-aside";
  }

  /** Does nothing. After an interruption, a moved file may have two names, but a saved row is always a copy. */
  async finish(): Promise<void> {}

  /**
   * Saves the session's own row. The rows that the repair changes are saved as manifest items anyway. With all these
   * saved rows, the session can be loaded again.
   */
  async copyForSafety(sessionID: string, _operations: readonly Operation[], folder: string): Promise<SafetyCopy> {
    const { tables } = this.#rows.schema;
    const table = ["session", "session_v2"].find((name) => tables.has(name)) ?? "session";
    const row = captureRow(this.#database.connection, table, tables.get(table) ?? [], { id: sessionID });
    if (row === null) return { state: "skipped", reason: "there is no session row" };
    const safety = await makePrivateDirectory(this.#files, folder, "safety");
    const text = plainRow(row);
    if ((await this.#files.freeBytes(folder)) < 2 * text.length)
      return { state: "skipped", reason: "not enough space" };
    await this.#files.writeNew(`${safety}/session.json`, text, 0o600);
    return { state: "complete", files: 1, bytes: text.length };
  }

  close(): void {
    this.#database.connection.close();
  }
}
