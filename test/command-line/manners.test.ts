import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { folderImage } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { askCli } from "./cli-service.ts";
import { startInTerminal } from "./command-terminal.ts";

const CLI = require.resolve("../../plugin/cli.ts");
const SAID = "Half a sentence that";

let folder: string;
/** A store in which a part of `ses_a` is cut off. `ses_b` and `ses_c` are healthy. */
let damaged: string;
/** The same store after a repair. */
let repaired: string;
let runID: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-manners-"));
  const store = await createSqliteStore("1.18.33", sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from(`{"type":"text","text":"${SAID}`));
  const connection = store.connect();
  connection.exec("update session set title = 'Fix the login page' where id = 'ses_a'");
  connection.close();
  damaged = join(folder, "damaged");
  repaired = join(folder, "repaired");
  cpSync(store.dataDir, damaged, { recursive: true });
  const done = JSON.parse((await askCli(["repair", "--yes", "--json", "--data-dir", store.dataDir])).stdout);
  runID = done.runID;
  cpSync(store.dataDir, repaired, { recursive: true });
  store.remove();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the store is named first, one next step last, and it does what it says", async () => {
  const { stdout } = await askCli(["check", "--data-dir", damaged]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toBe(`Store: ${damaged}/opencode.db (SQLite, opencode 1.18.33)`);
  expect(stdout).not.toContain("Fix the login page");
  expect(lines.filter((line) => line.startsWith("Next: "))).toEqual([lines.at(-1) ?? ""]);
  const words = lines.at(-1)?.replace("Next: opencode-session-repair ", "").split(" ") ?? [];
  expect((await askCli([...words, "--dry-run"])).stdout).toContain("close 1 record");
});

test("a beginning of an id is enough where it names one session; more than one are named", async () => {
  const before = folderImage(damaged);
  const one = JSON.parse((await askCli(["check", "ses_a", "--json", "--data-dir", damaged])).stdout);
  expect(one.findings).toHaveLength(1);
  const many = await askCli(["repair", "ses_", "--yes", "--data-dir", damaged]);
  expect([many.code, many.stderr]).toEqual([2, expect.stringContaining('3 sessions begin with "ses_"')]);
  const wrong = await askCli(["show", "ses_aa", "--data-dir", damaged]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("Did you mean ses_a")]);
  expect(folderImage(damaged)).toEqual(before);
});

test("sessions lists healthy ones too, with their state; words of a title find one, and show it", async () => {
  const { sessions } = JSON.parse((await askCli(["sessions", "--json", "--data-dir", damaged])).stdout);
  const states = sessions.map(({ sessionID, state }: { sessionID: string; state: string }) => [sessionID, state]);
  expect(Object.fromEntries(states)).toEqual({ ses_a: "damaged", ses_b: "healthy", ses_c: "healthy" });
  const found = await askCli(["sessions", "page", "LOGIN", "--data-dir", damaged]);
  expect(found.stdout).toMatch(/ses_a {2}Fix the login page {2}1 error/);
  expect(found.stdout).not.toContain("ses_b");
  const none = await askCli(["sessions", "nowhere", "--data-dir", damaged]);
  expect([none.code, none.stdout]).toEqual([2, ""]);
  const shown = await askCli(["show", "login", "page", "--data-dir", damaged]);
  expect([shown.code, shown.stdout]).toEqual([1, expect.stringContaining(SAID)]);
});

test("an export has every part as it is stored", async () => {
  const whole = JSON.parse((await askCli(["show", "ses_b", "--json", "--data-dir", damaged])).stdout);
  expect(whole.messages[0]).toMatchObject({ info: { role: "user" }, parts: [{ type: "text" }] });
  const markdown = (await askCli(["show", "login", "--markdown", "--data-dir", damaged])).stdout;
  expect(markdown).toStartWith("# Fix the login page\n");
  expect(markdown).toContain(`${SAID}`);
  expect(markdown).toContain("> **HOLE: part prt_a1_1");
});

