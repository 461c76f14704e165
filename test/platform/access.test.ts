/**
 * Files and folders that the user may not use. The check names each of them with its owner and a command, and checks
 * everything else.
 */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { chmod, cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canDropPrivileges, runCli } from "../command-line/cli-process.ts";
import { removeHomes } from "../host/home.ts";
import { realStore } from "../host/stored-fixture.ts";

/** The id of the user for whom `runCli` runs the check. */
const NOBODY = 65_534;

const canMount =
  process.platform === "linux" &&
  Bun.spawnSync(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).exitCode === 0;

let root: string;
let dataDir: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "access-"));
  await chmod(root, 0o755);
  dataDir = join(root, "opencode");
});

afterEach(() => rm(root, { recursive: true, force: true }));
afterAll(removeHomes);

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly locator: { readonly path?: string };
  readonly evidence: string;
  readonly command?: string;
  readonly sessionID: string | null;
}

interface Checked {
  readonly status: number | null;
  readonly answer: {
    readonly checked: { readonly sessions: number; readonly parts: number };
    readonly findings: readonly Finding[];
    readonly verdict: string;
    readonly stores: readonly unknown[];
  };
}

/** Copies a store that a real host wrote. Everything in it belongs to the user who runs the check. */
async function layOut(version: "1.18.33" | "1.1.65"): Promise<void> {
  const store = await realStore(version);
  await cp(store.dataDir, dataDir, { recursive: true, preserveTimestamps: true });
  await store.home.remove();
  chownSync(dataDir, NOBODY, NOBODY);
  for (const name of readdirSync(dataDir, { recursive: true, encoding: "utf8" })) {
    chownSync(join(dataDir, name), NOBODY, NOBODY);
  }
}

async function check(env: Record<string, string> = {}): Promise<Checked> {
  const unprivileged = canDropPrivileges();
  const result = await runCli(["check", "--json", "--data-dir", dataDir], { unprivileged, env });
  return { status: result.code, answer: JSON.parse(result.stdout) };
}

/** Gives a file or folder to root, with this mode. */
function toRoot(path: string, mode: number): void {
  chownSync(join(dataDir, path), 0, 0);
  chmodSync(join(dataDir, path), mode);
}

const first = (folder: string) => `${folder}/${readdirSync(join(dataDir, folder)).sort()[0]}`;

/** The finding about a file or folder that the user may not use. */
function denied({ answer }: Checked): Finding | undefined {
  return answer.findings.find(({ code }) => code === "access-denied");
}

