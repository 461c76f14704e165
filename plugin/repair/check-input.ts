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
  /** The sessions to check. An empty list means all sessions. */
  readonly sessionIDs: readonly string[];
  readonly concurrency: number;
  /** Whether this process is opencode itself. The default is `outside`, which means that it is not. */
  readonly access?: Access;
  /** The opencode version that loads the sessions, if it is known. */
  readonly hostVersion?: string | null;
  readonly signal?: AbortSignal;
  /** Called every 200 ms with the numbers of records read so far, and the approximate totals if they are known. */
  readonly onProgress?: (counts: Readonly<Counts>, expected: Expected) => void;
  /**
   * Checks the pages of a large database in another process. SQLite checks all pages in one step of several seconds,
   * during which this process could not react to Ctrl-C. If the other process returns `null`, this process checks the
   * pages itself.
   */
  readonly surveyAside?: (
    source: DatabaseSource,
    store: StoreDescription,
    signal: AbortSignal | undefined,
  ) => Promise<Survey | null>;
}

/** The approximate numbers of records to read. A number that is not known is absent. */
export type Expected = Partial<Readonly<Counts>>;

export interface CheckedStore {
  readonly description: StoreDescription;
  /** `unread`: the database has records of an opencode version whose records this tool does not know. */
  readonly state: "ok" | "unread" | "unusable";
  /** Which versions of opencode wrote the database; `null` for JSON files, and if it is not known. */
  readonly origin: Origin | null;
  /** How many records of opencode 2.x were read. Absent if there are none, or if they were not read. */
  readonly of2x?: Readonly<Counts> & {
    /** Tables of opencode 2.x that were not read, because their columns are unknown. */
    readonly unread: readonly string[];
  };
}
