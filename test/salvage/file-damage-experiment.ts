import { Database } from "bun:sqlite";
import { copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SalvageReport } from "../../plugin/salvage/salvage.ts";
import { runCli } from "../command-line/cli-process.ts";
import { createHome } from "../host/home.ts";
import { hostVerdict } from "../host/load-path.ts";
import { startHost } from "../host/running-host.ts";
import { Random } from "../oracle/random.ts";
import { missing, recoveredFrom, recoverWorks } from "./experiment.ts";
import { type FileDamageKind, writeFileDamage } from "./file-damage.ts";
import type { GrownStore } from "./grown-store.ts";
import { heldAgainst } from "./told-losses.ts";

export interface FileDamageOutcome {
  readonly what: string;
  readonly summary: string;
  /** Describes each promise of the tool that was broken. */
  readonly faults: readonly string[];
}

interface Answer {
  readonly code: number | null;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a JSON document of the command line
  readonly document: any;
}

/**
 * Damages a store and runs the commands that a user would run. Then compares their answers with the host and with the
 * whole store.
 */
export async function fileDamageExperiment(
  store: GrownStore,
  kind: FileDamageKind,
  seed: number,
): Promise<FileDamageOutcome> {
  const dataDir = join(store.folder, `damaged-${kind}-${seed}`, "opencode");
  await mkdir(dataDir, { recursive: true });
  const database = join(dataDir, "opencode.db");
  const faults: string[] = [];
  try {
    const what = await writeFileDamage(store, database, kind, new Random(seed * 2654435761));
    const before = await contentOf(dataDir);
    const run = async (...args: string[]): Promise<Answer> => {
      const { code, stdout, stderr } = await runCli([...args, "--data-dir", dataDir, "--json"]);
      let document = null;
      try {
        document = JSON.parse(stdout);
      } catch {
        faults.push(`${args[0]} ${code}: no JSON: ${(stdout + stderr).slice(0, 300)}`);
      }
      return { code, text: stderr, document };
    };
    const checked = await run("check");
    const verdict = checked.document?.verdict;
    const codes = [...new Set((checked.document?.findings ?? []).map(({ code }: { code: string }) => code))];
    const summary: string[] = [`check ${verdict} ${codes.join("+")}`];
    if (await differs(before, dataDir)) faults.push("check changed a file");
    const state = stateOf(store, dataDir, database);
    // Lost bytes inside a text leave no trace if the rest is still JSON, so a check may call such a store healthy.
    if (verdict === "healthy" && state !== "same" && state !== "other content")
      faults.push(`check says healthy, ${state}`);
    if (verdict === "healthy" && state === "other content") summary.push("(other content)");
    if (verdict !== "healthy" && state === "same") summary.push("(sqlite reads all of it)");
    const salvaged = await run("salvage", "--yes");
    if (await differs(before, dataDir)) faults.push("salvage changed a file");
    const report = salvaged.document as
      | (SalvageReport & { database?: string; runID?: string; message?: string })
      | null;
    if (report?.sessions === undefined) {
      summary.push(`salvage ${salvaged.code}: ${report?.message ?? salvaged.text.trim().slice(0, 200)}`);
      if (verdict !== "healthy" && !(state === "same" || state === "other content"))
        faults.push("check names a damage, but salvage does nothing");
      return { what, summary: summary.join(", "), faults };
    }
    const swapped = await run("salvage", "--swap", "--yes");
    if (swapped.document?.swapped !== true) faults.push(`no swap: ${swapped.text.trim().slice(0, 200)}`);
    if (swapped.document?.runID !== report.runID) faults.push("the swap salvaged again");
    const after = await run("check");
    summary.push(
      `salvage ${salvaged.code} ${report.sessions.length} sessions, not whole ${report.sessions.filter(({ isWhole }) => !isWhole).length}, added ${report.addedSchemaObjects.length}, then ${after.document?.verdict}`,
    );
    if (after.document?.verdict !== "healthy")
      faults.push(
        `after the swap: ${after.document?.verdict} ${JSON.stringify(after.document?.findings?.slice(0, 2))}`,
      );
    faults.push(...(await compared(store, database, report)), ...(await opened(store, database, report)));
    if (recoverWorks()) faults.push(...(await worseThanRecover(store, before, dataDir, database, report)));
    const restored = await run("restore", report.runID ?? "", "--yes");
    if (restored.code !== 0 && verdict === "healthy") faults.push(`restore ${restored.code}`);
    if (await differs(before, dataDir)) faults.push("after the undo, the bytes differ");
    return { what, summary: summary.join(", "), faults };
  } finally {
    await rm(join(dataDir, ".."), { recursive: true, force: true });
  }
}

type Content = ReadonlyMap<string, Buffer>;

async function contentOf(dataDir: string): Promise<Content> {
  const names = (await readdir(dataDir)).filter((name) => name !== "quarantine");
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(dataDir, name))] as const)));
}

async function differs(before: Content, dataDir: string): Promise<boolean> {
  const now = await contentOf(dataDir);
  return now.size !== before.size || [...before].some(([name, bytes]) => now.get(name)?.equals(bytes) !== true);
}

/**
 * Compares what SQLite reads from the damaged and from the whole database. The result is "same", "other content", or an
 * error of SQLite.
 */
