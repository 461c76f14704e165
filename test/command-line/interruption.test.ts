import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { check, planRestore, restore } from "../../plugin/api.ts";
import { silentWhenLeft, unlessLeft } from "../../plugin/command-line/leaving.ts";
import type { Terminal } from "../../plugin/command-line/terminal.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { until } from "../process/until.ts";
import { checkAndRepair } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { folderImage } from "../stores/json-fixture.ts";
import { nodeRelease } from "../stores/node-release.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { located } from "../stores/store-under-test.ts";
import { runCli } from "./cli-process.ts";
import { startInTerminal } from "./command-terminal.ts";

const CLI_SOURCE = require.resolve("../../plugin/cli.ts");
const STOPPED_CLI = join(import.meta.dirname, "stopped-cli.ts");

/** The size of a database whose pages are checked in a separate process, because it is large. */
const LARGE_BYTES = 40_000_000;

let folder: string;
/** Data directories with a damaged part, and with the same store after its repair. */
let damaged: string;
let repaired: string;
/** A healthy data directory. Its database is so small that its pages are checked in the command's own process. */
let small: string;
let runID: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-interruption-"));
  [damaged, repaired] = [join(folder, "damaged"), join(folder, "repaired")];
  const store = await createSqliteStore("1.18.33", sampleContent());
  small = join(folder, "small");
  cpSync(store.dataDir, small, { recursive: true });
  const connection = store.connect();
  connection.exec("create table other_data (bytes blob)");
  connection.exec(`insert into other_data values (zeroblob(${LARGE_BYTES}))`);
  connection.close();
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  cpSync(store.dataDir, damaged, { recursive: true });
  const run = await checkAndRepair(store.dataDir);
  runID = run.runID ?? "";
  cpSync(store.dataDir, repaired, { recursive: true });
  store.remove();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("progress counts what was read, while the pages are still being looked at", async () => {
  const seen: number[] = [];
  const outcome = await check({
    files: nodeFileSystem,
    located: await located(nodeFileSystem, damaged),
    sessionIDs: [],
    concurrency: 2,
    onProgress: ({ parts }) => seen.push(parts),
    surveyAside: async () => {
      // This stand-in for the page check ends only after all parts were counted.
      while (seen.at(-1) !== 5) await sleep(10);
      return null;
    },
  });
  expect(seen.at(-1)).toBe(5);
  expect(outcome.ok && outcome.result.counts.parts).toBe(5);
});

/**
 * Waits until the command has started its process that checks the pages, and stops that process with SIGSTOP. The
 * command then waits for it for ever.
 */
async function heldAside(command: ChildProcess, isTime: () => boolean = () => true): Promise<number> {
  while (command.exitCode === null) {
    const path = `/proc/${command.pid}/task/${command.pid}/children`;
    const children = existsSync(path) && isTime() ? readFileSync(path, "utf8").trim().split(" ").filter(Boolean) : [];
    for (const child of children.map(Number)) {
      if (!readFileSync(`/proc/${child}/cmdline`, "utf8").includes("aside-process")) continue;
      process.kill(child, "SIGSTOP");
      return child;
    }
    await sleep(5);
  }
  throw new Error("It came to its end without another process.");
}

interface Interrupted {
  readonly code: number | null;
  readonly document: Record<string, unknown>;
}

/** Runs a command until it waits for the check of the pages, interrupts the command, and waits for its end. */
async function interrupted(command: readonly string[], dataDir: string, isTime?: () => boolean): Promise<Interrupted> {
  const [program = "", ...words] = command;
  const child = spawn(program, [...words, "--json", "--data-dir", dataDir], { stdio: ["ignore", "pipe", "ignore"] });
  const said: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => said.push(data));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const aside = await heldAside(child, isTime);
  try {
    child.kill("SIGINT");
    const code = await ended;
    // The process that checks the pages must end too.
    while (existsSync(`/proc/${aside}`)) await sleep(5);
    return { code, document: JSON.parse(Buffer.concat(said).toString("utf8")) };
  } finally {
    if (existsSync(`/proc/${aside}`)) process.kill(aside, "SIGKILL");
  }
}

function copyOf(dataDir: string): string {
  const copy = join(mkdtempSync(join(folder, "copy-")), "opencode");
  cpSync(dataDir, copy, { recursive: true });
  return copy;
}

const RUNTIMES = [
  ["Bun", async () => [process.execPath, CLI_SOURCE]],
  ["Node 24.21.0", async () => [await nodeRelease("24.21.0"), join(await builtPackage(), "cli.js")]],
] as const;

