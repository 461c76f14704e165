import { join } from "node:path";
import type { ManifestItem } from "../../model/manifest-item.ts";
import type { NewRow } from "../../model/replacement.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { sha256 } from "../../platform/hash.ts";
import { NOT_DONE } from "../../words/refusals.ts";
import type { ItemOutcome, Operation } from "../writer.ts";
import { type AddedRowList, addRows, isAdded, listingOf, parseListing, removeRows, rowsFor } from "./added-rows.ts";
import { listedItem } from "./listed-item.ts";
import type { LiveRows } from "./live-rows.ts";
import type { CapturedRow } from "./row.ts";

/** A session to add, and the list of its rows by which it can be recognised later. */
interface Addition {
  readonly listed: AddedRowList;
  readonly rows: readonly CapturedRow[];
}

/** Adds whole sessions to a database, for example in a rescue, and removes them as a whole when that is undone. */
export class SessionAdditions {
  readonly #files: FileSystem;
  readonly #rows: LiveRows;
  readonly #additions = new WeakMap<ManifestItem, Addition>();

  constructor(files: FileSystem, rows: LiveRows) {
    this.#files = files;
    this.#rows = rows;
  }

  /**
   * Prepares the addition of a session with all its records. The list of the added rows is written to a file of its
   * own.
   */
  async prepare(id: string, operation: Operation, rows: readonly NewRow[], folder: string): Promise<ManifestItem> {
    const captured = rowsFor(this.#rows.schema, rows);
    const listed = listingOf(rows, captured);
    const recordID = operation.recordID;
    const locator = { table: "session" as const, key: { id: recordID ?? "" } };
    const what = { id, kind: "session", recordID, locator, name: "rows.json", source: "another store" } as const;
    const item = await listedItem(this.#files, folder, listed, what, operation);
    this.#additions.set(item, { listed, rows: captured });
    return item;
  }

  /** Adds a prepared session with all its rows, in the caller's transaction. */
  add(item: ManifestItem): ItemOutcome {
    const addition = this.#additions.get(item);
    const reason =
      addition === undefined ? NOT_DONE.unprepared : addRows(this.#rows.connection, addition.listed, addition.rows);
    return reason === null ? { id: item.id, state: "done" } : { id: item.id, state: "skipped", reason };
  }

  /** Removes exactly the rows that were added, in the caller's transaction. */
  takeAway(item: ManifestItem, listed: AddedRowList | null): ItemOutcome {
    if (listed === null) {
      return { id: item.id, state: "skipped", reason: "the list of added rows is missing or has changed" };
    }
    if (!isAdded(this.#rows.connection, listed)) return { id: item.id, state: "restored" };
    const reason = removeRows(this.#rows.connection, this.#rows.schema, listed);
    return reason === null ? { id: item.id, state: "restored" } : { id: item.id, state: "skipped", reason };
  }

  /** The list of the rows that were added; `null` if its file is missing or differs from the manifest. */
  async listed({ replacement, recordID }: ManifestItem, folder: string): Promise<AddedRowList | null> {
    if (replacement?.file === undefined) return null;
    const bytes = await this.#files.read(join(folder, replacement.file));
    if (typeof bytes === "string" || sha256(bytes) !== replacement.sha256) return null;
    const listed = parseListing(bytes.toString("utf8"));
    const isOwn = listed?.rows.some(({ table, key }) => table === "session" && "id" in key && key.id === recordID);
    return isOwn === true ? listed : null;
  }
}

/** Whether a manifest item is a session that was added as a whole. */
export function isAddition({ kind, original, replacement }: ManifestItem): boolean {
  return kind === "session" && original === null && replacement?.file !== undefined;
}
