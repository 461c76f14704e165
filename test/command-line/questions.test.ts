import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { checkAndRepair } from "../repair/tool.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore, folderImage } from "../stores/json-fixture.ts";
import { nodeRelease } from "../stores/node-release.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { startInTerminal } from "./command-terminal.ts";

const CLI_SOURCE = require.resolve("../../plugin/cli.ts");

/** How to run the command: the program, and the entry that the program runs. */
const RUNTIMES = {
  Bun: async () => [process.execPath, CLI_SOURCE],
  // The oldest Node that `engines` allows. Its `readline/promises` never settles after Ctrl-D.
  "Node 20.0.0": async () => [await nodeRelease("20.0.0"), join(await builtPackage(), "cli.js")],
  "Node 24.21.0": async () => [await nodeRelease("24.21.0"), join(await builtPackage(), "cli.js")],
} as const;

interface Asked {
  readonly dataDir: string;
  readonly args: readonly string[];
}

let folder: string;
const asked: Record<string, Asked> = {};

/** Makes a data directory for each command that asks a question. In it, the command would change something. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-questions-"));
  const keep = (name: string, dataDir: string, ...args: string[]) => {
    cpSync(dataDir, join(folder, name), { recursive: true, preserveTimestamps: true });
    asked[name] = { dataDir: join(folder, name), args };
  };
  const files = createJsonStore(sampleContent());
  files.overwrite(files.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  keep("repair", files.dataDir, "repair");
  const rows = await createSqliteStore("1.18.33", sampleContent());
  const old = createJsonStore({ projects: ["prj_old"], sessions: [sessionContent("old", "prj_old", 1, 1)] });
  cpSync(join(old.dataDir, "storage"), join(rows.dataDir, "storage"), { recursive: true });
  keep("rescue", rows.dataDir, "rescue");
  rmSync(join(rows.dataDir, "storage"), { recursive: true });
  keep("salvage", rows.dataDir, "salvage", "--swap");
  const database = join(folder, "salvage", "opencode.db");
  writeFileSync(database, readFileSync(database).fill(0, 0, 64));
  rows.overwrite(rows.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  const { runID, manifests } = await checkAndRepair(rows.dataDir);
  keep("restore", rows.dataDir, "restore", runID ?? "");
  const [manifest = ""] = manifests;
  const text = readFileSync(manifest, "utf8");
  writeFileSync(manifest, text.replace(/"createdAt": "[^"]+"/, '"createdAt": "2020-01-01T00:00:00.000Z"'));
  keep("purge", rows.dataDir, "purge", "--older-than", "30d");
  for (const store of [files, rows, old]) store.remove();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WAYS = (["Bun", "Node 20.0.0", "Node 24.21.0"] as const).flatMap((runtime) =>
  ["repair", "restore", "purge", "rescue", "salvage"]
    // Node 20.0.0 has no SQLite. So only `repair`, whose store consists of JSON files, has something to ask.
    .filter((command) => runtime !== "Node 20.0.0" || command === "repair")
    .flatMap((command) => (["C-c", "C-d", "INT"] as const).map((end) => [runtime, command, end] as const)),
);

test.skipIf(lacks("tmux")).each(WAYS)(
  "%s, %s: the question is ended by %s: a no, status 1, nothing changed",
  async (runtime, command, end) => {
    const { dataDir, args } = asked[command] ?? { dataDir: "", args: [] };
    const before = folderImage(dataDir);
    const pidFile = join(folder, "pid");
    // `exec` replaces the shell by the command, which keeps the process id that the shell has written.
    const words = ["sh", "-c", 'echo $$ >"$0"; exec "$@"', pidFile, ...(await RUNTIMES[runtime]()), ...args];
    const terminal = startInTerminal([...words, "--data-dir", dataDir], { HOME: folder, PATH: "/usr/bin:/bin" });
    try {
      await terminal.waitFor("[y/N]");
      if (end === "INT") process.kill(Number(readFileSync(pidFile, "utf8")), "SIGINT");
      else terminal.press(end);
      expect(await terminal.status()).toBe(1);
      const screen = terminal.screen();
      expect(screen).toMatch(/Nothing was (changed|deleted)\./);
      expect(screen).not.toMatch(/ABORT_ERR|Error|await|reported/);
      expect(folderImage(dataDir)).toEqual(before);
    } finally {
      terminal.close();
    }
  },
);