function stateOf(store: GrownStore, dataDir: string, database: string): string {
  const copy = join(dataDir, "..", "state.db");
  for (const suffix of ["", "-wal"]) {
    Bun.spawnSync(["sh", "-c", `rm -f "$1"; cp "$0" "$1" 2>/dev/null`, database + suffix, copy + suffix]);
  }
  try {
    using damaged = new Database(copy);
    const [check] = damaged.query("pragma integrity_check(1)").values() as string[][];
    if (check?.[0] !== "ok") return `SQLite says: ${check?.[0]?.slice(0, 150)}`;
    using whole = new Database(store.database, { readonly: true });
    return dump(damaged) === dump(whole) ? "same" : "other content";
  } catch (error) {
    return `SQLite fails: ${String(error)}`;
  }
}

function dump(database: Database): string {
  const tables = database.query("select name, sql from sqlite_schema order by type, name").values() as string[][];
  const rows = tables.map(([name, sql]) =>
    sql?.startsWith("CREATE TABLE") ? database.query(`select * from "${name}" order by 1, 2`).values() : [],
  );
  return new Bun.CryptoHasher("sha1").update(JSON.stringify([tables, rows])).digest("hex");
}

/** Compares the report with the whole store, and describes what is false. */
async function compared(store: GrownStore, database: string, report: SalvageReport): Promise<string[]> {
  const lies = [...heldAgainst(store.database, database, report).lies];
  using rows = new Database(database, { readonly: true });
  const count = (table: string, id: string) =>
    (rows.query(`select count(*) from ${table} where session_id = ?`).values(id) as number[][])[0]?.[0];
  for (const { sessionID, messages, parts } of report.sessions) {
    if (count("message", sessionID) !== messages || count("part", sessionID) !== parts)
      lies.push(`${sessionID} has other numbers of records`);
  }
  rows.query("attach ? as whole").run(store.database);
  const others = ["project", "todo", "permission", "workspace", "session_share", "account", "control_account", "event"];
  const isThere = (table: string, schema: string) =>
    rows.query(`select 1 from ${schema}.sqlite_schema where name = ?`).all(table).length > 0;
  for (const table of others.filter((each) => isThere(each, "whole"))) {
    if (!isThere(table, "main")) lies.push(`no table ${table}`);
    else {
      const number = (schema: string) =>
        Number((rows.query(`select count(*) from ${schema}."${table}"`).values() as number[][])[0]?.[0]);
      const [now, was] = [number("main"), number("whole")];
      const told = report.lostRows[table] ?? 0;
      const isTold =
        told > 0 || report.emptyColumns.includes(table) || !report.sessions.every(({ isWhole }) => isWhole);
      if (now < was && !isTold) lies.push(`${table}: ${now} of ${was} rows, and nothing is said`);
      if (now > was) lies.push(`${table}: ${now} rows, there were ${was}`);
    }
  }
  return lies.slice(0, 6);
}

/** Describes what a host of the store's version does not open. */
async function opened(store: GrownStore, database: string, report: SalvageReport): Promise<string[]> {
  const home = await createHome(store.version, { project: store.project });
  const faults: string[] = [];
  try {
    await mkdir(home.dataDir, { recursive: true });
    await copyFile(database, join(home.dataDir, "opencode.db"));
    const host = await startHost({ home });
    try {
      const ids = report.sessions.map(({ sessionID }) => sessionID);
      const verdict = await hostVerdict(host, ids);
      if (verdict.list.status !== 200) faults.push(`the list answers ${verdict.list.status}`);
      for (const { id, info, messages, todo, diff, listed } of verdict.sessions) {
        const statuses = [info, messages, todo, diff].map(({ status }) => status);
        if (statuses.some((status) => status !== 200)) faults.push(`${id} answers ${statuses}`);
        const told = report.sessions.find(({ sessionID }) => sessionID === id);
        const bodies = Array.isArray(messages.body) ? (messages.body as { parts: unknown[] }[]) : [];
        const parts = bodies.reduce((sum, body) => sum + body.parts.length, 0);
        if (bodies.length !== told?.messages || parts !== told.parts)
          faults.push(`${id} shows ${bodies.length}/${parts}, told ${told?.messages}/${told?.parts}`);
        const { directory } = (info.body ?? {}) as { directory?: string };
        if (directory === store.project && !listed) faults.push(`${id} is not listed`);
      }
    } finally {
      await host.stop();
    }
  } catch (error) {
    faults.push(`the host fails: ${String(error).slice(0, 300)}`);
  } finally {
    await home.remove();
  }
  return faults.slice(0, 6);
}

/** Describes what `sqlite3 .recover` saves from the damaged files and the salvage does not. */
async function worseThanRecover(
  store: GrownStore,
  before: Content,
  dataDir: string,
  database: string,
  report: SalvageReport,
): Promise<string[]> {
  const source = join(dataDir, "..", "for-recover.db");
  for (const [name, bytes] of before) await Bun.write(source + name.slice("opencode.db".length), bytes);
  const { theirs, ours, sessions } = await recoveredFrom(source, join(dataDir, ".."), store.database, database);
  const lacking = missing(ours, theirs);
  const listed = new Set(report.sessions.map(({ sessionID }) => sessionID));
  const gone = sessions.filter((id) => !listed.has(id));
  return [
    ...(lacking.length > 0 ? [`.recover has ${lacking.length} more: ${lacking.slice(0, 3)}`] : []),
    ...(gone.length > 0 ? [`.recover has sessions more: ${gone.slice(0, 3)}`] : []),
  ];
}
