import type { StoreProblemCode } from "../model/store-problem.ts";
import * as access from "./access.ts";
import * as container from "./container.ts";
import type { Fault } from "./fault.ts";
import * as origin from "./origin.ts";

/** For each problem that keeps a store from being read, its entry in the catalogue. */
export const STORE_FAULTS: Readonly<Record<StoreProblemCode, Fault>> = {
  "database-empty": container.DATABASE_EMPTY,
  "database-malformed": container.DATABASE_MALFORMED,
  "database-unavailable": container.DATABASE_UNAVAILABLE,
  "no-sqlite-runtime": container.NO_SQLITE_RUNTIME,
  "not-a-database": container.NOT_A_DATABASE,
  "header-damaged": container.HEADER_DAMAGED,
  "wal-without-database": container.WAL_WITHOUT_DATABASE,
  "tables-missing": container.TABLES_MISSING,
  "schema-newer": container.SCHEMA_NEWER,
  "opencode-2": origin.OPENCODE_2,
  "other-program": origin.OTHER_PROGRAM,
  "malformed-not-salvageable": origin.MALFORMED_NOT_SALVAGEABLE,
  "access-denied": access.ACCESS_DENIED,
  "database-is-folder": access.DATABASE_IS_FOLDER,
  "no-room-for-copy": access.NO_ROOM_FOR_COPY,
};