for (const [name, runtime] of process.platform === "linux" ? RUNTIMES : []) {
  test.each(["check", "report", "salvage --yes"])(
    `${name}: %s is interrupted while it looks at the pages: status 3, no verdict`,
    async (line) => {
      const dataDir = copyOf(damaged);
      const before = folderImage(dataDir);
      const { code, document } = await interrupted([...(await runtime()), ...line.split(" ")], dataDir);
      expect(code).toBe(3);
      expect(document).toMatchObject({ reason: "stopped", verdict: null });
      expect(folderImage(dataDir)).toEqual(before);
    },
  );

  test(`${name}: restore is interrupted in its last check: what was restored is told, the verdict is not known`, async () => {
    const { code, document } = await interrupted([...(await runtime()), "restore", runID, "--yes"], copyOf(repaired));
    expect([code, document.verdict, document.remaining]).toEqual([3, null, null]);
    expect(document.items).toMatchObject([{ recordID: "prt_a1_1", action: "restored" }]);
  });

  test(`${name}: repair is interrupted in its last check: what was repaired is told, the verdict is not known`, async () => {
    const dataDir = copyOf(damaged);
    const isDone = () =>
      existsSync(join(dataDir, "quarantine", "ses_a")) &&
      readdirSync(dataDir).every((entry) => !entry.endsWith(".lock"));
    const { code, document } = await interrupted([...(await runtime()), "repair", "--yes"], dataDir, isDone);
    expect([code, document.verdict, document.remaining]).toEqual([3, null, null]);
    expect(document.items).toMatchObject([{ recordID: "prt_a1_1", action: "quarantined" }]);
  });
}

/** Runs a command until `isTime`, interrupts it, and waits for its end. */
async function interruptedWhen(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  isTime: () => boolean,
): Promise<Interrupted> {
  const child = spawn(process.execPath, [CLI_SOURCE, ...words, "--json"], { env, stdio: ["ignore", "pipe", "ignore"] });
  const said: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => said.push(data));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  await until(() => isTime() || child.exitCode !== null, "the command never came so far");
  child.kill("SIGINT");
  return { code: await ended, document: JSON.parse(Buffer.concat(said).toString("utf8")) };
}

test.skipIf(process.platform !== "linux").each(["doctor", "report"])(
  "%s is left while it waits for another program: status 3, and no temporary folder stays",
  async (command) => {
    const [home, marker] = [mkdtempSync(join(folder, "home-")), join(folder, `asked-by-${command}`)];
    const temporary = mkdtempSync(join(folder, "tmp-"));
    const program = join(home, "opencode");
    // A program that never ends when it is asked for its version.
    writeFileSync(
      program,
      `#!/bin/sh\necho $$ >${marker}.new; mv ${marker}.new ${marker}; exec sleep 3600 >/dev/null\n`,
    );
    chmodSync(program, 0o755);
    const env = { HOME: home, TMPDIR: temporary, PATH: `${home}:/usr/bin:/bin` };
    try {
      const { code, document } = await interruptedWhen([command, "--data-dir", small], env, () => existsSync(marker));
      expect([code, document.reason, document.verdict]).toEqual([3, "stopped", null]);
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      if (existsSync(marker)) process.kill(Number(readFileSync(marker, "utf8")), "SIGKILL");
    }
  },
);

test.skipIf(process.platform !== "linux")(
  "salvage is interrupted while it builds the new database: status 3, nothing of it stays but the copy, and the next one ends",
  async () => {
    const dataDir = copyOf(small);
    breakPage(join(dataDir, "opencode.db"), "part");
    const before = readFileSync(join(dataDir, "opencode.db"));
    const runs = join(dataDir, "quarantine", "_store");
    const files = () => (existsSync(runs) ? readdirSync(runs, { recursive: true, encoding: "utf8" }) : []);
    const isBuilding = () => files().some((name) => name.includes("salvaged.db"));
    const { code, document } = await interrupted(
      [process.execPath, CLI_SOURCE, "salvage", "--swap", "--yes"],
      dataDir,
      isBuilding,
    );
    expect([code, document.reason]).toEqual([3, "stopped"]);
    expect(isBuilding()).toBe(false);
    expect(readFileSync(join(dataDir, "opencode.db"))).toEqual(before);
    const again = await runCli(["salvage", "--swap", "--yes", "--json", "--data-dir", dataDir]);
    expect(JSON.parse(again.stdout)).toMatchObject({ swapped: true, isSound: true });
  },
);

