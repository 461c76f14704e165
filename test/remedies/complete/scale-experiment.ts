import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toldAtEnd } from "../../process/peak-memory.ts";
import { sampleContent } from "../../stores/content.ts";
import { createSqliteStore } from "../../stores/sqlite-fixture.ts";

export interface ScaleInput {
  /** How many rows opencode 1.17 and newer refuse. */
  readonly rows: number;
  /** The first run is killed when there are this many run folders. With 0, it is not killed. */
  readonly killAfterRuns: number;
  /** Whether everything is restored at the end and compared with the first state. */
  readonly undo: boolean;
  /** Whether another process measures for how long it cannot write. */
  readonly probe: boolean;
}

export interface ScaleResult {
  readonly refused: number;
  readonly killed: boolean;
  readonly seconds: number;
  readonly peakMB: number;
  /** The longest time, in milliseconds, for which another process could not begin to write. `null` without a probe. */
  readonly longestLockMs: number | null;
  readonly left: number;
  readonly undone: boolean | null;
}

const CLI = require.resolve("../../../plugin/cli.ts");
const ROWS_OF_TURN = 4;
const TURNS_OF_SMALL_SESSION = 75;

/**
 * Makes a store of an older opencode. Every message and two parts of each turn lack fields that a newer opencode
 * requires. Half of the turns are in one session. The command line repairs the store, even after the first repair was
 * killed, and while another process tries to write.
 */
export async function runScale({ rows, killAfterRuns, undo, probe }: ScaleInput): Promise<ScaleResult> {
  const store = await createSqliteStore("1.18.33", sampleContent());
  try {
    fill(store.database, Math.ceil(rows / ROWS_OF_TURN));
    const before = imageOf(store.database);
    const refused = refusedIn(store.database);
    let killed = false;
    const started = performance.now();
    if (killAfterRuns > 0) killed = await killInTheMidst(store.dataDir, killAfterRuns);
    const prober = probe
      ? Bun.spawn([process.execPath, import.meta.path, store.database], { stdin: "pipe", stdout: "pipe" })
      : null;
    const { peakMB } = await cli(["repair", "--yes", "--json"], store.dataDir);
    const seconds = (performance.now() - started) / 1000;
    prober?.stdin.end();
    const longestLockMs = prober === null ? null : Number(await new Response(prober.stdout).text());
    const left = refusedIn(store.database);
    let undone: boolean | null = null;
    if (undo) {
      for (const runID of runsIn(store.dataDir)) await cli(["restore", runID, "--yes", "--json"], store.dataDir);
      undone = imageOf(store.database) === before;
    }
    return { refused, killed, seconds, peakMB, longestLockMs, left, undone };
  } finally {
    store.remove();
  }
}