describe.if(canDropPrivileges())("a database of 1.18.33 whose files are another user's", () => {
  test.each([
    ["opencode.db", 0o644, "root, mode 644: may not be written", 9],
    ["opencode.db-wal", 0o644, "root, mode 644: may not be written", 9],
    ["opencode.db-wal", 0o600, "root, mode 600: may not be read; no session was checked", 0],
    ["opencode.db", 0o600, "root, mode 600: may not be read", 0],
    [".", 0o755, "root, mode 755: may not be written", 9],
    ["log", 0o755, "root, mode 755: may not be written", 9],
  ])("%s with mode %o: opencode does not start, and it is said", async (path, mode, words, sessions) => {
    await layOut("1.18.33");
    if (path === "log") mkdirSync(join(dataDir, path), { recursive: true });
    toRoot(path, mode);
    const checked = await check();
    expect(checked.status).toBe(1);
    expect(checked.answer.verdict).not.toBe("healthy");
    expect(checked.answer.findings.filter(({ severity }) => severity === "blocking")).toHaveLength(1);
    const finding = denied(checked);
    expect(finding).toMatchObject({ severity: "blocking", locator: { path } });
    expect(finding?.evidence).toContain(words);
    expect(finding?.command).toContain(`sudo chown`);
    expect(finding?.command).toContain(`'${join(dataDir, path)}'`);
    expect(checked.answer.checked.sessions).toBe(sessions);
    expect(JSON.stringify(checked.answer)).not.toContain("free the disk");
  });

  test.each([
    ["opencode.db", 0o600],
    [".", 0o700],
  ])("doctor names the command that corrects %s", async (path, mode) => {
    await layOut("1.18.33");
    toRoot(path, mode);
    const { stdout } = await runCli(["doctor", "--data-dir", dataDir], { unprivileged: true });
    expect(stdout).toContain(`sudo chown ${path === "." ? "-R " : ""}"$(id -u):$(id -g)" '${join(dataDir, path)}'`);
  });

  test("its own mode is corrected without sudo; a healthy one is not named", async () => {
    await layOut("1.18.33");
    expect(await check()).toMatchObject({ status: 0, answer: { findings: [], verdict: "healthy" } });
    chmodSync(join(dataDir, "opencode.db"), 0o400);
    expect(denied(await check())?.command).toStartWith("chmod u+rwX");
  });

  test("shared memory that may not be read keeps nobody from reading the rest", async () => {
    await layOut("1.18.33");
    await Bun.write(join(dataDir, "opencode.db-shm"), Buffer.alloc(32_768));
    toRoot("opencode.db-shm", 0o600);
    const checked = await check();
    expect(denied(checked)?.locator.path).toBe("opencode.db-shm");
    expect(checked.answer.checked.sessions).toBe(9);
  });

  test("a link into another user's folder: the rest is told, and no command gives that folder away", async () => {
    await layOut("1.18.33");
    const away = join(root, "another-user");
    mkdirSync(away);
    for (const name of ["opencode.db", "opencode.db-wal"]) renameSync(join(dataDir, name), join(away, name));
    symlinkSync(join(away, "opencode.db"), join(dataDir, "opencode.db"));
    chmodSync(away, 0o700);
    const checked = await check();
    expect(checked.status).toBe(1);
    const finding = denied(checked);
    expect(finding).toMatchObject({ severity: "blocking", locator: { path: "opencode.db" } });
    expect(finding?.evidence).toBe("in a folder owned by root, mode 700: may not be read");
    expect(finding?.command).toBeUndefined();
  });

  test.each([0, NOBODY])("a closed folder above the data directory (of user %d) is not given away", async (owner) => {
    await layOut("1.18.33");
    chownSync(root, owner, owner);
    chmodSync(root, owner === 0 ? 0o700 : 0o600);
    const { code, stderr } = await runCli(["check", "--data-dir", dataDir], { unprivileged: true });
    expect(code).toBe(4);
    expect(stderr).not.toContain("chown");
    expect(stderr).toContain(
      owner === 0 ? "Run this command as the user who owns the directory." : `chmod u+rwX '${root}'`,
    );
    chownSync(root, 0, 0);
    chmodSync(root, 0o755);
  });

  test("a data directory that may not be entered is named, with its command", async () => {
    await layOut("1.18.33");
    toRoot(".", 0o700);
    const result = await runCli(["check", "--data-dir", dataDir], { unprivileged: true });
    expect(result.code).toBe(4);
    expect(result.stderr).toContain(`sudo chown -R "$(id -u):$(id -g)" '${dataDir}'`);
  });
});

test.if(canDropPrivileges())(
  "what is another user's in the quarantine is named with its command; the store is healthy",
  async () => {
    await layOut("1.1.65");
    for (const path of ["quarantine/ses_one", "quarantine/.lock", "quarantine"]) {
      rmSync(join(dataDir, "quarantine"), { recursive: true, force: true });
      mkdirSync(join(dataDir, "quarantine"));
      chownSync(join(dataDir, "quarantine"), NOBODY, NOBODY);
      if (path.endsWith(".lock")) writeFileSync(join(dataDir, path), "");
      else mkdirSync(join(dataDir, path), { recursive: true });
      toRoot(path, 0o700);
      const { status, answer } = await check();
      expect([status, answer.verdict]).toEqual([0, "healthy"]);
      const evidence = "owned by root, mode 700: may not be read";
      expect(answer.findings).toMatchObject([
        { code: "quarantine-denied", severity: "warning", locator: { path }, evidence },
      ]);
      expect(answer.findings[0]?.command).toContain(`'${join(dataDir, path)}'`);
    }
  },
);

