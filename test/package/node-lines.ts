import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliResult, runCli } from "../command-line/cli-process.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

/** How a runtime reads databases, as the command itself says it. */
export type Reading = "in place" | "private copies" | "no SQLite";

/** What one Node does with the published command where no other runtime is to be had. */
export interface NodeLine {
  readonly node: string;
  readonly reading: Reading;
  /** Whether SQLite is behind `--experimental-sqlite`, and the command starts itself again with that. */
  readonly isBehindFlag: boolean;
  /** What did not go as it must; empty where all did. */
  readonly problems: readonly string[];
}

type Generation = "json" | "sqlite";

/** Stores that every Node is tried on: of each generation one that is healthy, one with a damaged part. */
export class TriedStores {
  readonly #folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-node-"));

  async create(): Promise<this> {
    const rows = await createSqliteStore("1.18.33", sampleContent());
    for (const store of [createJsonStore(sampleContent()), rows]) {
      const generation = store === rows ? "sqlite" : "json";
      cpSync(store.dataDir, join(this.#folder, `${generation}-healthy`), { recursive: true, preserveTimestamps: true });
      // Copied beside an open connection, a database has its log and shared memory, as beside a running opencode.
      const connection = store === rows ? rows.connect() : null;
      store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
      cpSync(store.dataDir, join(this.#folder, `${generation}-damaged`), { recursive: true, preserveTimestamps: true });
      connection?.close();
      store.remove();
    }
    return this;
  }

  /** A copy that the caller removes with `remove`. */
  copy(generation: Generation, state: "healthy" | "damaged"): string {
    const target = join(mkdtempSync(join(this.#folder, "copy-")), "opencode");
    cpSync(join(this.#folder, `${generation}-${state}`), target, { recursive: true, preserveTimestamps: true });
    return target;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Runs the command (`dist`: the built package) in one Node on every store: looks, repairs, looks again, undoes. */
export async function tryNode(binary: string, dist: string, stores: TriedStores): Promise<NodeLine> {
  const problems: string[] = [];
  let reading: Reading = "in place";
  let isBehindFlag = false;
  const run = (dataDir: string, ...args: readonly string[]) =>
    runCli([...args, "--data-dir", dataDir], {
      runtime: binary,
      entry: join(dist, "cli.js"),
      // No other runtime is to be found.
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

/** Every file of a folder with its bytes, but for the side files' times. */
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
