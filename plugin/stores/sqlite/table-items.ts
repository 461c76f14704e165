import { basename, join } from "node:path";
import type { ManifestItem } from "../../model/manifest-item.ts";
import type { TableChange } from "../../model/replacement.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { sha256 } from "../../platform/hash.ts";
import { CHANGED_SINCE, type ItemOutcome, type Observed, type Operation } from "../writer.ts";
import type { Connection } from "./driver.ts";
import { listedItem } from "./listed-item.ts";
import { changeTable, isAsBefore, parseTableListing, type TableListing, undoTableChange } from "./table-change.ts";

interface PreparedChange {
  readonly change: TableChange;
  readonly listed: TableListing;
}

/** Whether a manifest item is a table of opencode (such as its journal of migrations) that a repair completed. */
export function isTableItem({ kind }: ManifestItem): boolean {
  return kind === "table";
}

/**
 * The manifest items of repairs that complete a table of opencode. Each change is first tried in a transaction that is
 * rolled back, to record its result.
 */
export class TableItems {
  readonly #files: FileSystem;
  readonly #connection: Connection;
  readonly #prepared = new WeakMap<ManifestItem, PreparedChange>();

  constructor(files: FileSystem, connection: Connection) {
    this.#files = files;
    this.#connection = connection;
  }

  /** Prepares a change to a table. If the table has changed since it was checked, the result is a text that says so. */
  async prepare(id: string, operation: Operation, change: TableChange, folder: string): Promise<ManifestItem | string> {
    const listed = this.#tried(change);
    if (listed === null) return CHANGED_SINCE;
    const locator = { path: `${this.#databaseName()}:${change.table}` };
    const what = { id, kind: "table", recordID: change.table, locator } as const;
    const named = { ...what, name: "table.json", source: "the opencode that uses the database" };
    const item = await listedItem(this.#files, folder, listed, named, operation);
    this.#prepared.set(item, { change, listed });
    return item;
  }

  /** Makes a prepared change inside the caller's transaction. */
  apply(item: ManifestItem): ItemOutcome {
    const prepared = this.#prepared.get(item);
    const done = prepared === undefined ? null : changeTable(this.#connection, prepared.change);
    if (done === null) return { id: item.id, state: "skipped", reason: CHANGED_SINCE };
    if (done.after !== prepared?.listed.after)
      throw new Error("the completed table differs from the result that the manifest lists");
    return { id: item.id, state: "done" };
  }

  /** Undoes a change inside the caller's transaction. `listed` is the result of {@link listing}. */
  undo(item: ManifestItem, listed: TableListing | null): ItemOutcome {
    const reason =
      listed === null
        ? "the list of changes to the table is missing or has changed"
        : undoTableChange(this.#connection, listed);
    return reason === null ? { id: item.id, state: "restored" } : { id: item.id, state: "skipped", reason };
  }

  async observe(item: ManifestItem, folder: string): Promise<Observed> {
    const listed = await this.listing(item, folder);
    if (listed === null) return "nowhere";
    return isAsBefore(this.#connection, listed) ? "live" : "set-aside";
  }

  /** The description of an item's change; `null` if its file is missing or differs from the manifest. */
  async listing({ replacement, recordID }: ManifestItem, folder: string): Promise<TableListing | null> {
    if (replacement?.file === undefined) return null;
    const bytes = await this.#files.read(join(folder, replacement.file));
    if (typeof bytes === "string" || sha256(bytes) !== replacement.sha256) return null;
    const listed = parseTableListing(bytes.toString("utf8"));
    return listed?.table === recordID ? listed : null;
  }

  #tried(change: TableChange): TableListing | null {
    this.#connection.exec("begin immediate");
    try {
      return changeTable(this.#connection, change);
    } finally {
      this.#connection.exec("rollback");
    }
  }

  #databaseName(): string {
    const [main] = this.#connection.all("select file from pragma_database_list where name = 'main'");
    return basename(String(main?.file ?? ""));
  }
}
