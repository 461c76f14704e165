import type { RecordKind } from "../../plugin/model/artifact.ts";
import type { Random } from "./random.ts";

/** A record of a store with one damage. `undo` restores the exact original. */
export interface DamagedRecord {
  readonly kind: RecordKind;
  /** The session whose answers the damage can change. `null` means every session of the project. */
  readonly sessionID: string | null;
  /** The start of the locator text in a finding on this record. */
  readonly locator: string;
  /** A description of the damage for a person to read. */
  readonly what: string;
  undo(): Promise<void>;
  /**
   * If set, the oracle asks the host for all answers of the load path, and checks the whole store instead of one
   * session.
   */
  readonly asksAll?: true;
  /** The id of a session whose own record is missing because of the damage. No list contains such a session. */
  readonly gone?: string;
}

/** The records of a store that a host wrote. The test damages one record at a time. The host may be running. */
export interface RecordStore {
  /** Damages a record that `random` chooses. Returns `null` if the store itself refuses the damage. */
  damageOne(random: Random): Promise<DamagedRecord | null>;
  close(): void;
}
