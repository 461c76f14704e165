import { afterAll, describe, expect, test } from "bun:test";
import { lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type CliOptions, type CliResult, runCli } from "../command-line/cli-process.ts";
import { removeHomes } from "../host/home.ts";
import { CANARY, poisonedStore } from "./poisoned-store.ts";

afterAll(removeHomes);

/** Removes from an answer what the contract permits there: the data directory, and the names and ids of records. */
function withoutPermitted(text: string, dataDir: string): string {
  return text
    .replaceAll(dataDir, "<data>")
    .replaceAll(`ses_${CANARY}`, "<id>")
    .replaceAll(`prt_${CANARY}`, "<id>")
    .replaceAll(`${CANARY}.txt`, "<stray>")
    .replaceAll(`opencode-${CANARY}.db`, "<database>")
    .replaceAll(`project ${CANARY} `, "<id>")
    .replaceAll(`storage/project/${CANARY}.json`, "<project>")
    .replaceAll(`storage/session/${CANARY}/`, "<folder>")
    .replaceAll(`"recordID": "${CANARY}"`, "<id>")
    .replaceAll(`"recordID":"${CANARY}"`, "<id>");
}

function linesOf({ stdout, stderr }: CliResult, dataDir: string): string[] {
  const lines = withoutPermitted(stdout + stderr, dataDir).split("\n");
  return lines.filter((line) => line.toLowerCase().includes(CANARY));
}

describe.each(["1.1.65", "1.18.33"] as const)("a poisoned store of %s", (version) => {
  // `show` and `rescue` are left out, because they must show sessions and their names. No other command may show them.
  test("no answer of any other command holds what a user wrote, keeps or is called", async () => {
    const { store, dataDir } = await poisonedStore(version);
    const temporary = join(store.home.root, "temporary");
    await mkdir(temporary);
    const options: CliOptions = { env: { TMPDIR: temporary } };
    const leaks: string[] = [];
    const run = async (...args: string[]): Promise<CliResult> => {
      const result = await runCli([...args, "--data-dir", dataDir], options);
      leaks.push(...linesOf(result, dataDir).map((line) => `${args.join(" ")}: ${line}`));
      return result;
    };
    const umask = process.umask(0);
    try {
      await run("check");
      await run("check", "--json");
      await run("repair", "--dry-run");
      const { stdout } = await run("repair", "--yes", "--json");
      const { runID } = JSON.parse(stdout) as { runID: string };
      await expectPrivate(join(dataDir, "quarantine"));
      await run("runs");
      await run("runs", "--json");
      await run("restore", runID, "--yes", "--json");
      await run("repair", "--yes");
      await run("purge", "--older-than", "1m", "--json");
      await run("restore", "20261123T021500123Z-0000-9f86d081", "--yes");
      await run("check", "--session", CANARY);
    } finally {
      process.umask(umask);
    }
    expect(leaks).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
    await store.home.remove();
  });
});

/** Expects mode 0700 for folders and 0600 for files, whatever the umask is. */
async function expectPrivate(root: string): Promise<void> {
  const names = await readdir(root, { recursive: true });
  expect(names.length).toBeGreaterThan(5);
  for (const name of [".", ...names]) {
    const found = await lstat(join(root, name));
    expect([name, (found.mode & 0o777).toString(8)]).toEqual([name, found.isDirectory() ? "700" : "600"]);
  }
}
