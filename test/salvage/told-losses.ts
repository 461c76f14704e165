import { Database } from "bun:sqlite";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { type SalvageReport, salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import type { ManySessions } from "./many-sessions.ts";
import { type DamageKind, writeDamaged } from "./page-damage.ts";

/** The number of records of a session that are really missing in the salvaged database. */
interface Truth {
  readonly messages: number;
  readonly parts: number;
}

export interface ToldLosses {
  readonly what: string;
  readonly report: SalvageReport;
  /** The real losses of each session of the undamaged database. */
  readonly truth: ReadonlyMap<string, Truth>;
  /** Describes each false statement of the report. Empty if the whole report is true. */
  readonly lies: readonly string[];
}

/** Damages a database with known content and salvages it. Then compares the reported losses with the real losses. */
export async function toldLosses(whole: ManySessions, kind: DamageKind, seed: number): Promise<ToldLosses> {
  const source = join(whole.folder, `losses-${kind}-${seed}.db`);
  const what = await writeDamaged(whole, source, kind, seed);
  try {
    return { what, ...(await toldLossesOf(whole.database, source)) };
  } finally {
    for (const path of [source, `${source}-wal`, `${source}-shm`]) await rm(path, { force: true });
  }
}

/** `source` is a damaged copy of the database `whole`. */
export async function toldLossesOf(whole: string, source: string): Promise<Omit<ToldLosses, "what">> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = `${source}.salvaged`;
  await rm(target, { force: true });
  const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
  const held = heldAgainst(whole, target, report);
  await rm(target, { force: true });
  return { report, ...held };
}

/** Compares the report on a salvaged database with the undamaged database `whole`, and describes what is false. */
export function heldAgainst(
  whole: string,
  salvaged: string,
  report: SalvageReport,
): Pick<ToldLosses, "truth" | "lies"> {
  const truth = truthOf(whole, salvaged);
  return { truth, lies: liesOf(report, truth) };
}

interface Held {
  readonly id: string;
  readonly session: string;
}

function truthOf(whole: string, salvaged: string): ReadonlyMap<string, Truth> {
  const [before, after] = [new Database(whole, { readonly: true }), new Database(salvaged, { readonly: true })];
  const held = (database: Database, table: string) => {
    // A rebuilt message has none of its former content, so it counts as lost.
    const rebuilt =
      table === "message" ? 'where not (json_valid(data) and data glob \'*"providerID":"unknown"*\')' : "";
    return database.query(`select id, session_id as session from ${table} ${rebuilt}`).all() as Held[];
  };
  const missing = (table: string) => {
    const there = held(after, table);
    const ids = new Set(there.map(({ id }) => id));
    const were = held(before, table);
    const known = new Set(were.map(({ id }) => id));
    // If only some bits of an id flipped, the record is not missing.
    const strange = there.filter(({ id }) => !known.has(id));
    return were.filter(({ id }) => !ids.has(id) && !strange.some((other) => differingBits(other.id, id) <= 8));
  };
  const [messages, parts] = [missing("message"), missing("part")];
  const sessions = before.query("select id from session").all() as { id: string }[];
  const count = (rows: readonly Held[], id: string) => rows.filter(({ session }) => session === id).length;
  before.close();
  after.close();
  return new Map(sessions.map(({ id }) => [id, { messages: count(messages, id), parts: count(parts, id) }]));
}

function differingBits(one: string, other: string): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY;
  let bits = 0;
  for (let at = 0; at < one.length; at += 1) {
    for (let left = one.charCodeAt(at) ^ other.charCodeAt(at); left > 0; left &= left - 1) bits += 1;
  }
  return bits;
}

function liesOf(report: SalvageReport, truth: ReadonlyMap<string, Truth>): string[] {
  const lies: string[] = [];
  const told = new Map(report.sessions.map((session) => [session.sessionID, session]));
  for (const [id, { messages, parts }] of truth) {
    const session = told.get(id);
    if (session === undefined) continue;
    const pairs = [
      ["messages", session.lostMessages, messages],
      ["parts", session.lostParts, parts],
    ] as const;
    for (const [name, said, really] of pairs) {
      if (session.isWhole && really > 0) lies.push(`${id} is whole, it lost ${really} ${name}`);
      // If a message was cut off after its ids, the report may only know that the message existed. So each cut record
      // may add one loss.
      const isSo = said <= really && really <= said + session.cutRecords;
      if (session.isCounted && !isSo) lies.push(`${id} lost ${said} ${name}, really ${really}`);
      if (!session.isCounted && said > really) lies.push(`${id} lost at least ${said} ${name}, really ${really}`);
    }
  }
  const gone = [...truth.keys()].filter((id) => !told.has(id)).length;
  const { count, isCounted } = report.lostSessions;
  if (count > gone || (isCounted && count !== gone)) {
    lies.push(`${isCounted ? "" : "at least "}${count} sessions are lost, really ${gone}`);
  }
  return lies;
}
