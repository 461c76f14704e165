import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "../../plugin/api.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
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

/** A database so large that its pages are looked at in a process of its own. */
const LARGE_BYTES = 40_000_000;

let folder: string;
/** With a damaged part; and the same after its repair. */
let damaged: string;
let repaired: string;
let runID: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-interruption-"));
  [damaged, repaired] = [join(folder, "damaged"), join(folder, "repaired")];
  const store = await createSqliteStore("1.18.33", sampleContent());
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
      // Ends only once all parts were told of.
      while (seen.at(-1) !== 5) await sleep(10);
      return null;
    },
  });
  expect(seen.at(-1)).toBe(5);
  expect(outcome.ok && outcome.result.counts.parts).toBe(5);
});

/** The process that looks at the pages, held there: whoever waits for it waits for ever. */
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

/** Runs a command until it waits for the look at the pages, interrupts it, and waits for its end. */
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
    // It does not outlive the command.
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
      expect(terminal.screen()).toContain("Stopped before everything was checked.");
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
  // A state file does not fit the copy of its manifest: whoever takes the lock writes it again.
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
