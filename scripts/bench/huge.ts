import { Database } from "bun:sqlite";
import { copyFile, mkdir, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { firstAnswer } from "./first-answer.ts";
import type { HugeStore } from "./huge-store.ts";
import { forget, homeOf, type KeptStore } from "./kept-store.ts";
import { type Command, type Medians, type Run, runOnce } from "./measure.ts";
import { median } from "./statistics.ts";

const PAGE_BYTES = 4096;

/** Before the salvage, one of this many pages is overwritten. */
const PAGES_PER_DAMAGED = 1000;

export interface HugeMeasurement {
  readonly small: KeptStore;
  readonly large: HugeStore;
  /** The command that starts this tool. */
  readonly tool: readonly [runtime: string, entry: string];
  /** The URL of the plugin's server module. */
  readonly ours: string;
  readonly runs: number;
  readonly say: (line: string) => void;
}

/**
 * Measures `show`, the repair of one row, the start of opencode and `salvage` on a very large store. All of them except
 * `salvage` are also measured on a small store.
 */
export async function measureHuge(measurement: HugeMeasurement): Promise<void> {
  const { small, large, ours, runs, say } = measurement;
  const both = { small, large };
  await compared(measurement, both, "show of one session", (kept, run) => {
    const { sessionID } = partAt(kept, run);
    return { argv: ["show", sessionID], after: () => undefined };
  });
  await compared(measurement, both, "show of a session with a giant part", (kept) => {
    return { argv: ["show", largestSession(kept)], after: () => undefined };
  });
  await compared(measurement, both, "show --json of a session with a giant part", (kept) => {
    return { argv: ["show", largestSession(kept), "--json"], after: () => undefined };
  });
  await compared(measurement, both, "repair of one row", (kept, run) => {
    const part = partAt(kept, run);
    cutOff(kept, part.id);
    return { argv: ["repair", part.sessionID, "--yes", "--json"], after: () => mustBeValid(kept, part.id) };
  });
  for (const kept of [small, large]) await rm(join(kept.dataDir, "quarantine"), { recursive: true, force: true });
  for (const [name, kept] of Object.entries(both)) {
    const home = await homeOf(kept);
    try {
      const { without, withPlugin, later } = await firstAnswer(home, ours, "/session", runs, () => forget(kept));
      say(
        `  first answer, ${name}: without ${without.toFixed(0)} ms, with the plugin ${withPlugin.toFixed(0)} ms, ` +
          `median of pairs ${later.toFixed(1)} ms later`,
      );
    } finally {
      await home.remove();
      await forget(kept);
    }
  }
  const salvaged = await salvage(measurement);
  say(`  salvage, one run: ${(salvaged.milliseconds / 1000).toFixed(1)} s, ${salvaged.peakMB.toFixed(0)} MB`);
}

interface Step {
  readonly argv: readonly string[];
  /** Checks that the command really did what is measured. */
  after(): void;
}

/** Runs a command on both stores in turn, and prints the medians. */
async function compared(
  { tool, runs, say }: HugeMeasurement,
  both: Readonly<Record<string, KeptStore>>,
  what: string,
  prepare: (kept: KeptStore, run: number) => Step,
): Promise<void> {
  const taken = new Map<string, Run[]>(Object.keys(both).map((name) => [name, []]));
  for (let run = 0; run <= runs; run += 1) {
    for (const [name, kept] of Object.entries(both)) {
      const { argv, after } = prepare(kept, run);
      const done = await runOnce(command(tool, what, kept, argv));
      after();
      // The first run fills the page cache, and is not counted.
      if (run > 0) taken.get(name)?.push(done);
    }
  }
  const medians = [...taken].map(([name, all]): [string, Medians] => [
    name,
    { milliseconds: median(all.map((run) => run.milliseconds)), peakMB: median(all.map((run) => run.peakMB)) },
  ]);
  const told = medians.map(([name, of]) => `${name} ${of.milliseconds.toFixed(0)} ms ${of.peakMB.toFixed(0)} MB`);
  const [less, more] = medians.map(([, { milliseconds }]) => milliseconds);
  say(`  ${what}: ${told.join(", ")} (${((more ?? 0) / (less ?? 1)).toFixed(2)}x)`);
}

function command(
  tool: HugeMeasurement["tool"],
  name: string,
  { dataDir }: Pick<KeptStore, "dataDir">,
  argv: readonly string[],
): Command {
  return { name, argv: [...tool, ...argv, "--quiet", "--data-dir", dataDir] };
}

/** Returns a part of a generated session. Each run gets another part. */
function partAt({ content }: KeptStore, run: number): { readonly id: string; readonly sessionID: string } {
  return withDatabase(content, (database) => {
    const row = database
      .query<{ id: string; sessionID: string }, [number]>(
        "select id, session_id as sessionID from part where rowid >= ? and json_valid(data) limit 1",
      )
      .get(1000 + run * 1010);
    if (row === null) throw new Error("the store has too few parts");
    return row;
  });
}

function largestSession({ content }: KeptStore): string {
  return withDatabase(content, (database) => {
    const row = database
      .query<{ id: string }, []>("select session_id as id from part order by length(data) desc limit 1")
      .get();
    return row?.id ?? "";
  });
}

function cutOff({ content }: KeptStore, id: string): void {
  withDatabase(content, (database) =>
    database.run("update part set data = substr(data, 1, length(data) / 2) where id = ?", [id]),
  );
}

function mustBeValid({ content }: KeptStore, id: string): void {
  const isInvalid = withDatabase(content, (database) =>
    database.query("select 1 from part where id = ? and not json_valid(data)").get(id),
  );
  if (isInvalid !== null) throw new Error("the row was not repaired");
}

function withDatabase<T>(path: string, use: (database: Database) => T): T {
  const database = new Database(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** Overwrites pages in a copy of the database with zeros, and salvages the copy. */
async function salvage({ large, tool }: HugeMeasurement): Promise<Run> {
  const dataDir = join(large.dataDir, "..", "damaged");
  const database = join(dataDir, "opencode.db");
  try {
    await mkdir(dataDir, { recursive: true });
    await copyFile(large.content, database);
    const pages = Math.floor((await stat(database)).size / PAGE_BYTES);
    const file = await open(database, "r+");
    for (let page = PAGES_PER_DAMAGED; page < pages; page += PAGES_PER_DAMAGED) {
      await file.write(Buffer.alloc(PAGE_BYTES), 0, PAGE_BYTES, page * PAGE_BYTES);
    }
    await file.close();
    return await runOnce(command(tool, "salvage", { dataDir }, ["salvage", "--yes", "--json"]));
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