/** Overwrites the first page of a table. */
function breakPage(path: string, table: string): void {
  const connection = new Database(path);
  connection.run("pragma wal_checkpoint(truncate)");
  const { page } = connection.query("select rootpage as page from sqlite_schema where name = ?").get(table) as {
    page: number;
  };
  connection.close();
  const bytes = readFileSync(path);
  bytes.fill(0xaa, (page - 1) * 4096, page * 4096);
  writeFileSync(path, bytes);
}

test("an undo is stopped between two sessions: the first is restored and recorded, the other stays in quarantine", async () => {
  const dataDir = copyOf(small);
  const store = new Database(join(dataDir, "opencode.db"));
  store.run("update part set data = '' where id in (select min(id) from part group by session_id)");
  store.close();
  const { runID } = await checkAndRepair(dataDir);
  const where = { files: nodeFileSystem, located: await located(nodeFileSystem, dataDir), access: "outside" as const };
  const input = { ...where, runID: runID ?? "", sessionIDs: [], itemIDs: [] };
  const planning = await planRestore(input);
  if (!planning.ok) throw new Error(planning.message);
  expect(planning.plan.runs.length).toBeGreaterThan(1);
  const abort = new AbortController();
  const first = await restore({ ...input, signal: abort.signal, onProgress: () => abort.abort() }, planning.plan);
  expect(first.stopped).toMatchObject({ kind: "refused", message: expect.stringContaining("The changes made so far") });
  expect(first.items.map(({ action }) => action)).toEqual(["restored"]);
  const rest = await restore(input, planning.plan);
  expect(rest.stopped).toBeNull();
  expect(rest.items).toHaveLength(planning.plan.runs.length - 1);
});

test("work that feels no signal is left after it, and work that ends by itself is waited for", async () => {
  const abort = new AbortController();
  const never = unlessLeft(() => new Promise<string>(() => undefined), abort.signal);
  const own = unlessLeft(
    () => new Promise((resolve) => abort.signal.addEventListener("abort", () => resolve("own"))),
    abort.signal,
  );
  expect(await unlessLeft(async () => "done", abort.signal)).toBe("done");
  const said: string[] = [];
  let isOver = false;
  const terminal = { print: (text: string) => void said.push(text) } as Terminal;
  const silent = silentWhenLeft(terminal, () => isOver);
  silent.print("before");
  abort.abort();
  expect([await never, await own]).toEqual([null, "own"]);
  isOver = true;
  silent.print("after");
  expect(said).toEqual(["before"]);
});

test.skipIf(process.platform !== "linux" || lacks("tmux"))(
  "on a terminal the counts are shown, and Ctrl-C ends it",
  async () => {
    const held = join(folder, "held.pid");
    const command = [process.execPath, CLI_SOURCE, "check", "--data-dir", damaged];
    const words = ["sh", "-c", 'echo $$ >"$0"; exec "$@"', held, ...command];
    const terminal = startInTerminal(words, { HOME: folder, PATH: "/usr/bin:/bin" });
    try {
      while (!existsSync(held) || readFileSync(held, "utf8") === "") await sleep(5);
      const aside = await heldAside({ pid: Number(readFileSync(held, "utf8")), exitCode: null } as ChildProcess);
      await terminal.waitFor("Checking: 3 sessions, 3 messages, 5 parts");
      terminal.press("C-c");
      expect(await terminal.status()).toBe(3);
      expect(terminal.screen()).toContain("Stopped before the end. Nothing was changed.");
      expect(existsSync(`/proc/${aside}`)).toBe(false);
    } finally {
      terminal.close();
    }
  },
);

test.each([
  "check",
  "repair --yes",
  "restore RUN --yes",
  "purge --older-than 0m --yes",
  "rescue --yes",
  "salvage --yes",
  "show ses_a",
  "report",
])("%s, interrupted before it began: status 3, no verdict, nothing changed", async (line) => {
  const dataDir = copyOf(repaired);
  // The state file of a copied run does not match the copied manifest. A command that takes the lock writes the state
  // file again, so these files are not compared.
  const states = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".jsonl"));
  const before = folderImage(dataDir, states);
  const words = line.replace("RUN", runID).split(" ");
  for (const json of [[], ["--json"]]) {
    const result = await runCli([...words, ...json, "--data-dir", dataDir], { entry: STOPPED_CLI });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain("Stopped");
    if (json.length === 0) expect(result.stdout).not.toMatch(/healthy|can load everything|sound/i);
    else expect(JSON.parse(result.stdout)).toMatchObject({ reason: "stopped", verdict: null });
  }
  expect(folderImage(dataDir, states)).toEqual(before);
});