async function cli(args: readonly string[], dataDir: string): Promise<{ peakMB: number }> {
  const peakFile = join(dataDir, "..", "peak-memory");
  const told = toldAtEnd(peakFile);
  const child = Bun.spawn([process.execPath, ...told.args, CLI, ...args, "--data-dir", dataDir], {
    env: { ...process.env, ...told.env },
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, words] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new Error(`${args.join(" ")}: exit ${code}: ${words.slice(-500)}`);
  return { peakMB: Math.round(Number(readFileSync(peakFile, "utf8")) / 1e6) };
}

async function killInTheMidst(dataDir: string, runs: number): Promise<boolean> {
  const child = Bun.spawn([process.execPath, CLI, "repair", "--yes", "--json", "--data-dir", dataDir], {
    stdout: "ignore",
    stderr: "ignore",
  });
  while (child.exitCode === null && runFolders(dataDir).length < runs) await sleep(2);
  child.kill("SIGKILL");
  await child.exited;
  return child.signalCode === "SIGKILL";
}

function runFolders(dataDir: string): string[] {
  const quarantine = join(dataDir, "quarantine");
  if (!existsSync(quarantine)) return [];
  return readdirSync(quarantine, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(join(quarantine, name)))
    .filter((name) => !name.startsWith("."));
}

function runsIn(dataDir: string): string[] {
  return [...new Set(runFolders(dataDir).map((name) => name.replace(/\.\d+$/, "")))].sort().reverse();
}

function fill(path: string, turns: number): void {
  const database = new Database(path);
  database.run("pragma synchronous = off");
  database.run("begin");
  const session = database.query(
    `insert into session (id, project_id, slug, directory, title, version, cost, time_created, time_updated)
     values (?, 'prj_one', 's', '/work', 'Old', '1.0.0', 0, 1, 1)`,
  );
  const message = database.query(
    "insert into message (id, session_id, time_created, time_updated, data) values (?, ?, ?, ?, ?)",
  );
  const part = database.query(
    "insert into part (id, message_id, session_id, time_created, time_updated, data) values (?, ?, ?, ?, ?, ?)",
  );
  for (let turn = 0; turn < turns; turn += 1) {
    const small = Math.floor((turn - turns / 2) / TURNS_OF_SMALL_SESSION);
    const owner = turn < turns / 2 ? "ses_large" : `ses_small${small}`;
    if (turn === 0 || database.query("select 1 from session where id = ?").get(owner) === null) session.run(owner);
    const at = 1_780_000_000_000 + turn * 1000;
    const number = String(turn).padStart(8, "0");
    const [user, assistant] = [`msg_${number}a`, `msg_${number}b`];
    message.run(user, owner, at, at, JSON.stringify({ role: "user", time: { created: at } }));
    message.run(assistant, owner, at + 1, at + 1, JSON.stringify(assistantDocument(at + 1)));
    const add = (name: string, data: object) =>
      part.run(`prt_${number}${name}`, assistant, owner, at, at, JSON.stringify(data));
    add("a", { type: "text", text: "healthy ".repeat(20) });
    add("b", { type: "tool", callID: "c", tool: "bash", state: toolState(at) });
    add("c", { type: "step-finish", cost: 0, tokens: TOKENS });
  }
  database.run("commit");
  database.run("pragma wal_checkpoint(truncate)");
  database.close();
}

const TOKENS = { input: 1, output: 1, reasoning: 0, cache: { read: 0, write: 0 } };

function assistantDocument(at: number): object {
  const model = { modelID: "scripted", providerID: "loopback" };
  return {
    role: "assistant",
    time: { created: at, completed: at + 5 },
    ...model,
    path: { cwd: "/work", root: "/work" },
    cost: 0,
    tokens: TOKENS,
  };
}

function toolState(at: number): object {
  return { status: "completed", input: { command: "true" }, output: "x".repeat(400), time: { start: at, end: at } };
}

function refusedIn(path: string): number {
  const database = new Database(path, { readonly: true });
  const [row] = database
    .query<{ n: number }, []>(
      `select (select count(*) from message where json_extract(data, '$.agent') is null) +
         (select count(*) from part where json_extract(data, '$.type') = 'step-finish' and json_extract(data, '$.reason') is null) +
         (select count(*) from part where json_extract(data, '$.type') = 'tool' and json_extract(data, '$.state.title') is null) as n`,
    )
    .all();
  database.close();
  return row?.n ?? -1;
}

function imageOf(path: string): string {
  const hash = createHash("sha256");
  const database = new Database(path, { readonly: true });
  for (const table of ["session", "message", "part"]) {
    for (const row of database.query(`select rowid, * from ${table} order by rowid`).iterate()) {
      hash.update(JSON.stringify(row));
    }
  }
  database.close();
  return hash.digest("hex");
}

/**
 * Tries to begin a write again and again until its input ends. Then prints the longest time for which it could not
 * write.
 */
async function askForTheLock(path: string): Promise<void> {
  const database = new Database(path);
  database.run("pragma busy_timeout = 0");
  let [longest, since, isOver] = [0, 0, false];
  process.stdin.on("end", () => {
    isOver = true;
  });
  process.stdin.resume();
  while (!isOver) {
    try {
      database.run("begin immediate");
      database.run("rollback");
      if (since > 0) longest = Math.max(longest, performance.now() - since);
      since = 0;
      await sleep(3);
    } catch {
      if (since === 0) since = performance.now();
      await sleep(1);
    }
  }
  database.close();
  process.stdout.write(String(Math.round(longest)));
}

if (import.meta.main) await askForTheLock(process.argv[2] ?? "");
