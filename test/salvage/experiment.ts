import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { copyFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { type SalvageReport, salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import type { ManySessions } from "./many-sessions.ts";
import { type DamageKind, writeDamaged } from "./page-damage.ts";

/** The ids of the records in a database. */
export interface Held {
  readonly messages: ReadonlySet<string>;
  readonly parts: ReadonlySet<string>;
}

export interface Outcome {
  readonly seed: number;
  readonly kind: DamageKind;
  readonly what: string;
  readonly ours: Held;
  /**
   * `theirs`: what `sqlite3 .recover` puts into the tables. `theirsWithLost`: the same records and those in
   * `lost_and_found`.
   */
  readonly theirs: Held;
  readonly theirsWithLost: Held;
  readonly report: SalvageReport;
  /** The number of records whose content changed. */
  readonly differing: number;
  readonly originalsUnchanged: boolean;
  /** The number of problems in the new database that keep its host from loading something. */
  readonly blocking: number;
  readonly salvaged: string;
}

/** Damages a database, then saves it with `salvage` and with `sqlite3 .recover`. Returns what each of the two saved. */
export async function experiment(whole: ManySessions, kind: DamageKind, seed: number): Promise<Outcome> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const source = join(whole.folder, `damaged-${kind}-${seed}.db`);
  const target = join(whole.folder, `salvaged-${kind}-${seed}.db`);
  const what = await writeDamaged(whole, source, kind, seed);
  await rm(target, { force: true });
  const before = hashes(source);
  const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
  const originalsUnchanged = hashes(source) === before;
  const recovered = await recover(source, whole.folder);
  const known = heldIn(whole.database, false);
  const ours = heldIn(target, false);
  const outcome = {
    seed,
    kind,
    what,
    ours,
    theirs: common(heldIn(recovered, false), known),
    theirsWithLost: common(heldIn(recovered, true), known),
    report,
    differing: differing(whole, target),
    originalsUnchanged,
    blocking: await blockingIn(target),
    salvaged: target,
  };
  for (const path of [source, `${source}-wal`, `${source}-shm`, recovered]) await rm(path, { force: true });
  return outcome;
}

async function blockingIn(database: string): Promise<number> {
  const located = { dataDir: dirname(database), json: "none" as const, databases: [database] };
  const outcome = await check({ files: nodeFileSystem, located, sessionIDs: [], concurrency: 1 });
  return outcome.ok ? outcome.result.findings.filter(({ severity }) => severity === "blocking").length : -1;
}

function hashes(path: string): string {
  const hash = createHash("sha256");
  for (const suffix of ["", "-wal"]) {
    try {
      hash.update(readFileSync(path + suffix));
    } catch {
      hash.update("absent");
    }
  }
  return hash.digest("hex");
}

const SHELL = process.env.SQLITE3 ?? "sqlite3";

/** Whether the SQLite shell was built with everything that `.recover` needs. */
export function recoverWorks(): boolean {
  const { stdout } = Bun.spawnSync(["sh", "-c", `${SHELL} :memory: "create table made (here)" .recover 2>&1`]);
  return stdout.toString().includes("CREATE TABLE made");
}

/** Works on a copy, because SQLite changes a database when it opens it. */
async function recover(source: string, folder: string): Promise<string> {
  const [copy, target] = [join(folder, "copy.db"), join(folder, "recovered.db")];
  for (const path of [copy, `${copy}-wal`, `${copy}-shm`, target]) await rm(path, { force: true });
  await copyFile(source, copy);
  await copyFile(`${source}-wal`, `${copy}-wal`).catch(() => undefined);
  Bun.spawnSync(["sh", "-c", `${SHELL} "$0" .recover 2>/dev/null | ${SHELL} "$1" 2>/dev/null`, copy, target]);
  for (const path of [copy, `${copy}-wal`, `${copy}-shm`]) await rm(path, { force: true });
  return target;
}

/** The records of the whole database that `.recover` reads from the damaged one, compared with those of a salvage. */
export async function recoveredFrom(source: string, folder: string, whole: string, salvaged: string) {
  const recovered = await recover(source, folder);
  const ids = (path: string): string[] => {
    using database = new Database(path, { create: true });
    try {
      return (database.query("select id from session where id glob 'ses_*'").values() as [string][]).map(([id]) => id);
    } catch {
      return [];
    }
  };
  const known = new Set(ids(whole));
  const theirs = common(heldIn(recovered, true), heldIn(whole, false));
  return { theirs, ours: heldIn(salvaged, false), sessions: ids(recovered).filter((id) => known.has(id)) };
}

/** With `withLost`, the result includes what `.recover` put into `lost_and_found`. */
function heldIn(path: string, withLost: boolean): Held {
  const database = new Database(path, { create: true });
  const ids = (sql: string): string[] => {
    try {
      return (database.query(sql).values() as string[][]).map(([id]) => String(id));
    } catch {
      return [];
    }
  };
  const messages = new Set(ids("select id from message where id glob 'msg_*'"));
  const parts = new Set(ids("select id from part where id glob 'prt_*'"));
  if (withLost) {
    for (const id of ids("select c0 from lost_and_found where c0 glob 'msg_*' and c1 glob 'ses_*' and nfield = 5"))
      messages.add(id);
    for (const id of ids("select c0 from lost_and_found where c0 glob 'prt_*' and c1 glob 'msg_*' and nfield = 6"))
      parts.add(id);
  }
  database.close();
  return { messages, parts };
}

/** The ids that were in the original database. A recovery may also return ids that damaged cells contain. */
function common(found: Held, known: Held): Held {
  const both = (a: ReadonlySet<string>, b: ReadonlySet<string>) => new Set([...a].filter((id) => b.has(id)));
  return { messages: both(found.messages, known.messages), parts: both(found.parts, known.parts) };
}

/** The number of messages and parts whose JSON value changed. The order of keys does not matter. */
function differing(whole: ManySessions, salvaged: string): number {
  const database = new Database(salvaged, { readonly: true });
  database.query("attach ? as whole").run(whole.database);
  let found = 0;
  for (const table of ["message", "part"]) {
    const sql = `select a.data as a, b.data as b from main.${table} a join whole.${table} b using (id) where a.data <> b.data`;
    for (const { a, b } of database.query(sql).iterate() as Iterable<{ a: string; b: string }>) {
      if (!Bun.deepEquals(JSON.parse(a), JSON.parse(b))) found += 1;
    }
  }
  database.close();
  return found;
}

/** The ids that are in `theirs` and not in `ours`. */
export function missing(ours: Held, theirs: Held): string[] {
  const lacking = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...b].filter((id) => !a.has(id));
  return [...lacking(ours.messages, theirs.messages), ...lacking(ours.parts, theirs.parts)];
}
