import type { StoreDescription } from "../model/store-description.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/opened-store.ts";
import type { DatabaseSource } from "../stores/sqlite/driver.ts";
import type { Origin } from "../stores/sqlite/origin.ts";
import type { Counts } from "../stores/store.ts";
import type { Survey } from "../stores/survey.ts";

export interface CheckInput {
  readonly files: FileSystem;
  readonly located: Located;
  /** Only these sessions; empty for all. */
  readonly sessionIDs: readonly string[];
  readonly concurrency: number;
  /** `outside` where it is not said. */
  readonly access?: Access;
  /** Of the host that loads the stores, where it is known. */
  readonly hostVersion?: string | null;
  readonly signal?: AbortSignal;
  /** Told every 200 ms how much was read so far, and about how much there is of what it says. */
  readonly onProgress?: (counts: Readonly<Counts>, expected: Expected) => void;
  /**
   * Surveys a large database in another process: SQLite looks at all pages in one step of several seconds, in which this
   * process would feel no signal. `null`: it could not, and it is done here.
   */
  readonly surveyAside?: (
    source: DatabaseSource,
    store: StoreDescription,
    signal: AbortSignal | undefined,
  ) => Promise<Survey | null>;
}

/** About how much there is to read; what is not known is absent. */
export type Expected = Partial<Readonly<Counts>>;

export interface CheckedStore {
  readonly description: StoreDescription;
  /** `unread`: of an opencode whose records this tool does not know. */
  readonly state: "ok" | "unread" | "unusable";
  /** Whose database it is; `null` of files, and where nothing tells. */
  readonly origin: Origin | null;
  /** How much was read of what only opencode 2.x reads; absent where there is nothing of it, or it was not read. */
  readonly of2x?: Readonly<Counts> & {
    /** Tables of 2.x that have another shape than is known, and were not read. */
    readonly unread: readonly string[];
  };
}
