import type { Origin } from "../model/origin.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/opened-store.ts";
import type { DatabaseSource } from "../stores/sqlite/driver.ts";
import type { Counts } from "../stores/store.ts";
import type { Survey } from "../stores/survey.ts";

export interface CheckInput {
  readonly files: FileSystem;
  readonly located: Located;
  /** Check only these sessions. If empty, check all. */
  readonly sessionIDs: readonly string[];
  readonly concurrency: number;
  /** The default is `outside`. */
  readonly access?: Access;
  /** The version of the host that loads the stores, if it is known. */
  readonly hostVersion?: string | null;
  readonly signal?: AbortSignal;
  /** Called every 200 ms with the amount read so far and the approximate total, if it is known. */
  readonly onProgress?: (counts: Readonly<Counts>, expected: Expected) => void;
  /**
   * Surveys a large database in another process. SQLite checks all pages in one step of several seconds, and a signal
   * has no effect on this process until the step ends. `null` if the other process failed: then this process does it.
   */
  readonly surveyAside?: (
    source: DatabaseSource,
    store: StoreDescription,
    signal: AbortSignal | undefined,
  ) => Promise<Survey | null>;
}

/** The approximate amount to read. Unknown numbers are absent. */
export type Expected = Partial<Readonly<Counts>>;

export interface CheckedStore {
  readonly description: StoreDescription;
  /** `unread`: an opencode whose records this tool does not know wrote the database. */
  readonly state: "ok" | "unread" | "unusable";
  /** The opencode to which the database belongs; `null` for files, and if it is unknown. */
  readonly origin: Origin | null;
  /**
   * The amounts that were read of the data that only opencode 2.x reads. Absent if there is no such data, or if it was
   * not read.
   */
  readonly of2x?: Readonly<Counts> & {
    /** Tables of 2.x that were not read because they have an unknown shape. */
    readonly unread: readonly string[];
  };
}
