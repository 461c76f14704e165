/**
 * bun test/salvage/large-database.ts build DIR [--megabytes N] [--pages N] [--seed N]
 * bun test/salvage/large-database.ts measure DIR
 * `build` makes a database of opencode 1.18.33 of this size with damaged pages. `measure` compares the time and the
 * peak memory of `salvage` and of `sqlite3 .recover` into a new database. $SQLITE3 names a shell with sqlite_dbpage.
 */
import { Database } from "bun:sqlite";
import { copyFile, mkdir, open, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../oracle/random.ts";
import { manySessions } from "./many-sessions.ts";

const PAGE = 4096;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    megabytes: { type: "string", default: "2000" },
    pages: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
  },
});
const [what, folder = ""] = positionals;
const database = join(resolve(folder), "data", "opencode.db");

async function build(): Promise<void> {
  const made = await manySessions("1.18.33", 40, join(resolve(folder), "whole"));
  await mkdir(join(database, ".."), { recursive: true });
  await copyFile(made.database, database);
  await rm(made.folder, { recursive: true });
  const rows = new Database(database);
  rows.exec(
    "pragma journal_mode = off; pragma synchronous = off; pragma foreign_keys = off; pragma cache_size = -200000",
  );
  const { size } = await stat(database);
  const copies = Math.ceil((Number(values.megabytes) * 1e6) / size) - 1;
  rows.exec("begin");
  for (let copy = 0; copy < copies; copy += 1) multiply(rows, copy.toString(36).toUpperCase().padStart(4, "0"));
  rows.exec("commit");
  rows.close();
  const random = new Random(Number(values.seed));
  const file = await open(database, "r+");
  const pages = Math.floor((await file.stat()).size / PAGE);
  for (let index = 0; index < Number(values.pages); index += 1) {
    const noise = Buffer.from(Array.from({ length: PAGE }, () => random.below(256)));
    await file.write(random.chance(0.5) ? noise : Buffer.alloc(PAGE), 0, PAGE, (1 + random.below(pages - 1)) * PAGE);
  }
  await file.close();
  print({ bytes: (await stat(database)).size, pages, damaged: Number(values.pages) });
}

/** Copies every row under new ids. Before its last three characters, a new id has the four characters of `suffix`. */
function multiply(rows: Database, suffix: string): void {
  const id = (column: string) => `substr(${column}, 1, length(${column}) - 7) || '${suffix}' || substr(${column}, -3)`;
  const first = "where rowid <= (select most from bounds where name = ";
  if (suffix === "0000") {
    rows.exec(`create temp table bounds as select 'session' as name, max(rowid) as most from session union all
      select 'message', max(rowid) from message union all select 'part', max(rowid) from part union all
      select 'event', max(rowid) from event union all select 'event_sequence', max(rowid) from event_sequence`);
  }
  const columns = (table: string) =>
    rows
      .query<{ name: string }, []>(`pragma table_info(${table})`)
      .all()
      .map(({ name }) => name);
  const renamed = { session: ["id"], message: ["id", "session_id"], part: ["id", "message_id", "session_id"] };
  const log = { event: ["id", "aggregate_id"], event_sequence: ["aggregate_id"] };
  for (const [table, ids] of Object.entries({ ...renamed, ...log })) {
    const values = columns(table).map((name) =>
      ids.includes(name) ? id(name) : name === "parent_id" ? "null" : `"${name}"`,
    );
    rows.exec(`insert into ${table} select ${values.join(", ")} from ${table} ${first}'${table}')`);
  }
}

async function measure(): Promise<void> {
  const shell = process.env.SQLITE3 ?? "sqlite3";
  const recovered = join(resolve(folder), "recovered.db");
  await rm(recovered, { force: true });
  const theirs = timed(["sh", "-c", `${shell} "$0" .recover | ${shell} "$1"`, database, recovered]);
  const cli = require.resolve("../../plugin/cli.ts");
  const ours = timed([process.execPath, cli, "salvage", "--yes", "--json", "--data-dir", join(database, "..")]);
  const { rows, isSound, runID } = JSON.parse(ours.stdout) as { rows: object; isSound: boolean; runID: string };
  const target = join(database, "..", "quarantine", "_store", runID, "salvaged.db");
  print({
    recover: { seconds: theirs.seconds, cpuSeconds: theirs.cpuSeconds, ...counts(recovered) },
    salvage: {
      seconds: ours.seconds,
      cpuSeconds: ours.cpuSeconds,
      mostMegabytes: ours.mostMegabytes,
      isSound,
      ...counts(target),
    },
    ratio: ours.seconds / theirs.seconds,
    rows,
  });
  for (const path of [recovered, join(database, "..", "quarantine")]) await rm(path, { recursive: true, force: true });
}

function timed(command: readonly string[]) {
  const start = performance.now();
  const done = Bun.spawnSync([...command], { stderr: "ignore" });
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  const { maxRSS, cpuTime } = done.resourceUsage;
  const cpuSeconds = Math.round(Number(cpuTime.total) / 1e5) / 10;
  return { seconds, cpuSeconds, mostMegabytes: Math.round(maxRSS / 1e6), stdout: done.stdout.toString() };
}

function counts(path: string): { readonly messages: number; readonly parts: number } {
  const rows = new Database(path, { readonly: true });
  const count = (table: string, id: string) =>
    (rows.query(`select count(*) as n from ${table} where id glob '${id}_*'`).get() as { n: number }).n;
  const found = { messages: count("message", "msg"), parts: count("part", "prt") };
  rows.close();
  return found;
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

if (what === "build") await build();
else if (what === "measure") await measure();
else throw new Error("build or measure?");
