import { Database } from "bun:sqlite";
import { copyFile, mkdir, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { nodeFileSystem as files } from "../../plugin/api.ts";
import { FAULT_CODES } from "../../plugin/faults/catalogue.ts";
import { check } from "../../plugin/repair/check.ts";
import { repairThroughout } from "../../plugin/repair/converge.ts";
import { planRepair, type Selection } from "../../plugin/repair/plan.ts";
import { type HostVersion, isJsonHost } from "../host/binary.ts";
import { storeImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { JsonRecords } from "../oracle/json-records.ts";
import { Random } from "../oracle/random.ts";
import { SqliteRecords } from "../oracle/sqlite-records.ts";
import { located } from "../stores/store-under-test.ts";

/**
 * The result of one experiment: several damages in one store, one repair, and what a second repair would still find.
 */
export interface Convergence {
  readonly damages: readonly string[];
  readonly items: number;
  /** What the repair or the undo wrongly left behind. An empty list means that the repair converges. */
  readonly faults: readonly string[];
}

/**
 * Which problem codes a repair names. `none`: no code. `found`: the codes that the first check found. `all`: every code
 * of the catalogue.
 */
export type Naming = "none" | "found" | "all";

const MOST_DAMAGES = 6;

/** Damages a copy of a real store in a way that the seed decides, repairs the copy, and repairs it again. */
export async function convergence(version: HostVersion, seed: number, naming: Naming): Promise<Convergence> {
  const store = await realStore(version);
  try {
    const damages = await damage(store, new Random(seed));
    const before = await storeImage(store.dataDir);
    const where = await located(files, store.dataDir);
    const findNow = async () => {
      const outcome = await check({ files, located: where, sessionIDs: [], concurrency: 4 });
      return outcome.ok ? outcome.result.findings : [];
    };
    const findings = await findNow();
    const codes = { none: null, found: [...new Set(findings.map(({ code }) => code))], all: FAULT_CODES }[naming];
    const selection: Selection = { codes, unasked: false };
    const asked = { files, located: where, access: "outside", trigger: "cli", hostVersion: null } as const;
    const first = await repairThroughout({ ...asked, findings, selection, findAgain: findNow });
    const faults = damages.length > 0 ? [] : ["nothing was damaged"];
    if (first.stopped !== null) faults.push(`stopped: ${first.stopped.message}`);
    for (const item of first.items.filter(({ action }) => action === "skipped")) {
      faults.push(`skipped: ${item.code} ${item.kind} ${item.recordID}: ${item.reason}`);
    }
    const left = planRepair(await findNow(), selection).flatMap(({ operations }) => operations);
    for (const { code, kind, recordID, remedy, locator } of left) {
      faults.push(`a second repair: ${remedy} ${code} ${kind} ${recordID} ${JSON.stringify(locator)}`);
    }
    if (first.runID !== null) {
      const undone = await (await toolFor(store.dataDir)).restore(first.runID);
      for (const item of undone.items.filter(({ action }) => action !== "restored")) {
        faults.push(`not undone: ${item.kind} ${item.recordID}: ${item.reason}`);
      }
    }
    const after = await storeImage(store.dataDir);
    const differing = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
      (name) => before[name] !== after[name],
    );
    if (differing.length > 0) faults.push(`differs after undo: ${differing.length} records, first ${differing[0]}`);
    return { damages, items: first.items.length, faults };
  } finally {
    await store.home.remove();
  }
}

async function damage(store: RealStore, random: Random): Promise<string[]> {
  const count = 2 + random.below(MOST_DAMAGES - 1);
  const damages: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const done = isJsonHost(store.home.version) ? await damageFiles(store, random) : await damageRows(store, random);
    if (done !== null) damages.push(done);
  }
  await makeOld(join(store.dataDir, "storage"));
  return damages;
}

/**
 * An earlier damage may have made a record unreadable, so that it has no fields to damage. Any other error is a mistake
 * of the experiment.
 */
function nothingIfUnreadable(error: unknown): null {
  if (error instanceof SyntaxError) return null;
  throw error;
}

