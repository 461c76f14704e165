import type { StoreDescription } from "../model/store-description.ts";
import type { StoreProblem } from "../model/store-problem.ts";
import type { Connection } from "./sqlite/driver.ts";
import type { Origin } from "./sqlite/origin.ts";
import type { Schema } from "./sqlite/schema.ts";
import type { Store } from "./store.ts";
import type { StoreWriter } from "./writer.ts";

/**
 * `outside`: from a process of our own; reading leaves every byte as it is. `beside-host`: inside opencode's process,
 * which has the database open already. There no file of it may be opened except through the same SQLite library:
 * closing any other descriptor would drop the host's POSIX locks.
 */
export type Access = "outside" | "beside-host";

/** A database as far as opencode 2.x reads it, in tables of its own or in those that it shares with 1.x. */
export interface Half2x {
  readonly schema: Schema;
  /** Hands out a connection that reads; what `work` makes of it is of one state of the database, where that can be. */
  read<T>(work: (connection: Connection) => T | Promise<T>): Promise<T>;
  openWriter(): Promise<StoreWriter>;
}

export type OpenedStore =
  | {
      readonly state: "ok";
      readonly description: StoreDescription;
      readonly store: Store;
      /** Whose database it is; `null` of files. */
      readonly origin: Origin | null;
      /** In how many sessions of a database of 1.x messages are that only 2.x reads; asks the database. */
      sessionsOf2x(): number;
      /** `null` of files. */
      readonly half2x: Half2x | null;
      /** Writers are loaded when they are needed: a healthy start of opencode does not pay for them. */
      openWriter(): Promise<StoreWriter>;
      /** Whether what was read so far is one consistent state. */
      unchanged(): Promise<boolean>;
    }
  /** It can be opened, and is of an opencode whose records this tool does not read: nothing can be said of them. */
  | {
      readonly state: "unread";
      readonly description: StoreDescription;
      readonly problem: StoreProblem;
      readonly origin: Origin;
      /** What SQLite finds wrong with its pages; `null` for nothing. */
      damage(): Promise<string | null>;
      readonly half2x: Half2x;
    }
  | {
      readonly state: "unusable";
      readonly description: StoreDescription;
      readonly problem: StoreProblem;
      /** Whose database it is; `null` where nothing tells. */
      readonly origin: Origin | null;
    };
