import type { RecordKind } from "../../plugin/model/artifact.ts";
import type { Random } from "./random.ts";

/** One record of a store, damaged in one way until `undo` restores the exact original. */
export interface DamagedRecord {
  readonly kind: RecordKind;
  /** The session whose answers can differ; `null`: those of every session of the project. */
  readonly sessionID: string | null;
  /** How a finding on this record names it: the start of its locator's text. */
  readonly locator: string;
  /** What was done, for a person to read. */
  readonly what: string;
  undo(): Promise<void>;
  /** Every answer of the load path is asked, and the whole store is checked as well as the session. */
  readonly asksAll?: true;
  /** The session whose own record is gone by the damage: no list names it. */
  readonly gone?: string;
}

/** The records of a store that a stopped or running host wrote, to be damaged one at a time. */
export interface RecordStore {
  /** Damages a record as the random numbers say; `null` where the store itself does not allow it. */
  damageOne(random: Random): Promise<DamagedRecord | null>;
  close(): void;
}
