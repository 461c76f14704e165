import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rescueCommand } from "../../plugin/command-line/rescue-command.ts";
import { resolveAmong } from "../../plugin/command-line/resolve-ids.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { askCli } from "./cli-service.ts";

const UNKNOWN = "ses_zzzzzzzzzzzzzzzzzzzzzzzzzz";

let folder: string;
let dataDir: string;

/**
 * Makes a data directory with a space in its path. It has a database, and JSON files with a session that is not in the
 * database.
 */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-named-"));
  dataDir = join(folder, "my data");
  const rows = await createSqliteStore("1.18.33", sampleContent());
  const old = createJsonStore({ projects: ["prj_old"], sessions: [sessionContent("old", "prj_old", 1, 1)] });
  cpSync(rows.dataDir, dataDir, { recursive: true });
  cpSync(join(old.dataDir, "storage"), join(dataDir, "storage"), { recursive: true });
  for (const store of [rows, old]) store.remove();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  [["check", UNKNOWN], `has the id ${UNKNOWN}.`],
  [["repair", UNKNOWN, "--yes"], `has the id ${UNKNOWN}.`],
  [["show", UNKNOWN], `has the id ${UNKNOWN}.`],
  [["rescue", "--session", UNKNOWN], `has the id ${UNKNOWN}.`],
  [["check", "ses_zz"], 'has an id that begins with "ses_zz".'],
  [["show", "no", "such"], "has these words in its title or id."],
  [["sessions", "no such"], "has these words in its title or id."],
] as const)("%j: no store has this session, so the answer names the stores and the next step", async (args, what) => {
  const { code, stdout, stderr } = await askCli([...args, "--data-dir", dataDir]);
  expect(stderr).toContain(`No session of these stores ${what} Looked at: ${join(dataDir, "opencode.db")}`);
  expect(stderr).toContain(`Next: \`opencode-session-repair sessions --data-dir '${dataDir}'\``);
  expect(stdout + stderr).not.toMatch(/healthy|hidden|can load|Nothing/);
  expect(code).toBe(2);
});

test("a session may be in a store that cannot be read, and no command says that it does not exist", async () => {
  const damaged = join(folder, "damaged");
  cpSync(dataDir, damaged, { recursive: true });
  for (const name of readdirSync(damaged)) if (name.startsWith("opencode.db")) rmSync(join(damaged, name));
  writeFileSync(join(damaged, "opencode.db"), Buffer.alloc(8192, 7));
  const { stdout, code } = await askCli(["check", UNKNOWN, "--data-dir", damaged]);
  expect(stdout).toContain(`${UNKNOWN}: not among the sessions that could be read.`);
  expect(code).toBe(1);
  const shown = await askCli(["show", UNKNOWN, "--data-dir", damaged]);
  expect(shown.stderr).toContain(
    `The session may be in a store that cannot be read: ${join(damaged, "opencode.db")}. Next: \`opencode-session-repair check`,
  );
});

test("`rescue --export` prints the whole path of each file on a line of its own", async () => {
  const target = join(folder, "exported here");
  mkdirSync(target);
  const { stdout } = await askCli(["rescue", "--export", target, "--data-dir", dataDir]);
  const path = join(target, "ses_old.json");
  expect(stdout.split("\n")).toContain(`  ${path}`);
  expect(JSON.parse(readFileSync(path, "utf8")).info.id).toBe("ses_old");
  const again = await askCli(["rescue", "--export", target, "--data-dir", dataDir]);
  expect(again.stderr).toContain(`This file exists already, and was not changed: ${path}.`);
});

test("`rescue` opens the stores once, also to find an id by its beginning", async () => {
  expect(resolveAmong(["ses_o"], ["ses_old", "ses_other"])).toMatchObject({ ok: false });
  const opened = async (sessionID: string) => {
    let count = 0;
    const files = new Proxy(nodeFileSystem, {
      get(own, name, receiver) {
        count += 1;
        return Reflect.get(own, name, receiver);
      },
    });
    const said: string[] = [];
    const print = (text: string) => void said.push(text);
    const terminal = {
      ...{ print, say: print, complain: print, printDocument: print, isScreen: false },
      progress() {},
    };
    const located = { dataDir, databases: [join(dataDir, "opencode.db")], json: "records" };
    const context = { files, located, terminal, options: { json: false }, signal: new AbortController().signal };
    const named = { sessionIDs: [sessionID], into: null, fromData: null, export: null, dryRun: true };
    const wanted = { bringIn: false, bringInPutAside: false, relink: false, unarchive: false, isOpen: false };
    await rescueCommand(context as never, { name: "rescue", yes: false, ...named, ...wanted } as never);
    expect(said.join("\n")).toContain("ses_old  ");
    return count;
  };
  expect(await opened("ses_ol")).toBe(await opened("ses_old"));
});