test("what is in a run is readable before it is undone; last, a beginning or an end of its id name it", async () => {
  const listed = (await askCli(["runs", "--data-dir", repaired])).stdout.split("\n");
  expect(listed.filter((line) => line.startsWith(runID))).toEqual([expect.stringMatching(/ses_a .*1 record/)]);
  const before = folderImage(repaired);
  for (const name of [runID, "last", runID.slice(0, 15), runID.slice(-8)]) {
    const contents = JSON.parse((await askCli(["runs", name, "--json", "--data-dir", repaired])).stdout);
    expect(contents.sessions[0].records).toMatchObject([{ recordID: "prt_a1_1", code: "truncated", text: SAID }]);
    const planned = await askCli(["undo", name, "-n", "--data-dir", repaired]);
    expect([planned.code, planned.stdout]).toEqual([1, expect.stringContaining(SAID)]);
  }
  expect((await askCli(["show", runID.slice(0, 15), "--data-dir", repaired])).stdout).toContain(SAID);
  const unknown = await askCli(["restore", `${runID.slice(0, -1)}z`.replace(/z$/, "0"), "--data-dir", repaired]);
  if (!runID.endsWith("0")) expect(unknown.stderr).toContain(`Did you mean ${runID}?`);
  expect(folderImage(repaired)).toEqual(before);
  const undone = await askCli(["restore", "last", "-y", "--data-dir", repaired]);
  expect([undone.code, undone.stdout]).toEqual([0, expect.stringContaining("Undone: 1 record restored.")]);
  const again = await askCli(["restore", "last", "-y", "--data-dir", repaired]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("There is no run to undo.")]);
});

test("doctor says what is missing and the way out; with both halves and a store that is well, everything is ✓", async () => {
  const home = join(folder, "home");
  const config = join(home, ".config", "opencode");
  mkdirSync(config, { recursive: true });
  const env = { HOME: home };
  const without = await askCli(["doctor", "--data-dir", damaged], { env });
  expect([without.code, without.stdout]).toEqual([1, expect.stringContaining("✗ plugin: not installed")]);
  const entry = ["opencode-session-repair@0.1.0", { preload: "never" }];
  writeFileSync(join(config, "opencode.jsonc"), `{ /* mine */ "plugin": [${JSON.stringify(entry)},] }`);
  writeFileSync(join(config, "tui.json"), JSON.stringify({ plugin: ["opencode-session-repair"] }));
  const fetched = join(home, ".cache", "opencode", "packages", "opencode-session-repair@0.0.9");
  const installed = join(fetched, "node_modules", "opencode-session-repair");
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(installed, "package.json"), '{ "name": "opencode-session-repair", "version": "0.0.9" }');
  const { checks } = JSON.parse((await askCli(["doctor", "--json", "--data-dir", damaged], { env })).stdout);
  const said = (what: string) => checks.find((each: { what: string }) => each.what === what);
  for (const what of [
    "plugin in the server",
    "plugin in the terminal UI",
    "runtime",
    "lock",
    "quarantine",
    "store opencode.db",
  ]) {
    expect(said(what)).toMatchObject({ ok: true });
  }
  expect(said("options")).toMatchObject({ ok: false, says: expect.stringContaining('"preload" takes') });
  expect(said("plugin version")).toMatchObject({ ok: false, wayOut: expect.stringContaining("packages") });
  writeFileSync(join(config, "tui.json"), JSON.stringify({ plugin: ["opencode-session-repair@0.0.9"] }));
  const apart = (await askCli(["doctor", "--data-dir", damaged], { env })).stdout;
  expect(apart).toContain("✗ plugin version: the entries name 0.1.0 and 0.0.9");
  const nowhere = await askCli(["doctor", "--data-dir", join(folder, "none")], { env });
  expect([nowhere.code, nowhere.stdout]).toEqual([1, expect.stringContaining("✗ store:")]);
});

test("completion works in bash", async () => {
  const script = (await askCli(["completion", "bash"])).stdout;
  const complete = (...words: string[]) => {
    const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}`;
    const text = `${script}\n${line}; _opencode_session_repair; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = Bun.spawnSync(["bash", "-c", text]);
    expect(stderr.toString()).toBe("");
    return stdout.toString().split("\n").filter(Boolean);
  };
  expect(complete("opencode-session-repair", "re")).toEqual(["repair", "restore", "rescue", "report"]);
  expect(complete("opencode-session-repair", "repair", "--d")).toEqual(["--dry-run", "--data-dir", "--db"]);
  expect(complete("opencode-session-repair", "repair", "--only", "trunc")).toEqual(["truncated"]);
  expect(complete("opencode-session-repair", "undo", "la")).toEqual(["last"]);
});