async function damageRows(store: RealStore, random: Random): Promise<string | null> {
  const path = join(store.dataDir, "opencode.db");
  if (random.chance(0.55)) {
    const records = new SqliteRecords(path);
    try {
      const damaged = await records.damageOne(random).catch(nothingIfUnreadable);
      return damaged === null ? null : `${damaged.locator} ${damaged.what}`;
    } finally {
      records.close();
    }
  }
  using database = new Database(path);
  database.run("pragma foreign_keys = off");
  const has = (table: string) =>
    database.query("select 1 from sqlite_master where name = ? and type = 'table'").get(table) !== null;
  const one = (table: string, where = "1"): string | null => {
    const rows = database.query(`select id from ${table} where ${where} order by id`).all() as { id: string }[];
    return rows.length === 0 ? null : random.pick(rows).id;
  };
  const session = one("session");
  const messages = () => one("message");
  const run = (what: string, statement: string, ...values: (string | null)[]) => {
    database.query(statement).run(...values);
    return `${what} ${values.join(" ")}`;
  };
  switch (random.below(20)) {
    case 0:
      return run("message deleted", "delete from message where id = ?", messages());
    case 1:
      return run("session deleted", "delete from session where id = ?", session);
    case 2:
      return run("project deleted", "delete from project where id = ?", store.projectID);
    case 3:
      return run("part deleted", "delete from part where id = ?", one("part"));
    case 4:
      if (!has("event")) return null;
      return run("events deleted", "delete from event where aggregate_id = ?", session);
    case 5:
      if (!has("event")) return null;
      return run("all events deleted", "delete from event");
    case 6:
      if (!has("event_sequence")) return null;
      return run("counters deleted", "delete from event_sequence");
    case 7: {
      const folder = random.pick(["http://localhost:3333/proj", "C:\\Users\\me\\proj", "proj", ""]);
      run("", "update project set worktree = ? where id <> 'global'", folder);
      run("", "update message set data = replace(data, ?, ?)", store.project, folder);
      return run("folder everywhere", "update session set directory = ?", folder);
    }
    case 8:
      return run(
        "worktree",
        "update project set worktree = ? where id = ?",
        random.pick(["", "/", "C:/x", "proj"]),
        store.projectID,
      );
    case 9:
      return run(
        "directory",
        "update session set directory = ? where id = ?",
        random.pick(["", "/", "C:/x", "proj"]),
        session,
      );
    case 10: {
      const table = random.pick(["__drizzle_migrations", "migration"]);
      if (!has(table)) return null;
      return run(`journal ${table} cut`, `delete from ${table} where rowid = (select max(rowid) from ${table})`);
    }
    case 11: {
      const table = random.pick(["__drizzle_migrations", "migration"]);
      if (!has(table)) return null;
      return run(`journal ${table} emptied`, `delete from ${table}`);
    }
    case 12:
      if (!has("__drizzle_migrations")) return null;
      return run("journal dropped", "drop table __drizzle_migrations");
    case 13:
      if (!has("workspace")) return null;
      run("", "drop table workspace");
      return run(
        "another workspace",
        "create table workspace (id text primary key, provider text, binding text, time_created integer, time_updated integer)",
      );
    case 14:
      return run(
        "parts of another session",
        "update part set session_id = ? where message_id = ?",
        session,
        messages(),
      );
    case 15:
      return run("message of another session", "update message set session_id = ? where id = ?", session, messages());
    case 16:
      return run("parts malformed", "update part set data = '{' where message_id = ?", messages());
    case 17:
      return run("message malformed", "update message set data = '{' where id = ?", messages());
    case 18:
      return run("title malformed", "update session set title = cast(x'ff00' as text) where id = ?", session);
    default:
      return run(
        "project of a session",
        "update session set project_id = ? where id = ?",
        random.pick(["global", "gone"]),
        session,
      );
  }
}

async function damageFiles(store: RealStore, random: Random): Promise<string | null> {
  if (random.chance(0.5)) {
    const records = await JsonRecords.open(store.dataDir, [
      "part",
      "message",
      "session",
      "project",
      "todo",
      "session_diff",
    ]);
    const damaged = await records.damageOne(random).catch(nothingIfUnreadable);
    return damaged === null ? null : `${damaged.locator} ${damaged.what}`;
  }
  const storage = join(store.dataDir, "storage");
  const paths = (await readdir(storage, { recursive: true }))
    .filter((path) => path.endsWith(".json") && !path.endsWith("/folder.json"))
    .sort();
  const of = (kind: string) => paths.filter((path) => path.startsWith(`${kind}/`));
  const kind = random.pick(["part", "message", "session", "project"]);
  const path = of(kind).length === 0 ? null : random.pick(of(kind));
  if (path === null) return null;
  const full = join(storage, path);
  switch (random.below(9)) {
    case 0:
      await rm(full);
      return `deleted ${path}`;
    case 1: {
      const name = random.pick([
        full.replace(/\.json$/, ".sync-conflict-20260105-101112-ABCDEFG.json"),
        full.replace(/\.json$/, " 2.json"),
        full.replace(/\.json$/, " (Jane's conflicted copy 2026-03-01).json"),
        `${full}.orig`,
      ]);
      await copyFile(full, name);
      return `copy ${basename(name)}`;
    }
    case 2: {
      const other = random.pick(of(kind));
      const target = join(storage, dirname(other), basename(path));
      if (target === full) return null;
      await copyFile(full, target);
      return `copy of ${path} in ${dirname(other)}`;
    }
    case 3: {
      const other = random.pick(of(kind));
      const target = join(storage, dirname(other), basename(path));
      if (target === full) return null;
      await rename(full, target);
      return `moved ${path} to ${dirname(other)}`;
    }
    case 4:
      await writeFile(join(dirname(full), random.pick([".DS_Store", "note.txt", "x.json", ".x.json.swp"])), "x");
      return `stray beside ${path}`;
    case 5:
      await writeFile(full, "");
      return `emptied ${path}`;
    case 6:
      await writeFile(full, "{");
      return `cut ${path}`;
    case 7: {
      await mkdir(join(dirname(full), "folder.json"), { recursive: true });
      return `folder beside ${path}`;
    }
    default: {
      const other = random.pick(of(kind));
      if (other === path) return null;
      await copyFile(join(storage, other), full);
      return `content of ${other} in ${path}`;
    }
  }
}

/**
 * Makes files look old. For a file that changed recently, a repair would wait, because opencode may still be writing
 * it.
 */
async function makeOld(folder: string): Promise<void> {
  const old = new Date(Date.now() - 60_000);
  for (const path of await readdir(folder, { recursive: true }).catch(() => [])) {
    await utimes(join(folder, path), old, old);
  }
}