describe.if(canDropPrivileges())("a JSON store of 1.1.65 with folders of another user", () => {
  test.each([
    ["storage/part", true, "blocking", 9],
    ["storage/message", true, "blocking", 9],
    ["storage/session", true, "blocking", 0],
    ["storage/part", false, "blocking", 9],
    ["storage/project", false, "blocking", 9],
    ["storage", false, "blocking", 0],
    ["storage/todo", false, "warning", 9],
  ])("%s (one in it: %p) is named, and all else is checked", async (folder, isOneInIt, severity, sessions) => {
    await layOut("1.1.65");
    const path = isOneInIt ? first(folder) : folder;
    toRoot(path, 0o700);
    const checked = await check();
    expect([checked.status, checked.answer.verdict]).toEqual([1, severity === "blocking" ? "damaged" : "unread"]);
    expect(checked.answer.findings).toHaveLength(1);
    expect(denied(checked)).toMatchObject({ severity, locator: { path } });
    expect(checked.answer.checked.sessions).toBe(sessions);
  });

  test("one file of a part", async () => {
    await layOut("1.1.65");
    const path = first(first("storage/part"));
    toRoot(path, 0o600);
    const checked = await check();
    expect(denied(checked)).toMatchObject({ severity: "blocking", locator: { path } });
    expect(denied(checked)?.evidence).toContain("owned by root");
    expect(checked.answer.findings).toHaveLength(1);
  });

  test("very many are told as one; folders that may be read and not written are a warning", async () => {
    await layOut("1.1.65");
    for (const name of readdirSync(join(dataDir, "storage/part"))) toRoot(`storage/part/${name}`, 0o755);
    const checked = await check();
    expect(checked.status).toBe(0);
    expect(checked.answer.findings).toHaveLength(1);
    expect(denied(checked)).toMatchObject({ severity: "warning", locator: { path: "storage/part" } });
    expect(denied(checked)?.evidence).toContain("folders in it");
  });
});

test("a folder in the place of the database is named", async () => {
  mkdirSync(join(dataDir, "opencode.db"), { recursive: true });
  if (canDropPrivileges()) chownSync(dataDir, NOBODY, NOBODY);
  const checked = await check();
  expect(checked.status).toBe(1);
  expect(checked.answer.findings.map(({ code }) => code)).toEqual(["database-is-folder"]);
  const salvage = await runCli(["salvage", "--yes", "--data-dir", dataDir]);
  expect(salvage.code).toBe(3);
});

test("a named pipe in the place of the database, and a folder in the place of its log, are named", async () => {
  mkdirSync(dataDir, { recursive: true });
  const named = async (evidence: string) => {
    if (canDropPrivileges())
      for (const name of [".", ...readdirSync(dataDir)]) chownSync(join(dataDir, name), NOBODY, NOBODY);
    const { status, answer } = await check();
    expect([status, answer.findings]).toEqual([1, [expect.objectContaining({ code: "database-is-folder", evidence })]]);
  };
  expect(Bun.spawnSync(["mkfifo", join(dataDir, "opencode.db")]).exitCode).toBe(0);
  await named("opencode.db: no file");
  rmSync(join(dataDir, "opencode.db"));
  writeFileSync(join(dataDir, "opencode.db"), "");
  mkdirSync(join(dataDir, "opencode.db-wal"));
  await named("opencode.db-wal: a folder");
});

