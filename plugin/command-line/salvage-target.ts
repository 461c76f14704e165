import { DATABASE_MALFORMED, WAL_DAMAGED } from "../faults/container.ts";
import { COLUMNS_MISSING } from "../faults/skew.ts";
import type { KnownSchema } from "../hosts/known-schema.ts";
import { columnName, hasJournalsOf, lostColumns, lostTables } from "../hosts/lost-columns.ts";
import type { Origin } from "../model/origin.ts";
import type { StoreProblemCode } from "../model/store-problem.ts";
import { openStores } from "../stores/open.ts";
import { readFrame } from "../stores/sqlite/database-frame.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { firstDamage } from "../stores/sqlite/integrity.ts";
import { withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { unreadLog } from "../stores/sqlite/pages/write-ahead-log.ts";
import { openReadView } from "../stores/sqlite/read-view.ts";
import { readSchema } from "../stores/sqlite/schema.ts";
import { salvageRefusal } from "../words/origins.ts";
import { aside } from "./aside.ts";
import { type CommandContext, noRoomMessage } from "./context.ts";
import { EXIT } from "./exit-status.ts";

export type SalvageTarget =
  | {
      readonly outcome: "found";
      readonly database: string;
      readonly code: string;
      readonly evidence: string;
      /** Whether the new database may replace the damaged one. */
      readonly isSwappable: boolean;
    }
  | { readonly outcome: keyof typeof WITHOUT_TARGET; readonly message: string };

/** The exit status if there is no damaged database to salvage. */
export const WITHOUT_TARGET = {
  sound: EXIT.done,
  none: EXIT.usage,
  empty: EXIT.findings,
  unavailable: EXIT.refused,
  // There was no space for a copy of the database, so it was not read. In the same case, `check` ends with the same
  // exit status.
  "no-room": EXIT.findings,
  refused: EXIT.refused,
} as const;

/** Finds the damaged database in this data directory. If several are damaged, the user must choose one. */
export async function damagedDatabase(context: CommandContext, swap: boolean): Promise<SalvageTarget> {
  const { located, terminal } = context;
  if (located.databases.length === 0)
    return { outcome: "none", message: "There is no database in this data directory." };
  const targets: SalvageTarget[] = [];
  for (const database of located.databases) {
    terminal.progress("Checking the database …");
    targets.push(await targetOf(context, database, swap));
  }
  const damaged = targets.filter((target) => target.outcome === "found");
  if (damaged.length > 1) return { outcome: "none", message: "Several databases are damaged: choose one with --db." };
  const other = targets.find(({ outcome }) => outcome !== "sound");
  return damaged[0] ?? other ?? SOUND;
}

const SOUND: SalvageTarget = { outcome: "sound", message: "The database is sound: there is nothing to salvage." };

/** Problems that prevent a check but do not show whether the database is damaged. */
const NO_DAMAGE: ReadonlySet<StoreProblemCode> = new Set([
  "database-unavailable",
  "no-sqlite-runtime",
  "access-denied",
  "database-is-folder",
] as const);

/** The damage of one database, if a salvage could help. */
async function targetOf(context: CommandContext, database: string, swap: boolean): Promise<SalvageTarget> {
  const { files, located } = context;
  const [store] = await openStores(files, { ...located, json: "none", databases: [database] }, "outside");
  if (store === undefined) return SOUND;
  if (store.state === "unusable") {
    const { code, evidence } = store.problem;
    if (code === "database-empty") {
      return { outcome: "empty", message: "The database is empty (0 bytes), so there is nothing to salvage." };
    }
    if (code === "no-room-for-copy") {
      return { outcome: "no-room", message: noRoomMessage(context, evidence, "salvage") };
    }
    // A database can fail to open because it is in use. It is then not damaged.
    if (NO_DAMAGE.has(code)) {
      return { outcome: "unavailable", message: `The database cannot be opened at the moment (${evidence}).` };
    }
    return allowed(store.origin, swap, { database, code, evidence });
  }
  if (store.state === "unread")
    return allowed(store.origin, swap, { database, code: store.problem.code, evidence: "" });
  if (store.origin === null) return SOUND;
  const stated = withMessagesOf2x(store.origin, store.sessionsOf2x());
  store.store.close();
  const refusal = salvageRefusal(stated, swap);
  if (refusal !== null) return { outcome: "refused", message: refusal };
  const damage = await damageOf(context, database);
  if (damage === null) return SOUND;
  const { originBehind } = await import("../stores/other-databases.ts");
  return allowed(originBehind(store.description, stated), swap, { database, ...damage });
}

/**
 * Returns the damaged database if `salvage` may work on it. `salvage` refuses a database from which it cannot save
 * everything, such as a database of opencode 2.x.
 */
function allowed(
  origin: Origin | null,
  swap: boolean,
  damaged: { readonly database: string; readonly code: string; readonly evidence: string },
): SalvageTarget {
  const refusal = salvageRefusal(origin, swap);
  if (refusal !== null) return { outcome: "refused", message: refusal };
  return { outcome: "found", ...damaged, isSwappable: salvageRefusal(origin, true) === null };
}

/**
 * The damage in the pages, in the write-ahead log (WAL) or in the columns of a database that can be opened; `null` if
 * there is none.
 */
async function damageOf(
  context: CommandContext,
  database: string,
): Promise<{ readonly code: string; readonly evidence: string } | null> {
  const { files } = context;
  const driver = await loadDriver();
  if (driver === null) return null;
  const view = await openReadView(files, driver, database);
  try {
    const elsewhere =
      view.source === null ? null : await aside({ what: "damage", source: view.source }, context.signal);
    if (context.signal.aborted) return null;
    const evidence = elsewhere?.damage === undefined ? firstDamage(view.connection, "full") : elsewhere.damage;
    if (evidence !== null) return { code: DATABASE_MALFORMED.code, evidence };
    const unread = unreadLog(database);
    if (unread !== null) return { code: WAL_DAMAGED.code, evidence: unread.words };
    const { layout, journals } = readFrame(view.connection, readSchema(view.connection));
    const isRecorded = (known: KnownSchema) => hasJournalsOf(known, journals);
    const lost = lostColumns(layout, isRecorded)?.columns.map(columnName) ?? lostTables(layout, isRecorded);
    return lost === null ? null : { code: COLUMNS_MISSING.code, evidence: `without ${lost.join(", ")}` };
  } finally {
    view.connection.close();
    view.release();
  }
}
