import type { Origin } from "../model/origin.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { StoreProblemCode } from "../model/store-problem.ts";
import type { Half2x, OpenedStore } from "./opened-store.ts";
import type { Connection } from "./sqlite/driver.ts";
import { firstDamage } from "./sqlite/integrity.ts";
import { holdsPages } from "./sqlite/pages/page-image.ts";
import { recognisePages } from "./sqlite/pages/recognise-pages.ts";
import type { ReadView } from "./sqlite/read-view.ts";
import type { Schema } from "./sqlite/schema.ts";
import type { StoreWriter } from "./writer.ts";

/**
 * A database that SQLite can open, but that lacks the session tables of opencode 1.x. `isOutside`: the database file
 * may also be read directly, without SQLite.
 */
export function withoutTables(
  schema: Schema,
  description: StoreDescription,
  isOutside: boolean,
  open: () => Promise<ReadView>,
  openWriter: () => Promise<StoreWriter>,
): OpenedStore {
  const { origin: stated, missing } = schema;
  const lacking = `without ${missing.join(", ")}`;
  const origin = isOutside ? originBehind(description, stated) : stated;
  // If the pages show another opencode than the schema does, a part of the schema is lost. Then no salvage is offered.
  if (origin !== stated)
    return unusable(description, "malformed-not-salvageable", `${lacking}; ${origin.sign}`, origin);
  const unread = (code: StoreProblemCode): OpenedStore => {
    const problem = { code, severity: "warning", evidence: origin.sign } as const;
    const half2x: Half2x = { schema, read: (work) => readWith(open, work), openWriter };
    return { state: "unread", description, problem, origin, damage: () => damageIn(open), half2x };
  };
  switch (origin.kind) {
    case "2.x":
    case "1.x and 2.x":
      return unread("opencode-2");
    case "newer":
      return unread("schema-newer");
    case "other program":
      return unusable(description, "other-program", origin.sign, origin);
    default:
      return unusable(description, "tables-missing", lacking, origin);
  }
}

/**
 * A database that SQLite cannot read. The advice to salvage is given only for databases of 1.x, so the pages are read
 * to find out which opencode the database belongs to.
 */
export function openedDamaged(description: StoreDescription, code: StoreProblemCode, evidence: string): OpenedStore {
  const database = description.database ?? "";
  const origin = recognisePages(database);
  const isHeader = code === "not-a-database" && holdsPages(database);
  const own = isHeader ? "header-damaged" : code;
  const isLoneLog = code === "wal-without-database";
  const isOwn = origin?.kind === "1.x" && (isLoneLog || !origin.isByRowsAlone);
  if (isOwn || (origin === null && (isLoneLog || own === "not-a-database"))) {
    return unusable(description, own, evidence, origin);
  }
  if (origin?.kind === "other program")
    return unusable(description, "other-program", `${evidence}; ${origin.sign}`, origin);
  const sign =
    origin === null ? "nothing shows whose database it is" : origin.isByRowsAlone ? "only rows are left" : origin.sign;
  return unusable(description, "malformed-not-salvageable", `${evidence}; ${sign}`, origin);
}

/**
 * Decides which opencode a database belongs to, before a salvage. SQLite may see only a part of a damaged schema, so
 * the pages are read too. Any sign of a newer opencode than 1.x decides.
 */
export function originBehind({ database }: StoreDescription, stated: Origin): Origin {
  if (stated.kind !== "1.x" && stated.kind !== "blank" && stated.kind !== "other program") return stated;
  const found = recognisePages(database ?? "");
  if (found === null || found.kind === "other program" || found.kind === "1.x") return stated;
  return found;
}

function unusable(
  description: StoreDescription,
  code: StoreProblemCode,
  evidence: string,
  origin: Origin | null,
): OpenedStore {
  return { state: "unusable", description, problem: { code, severity: "blocking", evidence }, origin };
}

function damageIn(open: () => Promise<ReadView>): Promise<string | null> {
  return readWith(open, (connection) => firstDamage(connection, "quick"));
}

/** A file that another process changes during the reading is read again, at most this many times. */
const MOST_READINGS = 4;

async function readWith<T>(
  open: () => Promise<ReadView>,
  work: (connection: Connection) => T | Promise<T>,
): Promise<T> {
  for (let reading = 1; ; reading += 1) {
    const view = await open();
    try {
      const result = await work(view.connection);
      if (reading === MOST_READINGS || (await view.unchanged())) return result;
    } finally {
      view.connection.close();
      view.release();
    }
  }
}
