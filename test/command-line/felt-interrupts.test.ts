import { afterAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandContext } from "../../plugin/command-line/context.ts";
import { rescueCommand } from "../../plugin/command-line/rescue-command.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { copyAside } from "../../plugin/salvage/salvage-run.ts";
import { until } from "../process/until.ts";
import { sampleContent } from "../stores/content.ts";
import { folderImage } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { located } from "../stores/store-under-test.ts";

const CLI_SOURCE = require.resolve("../../plugin/cli.ts");

const folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-felt-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a copy ends within one piece after a signal", async () => {
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  writeFileSync(from, Buffer.alloc(5_000_000, 1));
  const abort = new AbortController();
  abort.abort();
  await expect(nodeFileSystem.copyNew(from, to, 0o600, abort.signal)).rejects.toBe(abort.signal.reason);
  expect(readFileSync(to).length).toBeLessThan(5_000_000);
});

test("salvage is interrupted while it copies the database: nothing of the copy stays", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const database = join(store.dataDir, "opencode.db");
  const before = folderImage(store.dataDir);
  const abort = new AbortController();
  const copyNew: FileSystem["copyNew"] = (...values) => {
    abort.abort();
    return nodeFileSystem.copyNew(...values);
  };
  const copying = copyAside({ ...nodeFileSystem, copyNew }, store.dataDir, database, "code", "", abort.signal);
  await expect(copying).rejects.toMatchObject({ name: "SalvageStoppedError", keepsCopy: false });
  expect(readdirSync(join(store.dataDir, "quarantine"))).toEqual([]);
  expect(folderImage(store.dataDir, ["quarantine"])).toEqual(before);
  store.remove();
});

test("rescue is interrupted while it lists again: what was done is told, what is hidden is not known", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const connection = store.connect();
  connection.exec("update session set time_archived = 1 where id = 'ses_a'");
  connection.close();
  const abort = new AbortController();
  const never = new Promise<never>(() => undefined);
  const files: FileSystem = {
    ...nodeFileSystem,
    list: (path) => (abort.signal.aborted ? never : nodeFileSystem.list(path)),
    stat: (path) => (abort.signal.aborted ? never : nodeFileSystem.stat(path)),
    unlink: async (path) => {
      await nodeFileSystem.unlink(path);
      // Removing the lock is the last step of the change. The interrupt comes right after it.
      if (path.endsWith(".lock")) abort.abort();
    },
  };
  const documents: string[] = [];
  const said: string[] = [];
  const terminal = {
    interactive: false,
    progress: () => undefined,
    print: (text: string) => void said.push(text),
    say: (text: string) => void said.push(text),
    complain: (text: string) => void said.push(text),
    printDocument: (text: string) => void documents.push(text),
  };
  const context = {
    files,
    located: await located(nodeFileSystem, store.dataDir),
    options: { json: true, quiet: false, color: false, concurrency: 2 },
    terminal,
    signal: abort.signal,
  } as unknown as CommandContext;
  const command = {
    name: "rescue" as const,
    bringInPutAside: false,
    ...{ into: null, fromData: null, sessionIDs: [], export: null, bringIn: false, relink: false },
    ...{ unarchive: true, isOpen: false, yes: true, dryRun: false },
  } as const;
  const status = await rescueCommand(context, command);
  const document = JSON.parse(documents.join(""));
  expect(document.items).toMatchObject([{ recordID: "ses_a", action: "rescued" }]);
  expect([document.hidden, document.partlyShown, document.incomplete]).toEqual([null, null, null]);
  expect(said.join("\n")).toContain("Some may still be hidden");
  expect(status).toBe(3);
  store.remove();
});

test("a second interrupt ends a command that did not stop: status 4, and its temporary folders are gone", async () => {
  const [temporary, preload] = [mkdtempSync(join(folder, "tmp-")), join(folder, "preload.ts")];
  const temporaryFolder = require.resolve("../../plugin/platform/temporary-folder.ts");
  const hanging = `import { makeTemporaryFolder } from ${JSON.stringify(temporaryFolder)};
    export async function runCommandLine() {
      await makeTemporaryFolder();
      process.stdout.write("hangs");
      return new Promise(() => setInterval(() => undefined, 1_000));
    }`;
  writeFileSync(
    preload,
    `Bun.plugin({ name: "hang", setup: (build) => build.onLoad({ filter: /command-line.run\\.ts$/ },
      () => ({ loader: "ts", contents: ${JSON.stringify(hanging)} })) });`,
  );
  const env = { PATH: process.env.PATH, TMPDIR: temporary };
  const child = spawn(process.execPath, ["--preload", preload, CLI_SOURCE], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => (out += String(data)));
  child.stderr.on("data", (data) => (err += String(data)));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  await until(
    () => out === "hangs" || child.exitCode !== null,
    () => `the command never came so far: ${err}`,
  );
  // The first interrupt does not end the command. npm sends each interrupt twice, so a second one that comes at once is
  // ignored.
  await until(() => child.exitCode !== null || !child.kill("SIGINT"), "two interrupts did not end it");
  expect(await ended).toBe(4);
  expect(err).toContain("Ended at once. Nothing is lost");
  expect(readdirSync(temporary)).toEqual([]);
});
