import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canDropPrivileges, runCli } from "./cli-process.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "opencode-session-repair-input-"));
  await chmod(folder, 0o755);
  await mkdir(join(folder, "empty"));
  await mkdir(join(folder, "store", "storage", "session"), { recursive: true });
  await mkdir(join(folder, "locked"), { mode: 0o000 });
  await writeFile(join(folder, "file"), "not a folder");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const RUN = "20261123T021500123Z-0000-9f86d081";

/** Arguments, and the sentence that says what is wrong with them. `@` stands for the folder of this test. */
const WRONG: readonly (readonly [string, string])[] = [
  ["check --data-dir @/missing", "This opencode data directory does not exist."],
  ["check --data-dir @/file", "The data directory is a file, not a folder."],
  ["check --db @/none.db", "This database file does not exist."],
  ["check --data-dir @/store --session ses_unknown", "No session of this store has an id that begins with"],
  ["repair --data-dir @/store --session ses_unknown --yes", "No session of this store has an id that begins with"],
  [`restore ${RUN} --data-dir @/store --yes`, "There is no run with this id in quarantine."],
  ["restore ../../etc --data-dir @/empty --yes", "is not the id of a run. `runs` lists them."],
  ["restore --data-dir @/empty", "restore needs the id of a run"],
  ["repair --data-dir @/empty --only no-such-code", 'There is no problem with the code "no-such-code".'],
  ["purge --data-dir @/empty --older-than soon", "purge needs --older-than with an age"],
  ["purge --data-dir @/empty", "purge needs --older-than with an age"],
  ["show --data-dir @/empty", "show needs the id of a session"],
  ["show ses_unknown --data-dir @/store", "No session of this store has an id that begins with"],
  [
    "rescue --data-dir @/store --yes",
    "There is no database of opencode 1.2 or newer to which sessions could be added.",
  ],
  ["rescue --relink --from /a --data-dir @/empty", "Use --from and --to together"],
  ["rescue --relink --from a --to b --data-dir @/empty", "--from and --to take absolute folders"],
  ["rescue --from /a --to /b --data-dir @/empty", "--from and --to go with --relink"],
  [
    "rescue --export @/empty --unarchive --data-dir @/empty",
    "--export cannot be combined with --import, --relink or --unarchive.",
  ],
  ["report --data-dir @/store --output @/none/report.md", "The folder for the report does not exist."],
  ["check --concurrency 0", "--concurrency takes a whole number"],
  ["check --concurrency many", "--concurrency takes a whole number"],
  // A script gives an empty value if it uses a variable that is not set.
  ["repair --yes --session=", "--session needs a value: --session ID."],
  ["rescue --export=", "--export needs a value: --export DIR."],
  ["check --data-dir=", "--data-dir needs a value: --data-dir DIR."],
  ["show  --data-dir @/empty", "show needs the id of a session"],
  ["check --no-such-option", "Unknown option"],
  ["check --yes", "--yes does not go with"],
  ["fix", 'There is no command "fix".'],
  ["version", 'There is no command "version". Did you mean --version?'],
];

test.each(WRONG)("%s: one clear sentence, exit status 2, nothing changed", async (line, sentence) => {
  const args = line.split(" ").map((word) => word.replace("@", folder));
  const before = (await readdir(folder, { recursive: true })).sort();
  for (const json of [[], ["--json"]]) {
    const { code, stdout, stderr } = await runCli([...args, ...json]);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(sentence);
    if (json.length === 0) expect(stdout).toBe("");
    else expect(JSON.parse(stdout)).toHaveProperty("error");
  }
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(before);
});

test.if(canDropPrivileges())("a data directory that may not be read: failed, exit status 4", async () => {
  const { code, stderr } = await runCli(["check", "--data-dir", join(folder, "locked")], { unprivileged: true });
  expect(code).toBe(4);
  expect(stderr.trim()).toStartWith("The data directory cannot be read: owned by root, mode 0: may not be read.");
  expect(stderr).toContain(`sudo chown -R "$(id -u):$(id -g)" '${join(folder, "locked")}'`);
});
