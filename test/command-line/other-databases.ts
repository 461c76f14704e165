import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realStore } from "../host/stored-fixture.ts";
import { createGoDatabase, createTwoX, upgradeToTwoX } from "../stores/two-x-database.ts";
import type { CliResult } from "./cli-process.ts";
import { askCli } from "./cli-service.ts";

export const HEALTHY = "opencode can load everything here";

export let folder: string;
/**
 * Four data directories with one database each: `fresh` was made by 2.x, `upgraded` was upgraded by 2.x, `go` is of the
 * Go program, and `real` is an undamaged database of 1.18.33.
 */
export let made: Readonly<Record<"fresh" | "upgraded" | "go" | "real", string>>;

export async function makeDatabases(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "other-databases-"));
  const empty = () => mkdtemp(join(folder, "made-"));
  made = { fresh: await empty(), upgraded: await empty(), go: await empty(), real: await empty() };
  createTwoX(join(made.fresh, "opencode.db"));
  createGoDatabase(join(made.go, "opencode.db"));
  const store = await realStore("1.18.33");
  const live = new Database(join(store.dataDir, "opencode.db"));
  live.exec("pragma wal_checkpoint(truncate)");
  live.close();
  for (const to of [made.upgraded, made.real]) {
    await cp(join(store.dataDir, "opencode.db"), join(to, "opencode.db"));
  }
  await store.home.remove();
  upgradeToTwoX(join(made.upgraded, "opencode.db"));
}

export function removeDatabases(): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

export async function dataDir(which: keyof typeof made, statements = ""): Promise<string> {
  const to = await mkdtemp(join(folder, "data-"));
  await cp(made[which], to, { recursive: true });
  if (statements !== "") {
    using database = new Database(join(to, "opencode.db"));
    database.exec(`pragma foreign_keys = off; ${statements}; pragma wal_checkpoint(truncate)`);
  }
  return to;
}

/** The rows of all tables. Unlike the bytes of the file, they do not depend on the layout of the pages. */
export function rowsOf(path: string): Record<string, unknown[][]> {
  using database = new Database(join(path, "opencode.db"), { readonly: true });
  const tables = database.query("select name from sqlite_master where type = 'table'").values() as string[][];
  return Object.fromEntries(tables.map(([name = ""]) => [name, database.query(`select * from "${name}"`).values()]));
}

async function contentOf(path: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of await readdir(path, { recursive: true })) {
    content[name] = await readFile(join(path, name)).then(
      (bytes) => bytes.toString("base64"),
      () => "a folder",
    );
  }
  return content;
}

/** Runs a command, and fails if the command changes anything in the data directory. */
export async function unchanged(args: readonly string[], path: string): Promise<CliResult> {
  const before = await contentOf(path);
  const result = await askCli([...args, "--data-dir", path]);
  expect(await contentOf(path)).toEqual(before);
  return result;
}

export async function checked(path: string) {
  const result = await unchanged(["check", "--json"], path);
  const { stores, findings, advice, verdict } = JSON.parse(result.stdout);
  const codes = findings.map(({ code }: { code: string }) => code);
  return { status: result.code, stores, findings, codes, advice: Object.values(advice).join("\n"), verdict };
}

export interface RowFinding {
  readonly code: string;
  readonly severity: string;
  readonly kind: string;
  readonly remedy: string;
  readonly stops: readonly string[];
  readonly locator: {
    readonly table: string;
    readonly key: Readonly<Record<string, string>>;
    readonly column?: string;
  };
}
