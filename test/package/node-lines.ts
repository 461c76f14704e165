import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliResult, runCli } from "../command-line/cli-process.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

/** The ways in which a runtime reads databases. */
export type Reading = "in place" | "private copies" | "no SQLite";

/** What happens when one Node runs the published command and no other runtime can be found. */
export interface NodeLine {
  readonly node: string;
  readonly reading: Reading;
  /**
   * Whether this Node has SQLite only with `--experimental-sqlite`. The command then starts itself again with that
   * flag.
   */
  readonly isBehindFlag: boolean;
  /** A description of each thing that went wrong. The list is empty if nothing went wrong. */
  readonly problems: readonly string[];
}

type Generation = "json" | "sqlite";

/** The stores on which every Node is tried. Each generation has a healthy store and a store with a damaged part. */
export class TriedStores {
  readonly #folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-node-"));

  async create(): Promise<this> {
    const rows = await createSqliteStore("1.18.33", sampleContent());
    for (const store of [createJsonStore(sampleContent()), rows]) {
      const generation = store === rows ? "sqlite" : "json";
      cpSync(store.dataDir, join(this.#folder, `${generation}-healthy`), { recursive: true, preserveTimestamps: true });
      // With an open connection, the database is copied with its log and its shared memory, as it would be beside a
      // running opencode.
      const connection = store === rows ? rows.connect() : null;
      store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
      cpSync(store.dataDir, join(this.#folder, `${generation}-damaged`), { recursive: true, preserveTimestamps: true });
      connection?.close();
      store.remove();
    }
    return this;
  }

  /** Makes a copy, which `remove` deletes. */
  copy(generation: Generation, state: "healthy" | "damaged"): string {
    const target = join(mkdtempSync(join(this.#folder, "copy-")), "opencode");
    cpSync(join(this.#folder, `${generation}-${state}`), target, { recursive: true, preserveTimestamps: true });
    return target;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Runs the command of the built package (`dist`) in one Node, on every store. It checks, repairs and undoes. */
export async function tryNode(binary: string, dist: string, stores: TriedStores): Promise<NodeLine> {
  const problems: string[] = [];
  let reading: Reading = "in place";
  let isBehindFlag = false;
  const run = (dataDir: string, ...args: readonly string[]) =>
    runCli([...args, "--data-dir", dataDir], {
      runtime: binary,
      entry: join(dist, "cli.js"),
      // The command finds no other runtime.
      env: { PATH: join(dataDir, "none"), TMPDIR: join(dataDir, "..") },
    });
  const expected = (what: string, result: CliResult, status: number, verdict: string | null) => {
    const document = documentOf(result);
    if (result.code === status && document?.verdict === verdict) return;
    problems.push(`${what}: status ${result.code}, verdict ${document?.verdict}: ${result.stderr.slice(0, 200)}`);
  };
  for (const generation of ["json", "sqlite"] as const) {
    for (const state of ["healthy", "damaged"] as const) {
      const dataDir = stores.copy(generation, state);
      const before = fingerprint(dataDir);
      const checked = await run(dataDir, "check", "--json");
      if (fingerprint(dataDir) !== before) problems.push(`${generation} ${state}: a check changed a file`);
      if (documentOf(checked)?.reason === "no-runtime") {
        reading = "no SQLite";
        expected(`check ${generation} ${state}`, checked, 2, null);
        continue;
      }
      isBehindFlag ||= checked.stderr.includes("has no SQLite; using another Node");
      expected(`check ${generation} ${state}`, checked, state === "healthy" ? 0 : 1, state);
      if (state === "healthy") continue;
      const repaired = await run(dataDir, "repair", "--yes", "--json");
      expected(`repair ${generation}`, repaired, 0, "healthy");
      const undone = await run(dataDir, "restore", String(documentOf(repaired)?.runID), "--yes", "--json");
      expected(`restore ${generation}`, undone, 0, "damaged");
    }
  }
  const version = await runCli(["--version"], { runtime: binary, entry: join(dist, "cli.js") });
  if (version.code !== 0) problems.push(`--version: status ${version.code}`);
  if (reading === "in place" && !readsInPlace(binary)) reading = "private copies";
  return { node: versionOf(binary), reading, isBehindFlag, problems };
}

function documentOf({ stdout }: CliResult): Record<string, unknown> | null {
  try {
    return JSON.parse(stdout) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/**
 * A hash of the names and bytes of all files in a folder. It leaves out the times, because a check may change those of
 * SQLite's side files.
 */
function fingerprint(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(folder, name);
    hash.update(name);
    if (statSync(path).isFile()) hash.update(readFileSync(path));
  }
  return hash.digest("hex");
}

function readsInPlace(binary: string): boolean {
  const script = "new (require('node:sqlite').DatabaseSync)('file:///dev/null/none?mode=memory')";
  return spawnSync(binary, ["--experimental-sqlite", "-e", script], { stdio: "ignore" }).status === 0;
}

function versionOf(binary: string): string {
  return spawnSync(binary, ["--version"], { encoding: "utf8" }).stdout.trim().replace(/^v/, "");
}
