import type { Origin } from "../model/origin.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { StoreProblem } from "../model/store-problem.ts";
import type { Connection } from "./sqlite/driver.ts";
import type { Schema } from "./sqlite/schema.ts";
import type { Store } from "./store.ts";
import type { StoreWriter } from "./writer.ts";

/**
 * `outside`: from a process of this tool. Reading changes no byte. `beside-host`: inside opencode's process, which
 * already has the database open. There, this tool may open files of the database only through the same SQLite library.
 * To close any other descriptor would drop the host's POSIX locks.
 */
export type Access = "outside" | "beside-host";

/** The part of a database that opencode 2.x reads, in tables of its own or in tables that it shares with 1.x. */
export interface Half2x {
  readonly schema: Schema;
  /** Passes a reading connection to `work`. If possible, all reads of `work` see one state of the database. */
  read<T>(work: (connection: Connection) => T | Promise<T>): Promise<T>;
  openWriter(): Promise<StoreWriter>;
}

export type OpenedStore =
  | {
      readonly state: "ok";
      readonly description: StoreDescription;
      readonly store: Store;
      /** The opencode to which the database belongs; `null` for files. */
      readonly origin: Origin | null;
      /** How many sessions of a 1.x database have messages that only 2.x reads. This queries the database. */
      sessionsOf2x(): number;
      /** `null` for files. */
      readonly half2x: Half2x | null;
      /** Writers are loaded on demand, so that a healthy start of opencode does not load them. */
      openWriter(): Promise<StoreWriter>;
      /** Whether everything that was read so far is from one consistent state. */
      unchanged(): Promise<boolean>;
    }
  /**
   * The store can be opened, but its opencode writes records that this tool does not read. So the state of its records
   * is unknown.
   */
  | {
      readonly state: "unread";
      readonly description: StoreDescription;
      readonly problem: StoreProblem;
      readonly origin: Origin;
      /** The damage that SQLite finds in its pages; `null` if there is none. */
      damage(): Promise<string | null>;
      readonly half2x: Half2x;
    }
  | {
      readonly state: "unusable";
      readonly description: StoreDescription;
      readonly problem: StoreProblem;
      /** The opencode to which the database belongs; `null` if nothing shows it. */
      readonly origin: Origin | null;
    };
