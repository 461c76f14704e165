import type { Origin } from "../model/origin.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { StoreProblem } from "../model/store-problem.ts";
import type { Connection } from "./sqlite/driver.ts";
import type { Schema } from "./sqlite/schema.ts";
import type { Store } from "./store.ts";
import type { StoreWriter } from "./writer.ts";

/**
 * Who reads the store. `outside`: a process of this tool, which must not change a byte by reading. `beside-host`:
 * opencode's own process, which has the database open already. There, files of the database may be opened only through
 * the same SQLite library, because closing any other descriptor would drop opencode's POSIX locks.
 */
export type Access = "outside" | "beside-host";

/** The part of a database that opencode 2.x reads, in tables of its own or in tables that 2.x shares with 1.x. */
export interface Half2x {
  readonly schema: Schema;
  /**
   * Passes a reading connection to `work`. If possible, everything that `work` reads is from one state of the database.
   */
  read<T>(work: (connection: Connection) => T | Promise<T>): Promise<T>;
  openWriter(): Promise<StoreWriter>;
}

export type OpenedStore =
  | {
      readonly state: "ok";
      readonly description: StoreDescription;
      readonly store: Store;
      /** Which opencode the database belongs to; `null` for JSON files. */
      readonly origin: Origin | null;
      /**
       * The number of sessions of a 1.x database that have messages which only 2.x reads. Each call queries the
       * database.
       */
      sessionsOf2x(): number;
      /** What opencode 2.x reads in this database; `null` for JSON files. */
      readonly half2x: Half2x | null;
      /**
       * Opens the store for changes. The code for writing is loaded on demand, so that a start of opencode without
       * problems does not load it.
       */
      openWriter(): Promise<StoreWriter>;
      /** Whether the store stayed the same during all reads so far. */
      unchanged(): Promise<boolean>;
    }
  /**
   * The store can be opened, but its opencode writes records that this tool does not read. So the state of the records
   * is unknown.
   */
  | {
      readonly state: "unread";
      readonly description: StoreDescription;
      readonly problem: StoreProblem;
      readonly origin: Origin;
      /** The damage that SQLite finds in the pages of the database; `null` if there is none. */
      damage(): Promise<string | null>;
      readonly half2x: Half2x;
    }
  | {
      readonly state: "unusable";
      readonly description: StoreDescription;
      readonly problem: StoreProblem;
      /** Which opencode the database belongs to; `null` if nothing shows that. */
      readonly origin: Origin | null;
    };
