import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { openDatabase } from "../host/record-place.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

export type Wire = Record<string, unknown>;

export async function rescue(dataDir: string, ...args: string[]) {
  const result = await askCli(["rescue", "--json", "--data-dir", dataDir, ...args]);
  return { code: result.code, stderr: result.stderr, ...JSON.parse(result.stdout) };
}

export async function undo(dataDir: string, runID: string) {
  return askCli(["restore", runID, "--yes", "--data-dir", dataDir]);
}

export async function isHealthy(dataDir: string): Promise<boolean> {
  const { stdout } = await askCli(["check", "--json", "--db", join(dataDir, "opencode.db")]);
  return JSON.parse(stdout).verdict === "healthy";
}

/** The JSON files of 1.1.65 beside a database of 1.18.33 with other sessions. */
export async function upgraded(): Promise<{ old: RealStore; now: RealStore; storage: string }> {
  const old = await realStore("1.1.65");
  const now = await realStore("1.18.33");
  const storage = join(now.dataDir, "storage");
  await rm(storage, { recursive: true, force: true });
  await cp(join(old.dataDir, "storage"), storage, { recursive: true, preserveTimestamps: true });
  return { old, now, storage };
}

export async function edit(path: string, change: (value: Wire) => void): Promise<void> {
  const value = JSON.parse(await readFile(path, "utf8"));
  change(value);
  await writeFile(path, JSON.stringify(value));
}

export function rows(store: RealStore, sql: string): Wire[] {
  using database = openDatabase(store);
  return database.query<Wire, []>(sql).all();
}