test("help and suggestions in a terminal of 40, 80 and 120 columns, with and without colour and Unicode", async () => {
  const calls = ["--help", "repair --help", "repiar", "undo lsat", "repair --only trunkated", "check --data-dir $DIR"];
  const script = calls.map((args) => `"$0" "$1" ${args}`).join("; ");
  for (const [width, locale, noColor] of [
    [40, "C", "1"],
    [80, "C.UTF-8", undefined],
    [120, "C.UTF-8", "1"],
  ] as const) {
    const env = { HOME: folder, PATH: "/usr/bin:/bin", LANG: locale, NO_COLOR: noColor, DIR: damaged };
    const terminal = startInTerminal(["sh", "-c", script, process.execPath, CLI], env, width);
    expect(await terminal.status()).toBe(1);
    const text = terminal.everything(false);
    // Lines that users copy are not broken: commands, the path of the store, and suggestions. Only such lines may be
    // too wide.
    const wide = text.split("\n").filter((line) => line.trimEnd().length > width);
    expect(wide.filter((line) => !/opencode-session-repair |^Store: |Did you mean/.test(line))).toEqual([]);
    for (const words of ["Did you mean repair?", "Did you mean last?", "Did you mean truncated?", "Exit status:"]) {
      expect(text.replace(/\s+/g, " ")).toContain(words);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches all ASCII characters
    expect(/^[\x00-\x7f]*$/.test(text)).toBe(locale === "C");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins with a control character
    expect(/\x1b\[3[1-7]m/.test(terminal.everything(true))).toBe(noColor === undefined);
    terminal.close();
  }
});

test("completion in a terminal: Tab completes a command and a code", async () => {
  const { stdout } = await askCli(["completion", "bash"]);
  const rc = join(folder, "bashrc");
  writeFileSync(rc, `PS1='ready> '\n${stdout}`);
  const terminal = startInTerminal(["bash", "--rcfile", rc, "-i"], { HOME: folder, PATH: "/usr/bin:/bin" }, 80);
  await terminal.waitFor("ready>");
  terminal.press("opencode-session-repair", "Space", "sal", "Tab");
  await terminal.waitFor("opencode-session-repair salvage");
  terminal.press("--sw", "Tab");
  await terminal.waitFor("salvage --swap");
  terminal.press("C-u", "opencode-session-repair", "Space", "repair", "Space", "--only", "Space", "trunc", "Tab");
  await terminal.waitFor("repair --only truncated");
  terminal.close();
});

test("on a terminal: titles, a list to choose from that Ctrl-C leaves, and plain signs where there is no Unicode", async () => {
  const cli = [process.execPath, join(import.meta.dirname, "..", "..", "plugin", "cli.ts")];
  const env = { HOME: folder, PATH: "/usr/bin:/bin" };
  for (const [width, locale] of [
    [40, "C"],
    [80, "C.UTF-8"],
    [120, "C"],
  ] as const) {
    const terminal = startInTerminal([...cli, "check", "--data-dir", damaged], { ...env, LANG: locale }, width);
    expect(await terminal.status()).toBe(1);
    const screen = terminal.screen();
    expect(screen).toStartWith("Store: ~/damaged/opencode.db");
    expect(screen).toContain("Fix the login page");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches all ASCII characters
    expect(/^[\x00-\x7f]*$/.test(screen)).toBe(locale === "C");
    terminal.close();
  }
  const before = folderImage(damaged);
  const choosing = startInTerminal([...cli, "rescue", "--data-dir", damaged], env, 80);
  const list = await choosing.waitFor(/y\/N|Choose by number/);
  expect(list).toMatch(/1 {2}2026-\d\d-\d\d \d\d:\d\d {2}\w/);
  choosing.press("C-c");
  expect(await choosing.status()).toBe(1);
  expect(choosing.screen()).toContain("Nothing was changed.");
  expect(folderImage(damaged)).toEqual(before);
  choosing.close();
});
