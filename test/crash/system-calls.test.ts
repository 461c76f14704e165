import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { lacks } from "../process/lacks.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";
import { damagedJsonStore, damagedSqliteStore } from "./damaged-stores.ts";
import type { PortChange } from "./recorded-run.ts";
import { below, callsOf, changesBelow, without } from "./system-calls.ts";

const RECORDED_RUN = require.resolve("./recorded-run.ts");

const logs = mkdtempSync(join(tmpdir(), "opencode-session-repair-strace-"));
afterAll(() => rmSync(logs, { recursive: true, force: true }));

/** Runs this Bun below strace. Returns its result, and the changes that it made in a data directory. */
async function changesOf(dataDir: string, args: readonly string[], entry?: string) {
  const log = join(logs, `${process.hrtime.bigint()}.log`);
  const ran = await runCli(args, { inside: below(log), ...(entry === undefined ? {} : { entry }) });
  return { ...ran, calls: changesBelow(dataDir, readFileSync(log, "utf8")) };
}

/** Whether SQLite made this change to its database, or forced the folder of the database to disk. */
function isOfSQLite(call: string, dataDir: string): boolean {
  const [kind, path, another] = call.split(" ");
  const isFolder = kind === "sync" && path === dataDir;
  return (
    another === undefined &&
    (isFolder || /^\/opencode\.db(-wal|-shm|-journal)?$/.test(path?.slice(dataDir.length) ?? ""))
  );
}

/**
 * The calls without everything that differs in each run: ids of runs, tokens of locks, numbers of items, and the folder
 * of the store.
 */
function impersonal(calls: readonly string[], dataDir: string): ReadonlySet<string> {
  const texts = calls.map((call) =>
    call
      .replaceAll(dataDir, "")
      .replace(/\d{8}T\d{9}Z-\d{4}-[0-9a-f]{8}/g, "RUN")
      .replace(/\b[0-9a-f]{24}\b/g, "TOKEN")
      .replace(/items\/\d{4}-/, "items/NUMBER-"),
  );
  return new Set(texts);
}

describe.skipIf(process.platform !== "linux" || lacks("strace")).each([
  ["files", async () => damagedJsonStore(), false],
  ["a database", damagedSqliteStore, true],
] as const)("the system calls of a repair and an undo on %s", (_name, makeStore, hasDatabase) => {
  const stores: StoreUnderTest[] = [];
  const newStore = async () => {
    const store = await makeStore();
    stores.push(store);
    return store.dataDir;
  };
  afterAll(() => {
    for (const store of stores) store.remove();
  });

  test("are those of the port, one for one: the crash experiments see each of them", async () => {
    const dataDir = await newStore();
    const { calls, stdout, stderr, code } = await changesOf(dataDir, [dataDir], RECORDED_RUN);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { changes, items } = JSON.parse(stdout) as { changes: PortChange[]; items: string[] };
    expect(items).toHaveLength(4);
    const ofPort = changes.flatMap(callsOf);
    expect(without(ofPort, calls), "the port tells of it, and it was not made").toEqual([]);
    const others = without(calls, ofPort);
    expect(
      others.filter((call) => !isOfSQLite(call, dataDir)),
      "made without the port",
    ).toEqual([]);
    expect(others.length > 0).toBe(hasDatabase);
    expect(ofPort.length).toBeGreaterThan(100);
  });

  test("are of the same kinds and at the same places on the command line", async () => {
    const dataDir = await newStore();
    const repaired = await changesOf(dataDir, ["repair", "--yes", "--json", "--data-dir", dataDir]);
    expect(repaired.code).toBe(0);
    const { runID } = JSON.parse(repaired.stdout) as { runID: string };
    const undone = await changesOf(dataDir, ["restore", runID, "--yes", "--json", "--data-dir", dataDir]);
    expect(undone.code).toBe(0);
    const other = await newStore();
    const { stdout } = await changesOf(other, [other], RECORDED_RUN);
    const { changes } = JSON.parse(stdout) as { changes: PortChange[] };
    const ofPort = impersonal(changes.flatMap(callsOf), other);
    const calls = [...repaired.calls, ...undone.calls].filter((call) => !isOfSQLite(call, dataDir));
    const unseen = [...impersonal(calls, dataDir)].filter((call) => !ofPort.has(call) && !RENEWED.test(call));
    expect(unseen).toEqual([]);
    expect(calls.length).toBeGreaterThan(100);
  });
});

/** A process that works for long renews the time of its lock. */
const RENEWED = /^times \/quarantine\/\.lock$/;