test("a link to a folder, or to itself, in the place of the database is named", async () => {
  mkdirSync(join(dataDir, "other"), { recursive: true });
  if (canDropPrivileges()) chownSync(dataDir, NOBODY, NOBODY);
  for (const [target, code] of [
    ["other", "database-is-folder"],
    ["opencode.db", "database-is-folder"],
  ] as const) {
    symlinkSync(target, join(dataDir, "opencode.db"));
    const checked = await check();
    expect([checked.status, checked.answer.findings.map((each) => each.code)]).toEqual([1, [code]]);
    rmSync(join(dataDir, "opencode.db"));
  }
});

test("a database with a second name by a link is one database", async () => {
  await layOut("1.18.33");
  const alone = (await check()).answer;
  symlinkSync("opencode.db", join(dataDir, "opencode-dev.db"));
  const linked = (await check()).answer;
  expect([linked.stores.length, linked.checked.sessions, linked.findings]).toEqual([1, alone.checked.sessions, []]);
  // In this data directory, the only database is a link to a database in another folder. The check reads that database.
  rmSync(join(dataDir, "opencode-dev.db"));
  symlinkSync(join(dataDir, "opencode.db"), join(root, "opencode.db"));
  dataDir = root;
  expect((await check()).answer.checked.sessions).toBe(alone.checked.sessions);
});

describe.if(canMount)("a WAL without its shared memory and no room for a copy", () => {
  /** Mounts a small file system in memory at each path of `sizes`, and then runs the command line. */
  async function runWith(sizes: Readonly<Record<string, string>>, ...command: string[]) {
    const mounts = Object.entries(sizes).map(([path, size]) => `mount -t tmpfs -o size=${size} none '${path}'`);
    const entry = require.resolve("../../plugin/cli.ts");
    const script = [
      ...mounts,
      `exec '${process.execPath}' '${entry}' ${command.join(" ")} --json --data-dir '${dataDir}'`,
    ].join(" && ");
    const inside = Bun.spawn(["unshare", "--mount", "sh", "-c", script], {
      env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", TMPDIR: join(root, "temp") },
      stdout: "pipe",
      stderr: "inherit",
    });
    const stdout = await new Response(inside.stdout).text();
    return { status: await inside.exited, answer: JSON.parse(stdout) };
  }

  async function checkWith(sizes: Readonly<Record<string, string>>): Promise<Checked> {
    return runWith(sizes, "check");
  }

  const temp = () => {
    mkdirSync(join(root, "temp"), { recursive: true });
    return join(root, "temp");
  };

  test("another temporary folder takes it", async () => {
    await layOut("1.18.33");
    expect(existsSync(join(dataDir, "opencode.db-shm"))).toBe(false);
    const before = await readdir(dataDir);
    const checked = await checkWith({ [temp()]: "2m" });
    expect(checked).toMatchObject({ status: 0, answer: { verdict: "healthy", checked: { sessions: 9 } } });
    expect(await readdir(dataDir)).toEqual(before);
  });

  test("without one it is said, and nothing is said of the store", async () => {
    await layOut("1.18.33");
    const checked = await checkWith({ [temp()]: "2m", "/var/tmp": "2m", "/dev/shm": "2m" });
    expect(checked.answer.verdict).toBe("unusable");
    expect(checked.answer.findings.map(({ code, severity }) => [code, severity])).toEqual([
      ["no-room-for-copy", "warning"],
    ]);
    expect(checked.answer.findings[0]?.evidence).toMatch(/a copy needs \d+ MB; .*TMPDIR.*: \d MB free/);
    expect(JSON.stringify(checked.answer)).toContain("TMPDIR=/folder");
    for (const command of ["salvage --yes", "rescue", "show ses_any"]) {
      const { status, answer } = await runWith({ [temp()]: "2m", "/var/tmp": "2m", "/dev/shm": "2m" }, command);
      expect(`${command}: ${status}`).toBe(`${command}: ${checked.status}`);
      expect(answer.error).toContain(`TMPDIR=/folder opencode-session-repair ${command.split(" ")[0]}`);
    }
  });
});
