import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { type ManySessions, manySessions } from "../salvage/many-sessions.ts";

let folder: string;
let whole: ManySessions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "container-"));
  whole = await manySessions("1.14.41", 2, join(folder, "whole"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly evidence: string;
  readonly recordID: string | null;
}

/** The findings of a check on a changed copy. The check must not change any file content or file name. */
async function findingsOf(change: (database: string) => unknown): Promise<Finding[]> {
  const dataDir = await mkdtemp(join(folder, "data-"));
  const database = join(dataDir, "opencode.db");
  await copyFile(whole.database, database);
  await change(database);
  const state = async () => {
    const names = await readdir(dataDir);
    return Promise.all(names.map(async (name) => [name, Bun.hash(await readFile(join(dataDir, name)))]));
  };
  const before = await state();
  const result = await askCli(["check", "--data-dir", dataDir, "--json"]);
  expect(await state()).toEqual(before);
  return JSON.parse(result.stdout).findings;
}

const codes = (findings: readonly Finding[]) => findings.map(({ code, severity }) => `${severity} ${code}`);

async function overwrite(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const content = await readFile(path);
  content.set(bytes, at);
  await writeFile(path, content);
}

function change(database: string, sql: string): void {
  const connection = new Database(database);
  connection.exec(`pragma journal_mode = delete; ${sql}`);
  connection.close();
}

test("a whole database has none of these", async () => {
  expect(codes(await findingsOf(() => undefined))).toEqual([]);
});

test("a file of zero bytes", async () => {
  expect(codes(await findingsOf((database) => truncate(database, 0)))).toEqual(["blocking database-empty"]);
});

test("a file that is not a database at all", async () => {
  const findings = await findingsOf((database) => writeFile(database, "not a database, but long enough. ".repeat(999)));
  expect(codes(findings)).toEqual(["blocking not-a-database"]);
});

test("a database whose header is overwritten", async () => {
  const findings = await findingsOf((database) => overwrite(database, 0, new Uint8Array(100)));
  expect(codes(findings)).toEqual(["blocking header-damaged"]);
});

test("a write-ahead log without its database", async () => {
  const findings = await findingsOf(async (database) => {
    await rm(database);
    await copyFile(whole.wal, `${database}-wal`);
  });
  expect(codes(findings)).toEqual(["blocking wal-without-database"]);
});

test("a damaged index, which no record tells of", async () => {
  const findings = await findingsOf(async (database) => {
    const connection = new Database(database, { readonly: true });
    const row = connection.query("select rootpage from sqlite_master where name = 'part_session_idx'").get();
    connection.close();
    await overwrite(database, ((row as { rootpage: number }).rootpage - 1) * 4096, new Uint8Array(4096).fill(255));
  });
  expect(codes(findings)).toContain("blocking database-malformed");
});

test("a message that stops the upgrade to 1.17 and newer, by its id", async () => {
  const findings = await findingsOf((database) =>
    change(database, "update message set data = substr(data, 1, 20) where id = (select min(id) from message)"),
  );
  const failing = findings.filter(({ code }) => code === "migration-failing");
  expect(codes(failing)).toEqual(["warning migration-failing"]);
  expect(failing[0]?.recordID).toStartWith("msg_");
});

test("a database from before 1.2.1, whose journal is as old", async () => {
  const findings = await findingsOf(async (database) => {
    await change(database, "alter table session drop column permission");
    await change(
      database,
      "delete from __drizzle_migrations where rowid > (select min(rowid) from __drizzle_migrations)",
    );
  });
  expect(codes(findings)).toContain("warning schema-older");
});

test("a column that a database of a newer opencode lost is no sign of an older one", async () => {
  const findings = await findingsOf((database) => change(database, "alter table session drop column permission"));
  expect(codes(findings)).toEqual(["blocking columns-missing"]);
});

test.if(process.platform === "linux")("an exclusive lock, and who holds it", async () => {
  const dataDir = await mkdtemp(join(folder, "data-"));
  const database = join(dataDir, "opencode.db");
  await copyFile(whole.database, database);
  const holder = Bun.spawn(
    [
      ...[process.execPath, "-e"],
      `import { Database } from "bun:sqlite"; const database = new Database(process.argv[1]);
       database.exec("pragma locking_mode = exclusive; pragma journal_mode = delete; begin exclusive");
       console.log("locked"); await Bun.sleep(3_600_000); database.close();`,
      database,
    ],
    { stdout: "pipe" },
  );
  try {
    await holder.stdout.getReader().read();
    const result = await askCli(["check", "--data-dir", dataDir, "--json"]);
    const { findings } = JSON.parse(result.stdout) as { findings: Finding[] };
    expect(findings[0]?.code).toBe("database-unavailable");
    expect(findings[0]?.evidence).toContain(`process ${holder.pid}`);
  } finally {
    holder.kill();
  }
});
