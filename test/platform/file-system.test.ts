import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeFileSystem as files } from "../../plugin/platform/file-system.ts";
import { hashFile, sha256 } from "../../plugin/platform/hash.ts";
import { type ProcessIdentity, standingOf, thisProcess } from "../../plugin/platform/process-identity.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

let scratch: Scratch;
const at = (name: string) => join(scratch.path, name);

beforeEach(() => {
  scratch = scratchFolder();
});

afterEach(() => scratch.remove());

describe("absence is a value", () => {
  test.each(["missing", "missing/below", "file/below", "x".repeat(300)])("%s", async (name) => {
    writeFileSync(at("file"), "");
    expect([await files.stat(at(name)), await files.list(at(name)), await files.read(at(name))]).toEqual([
      null,
      null,
      "absent",
    ]);
  });

  test("of a file in place of a folder there are no entries", async () => {
    writeFileSync(at("file"), "");
    expect(await files.list(at("file"))).toBeNull();
  });
});

describe("only plain files are read", () => {
  test("a named pipe does not hang", async () => {
    spawnSync("mkfifo", [at("pipe")]);
    expect([await files.read(at("pipe")), (await files.stat(at("pipe")))?.type]).toEqual(["absent", "other"]);
  });

  test("a link is not followed", async () => {
    writeFileSync(at("file"), "content");
    symlinkSync(at("file"), at("link"));
    expect((await files.stat(at("link")))?.type).toBe("symlink");
    expect(await files.read(at("link")).catch((error: { code: string }) => error.code)).toBe("ELOOP");
    expect(await hashFile(files, at("link")).catch((error: { code: string }) => error.code)).toBe("ELOOP");
  });

  test("a folder is absent as a file", async () => {
    mkdirSync(at("folder"));
    expect(await files.read(at("folder"))).toBe("absent");
  });
});

test("a file that is too large is not read, whatever it holds", async () => {
  writeFileSync(at("file"), "");
  truncateSync(at("file"), 10_000_000_000);
  expect(await files.read(at("file"), 1000)).toBe("too-large");
});

test("the hash of a file in pieces is that of the whole", async () => {
  const bytes = Buffer.alloc(3_500_000, "abcdefg");
  writeFileSync(at("file"), bytes);
  expect(await hashFile(files, at("file"))).toEqual({ bytes: bytes.length, sha256: sha256(bytes) });
});

test("nothing is created over what is there", async () => {
  writeFileSync(at("file"), "old");
  symlinkSync(at("elsewhere"), at("link"));
  writeFileSync(at("from"), "new");
  for (const name of ["file", "link"]) {
    for (const create of [
      () => files.writeNew(at(name), Buffer.from("new"), 0o600),
      () => files.copyNew(at("from"), at(name), 0o600),
      () => files.link(at("from"), at(name)),
    ]) {
      expect(await create().catch((error: { code: string }) => error.code)).toBe("EEXIST");
    }
  }
  expect(readFileSync(at("file"), "utf8")).toBe("old");
  expect(await files.stat(at("elsewhere"))).toBeNull();
});

test("a copy keeps the time, and takes the mode it is told", async () => {
  writeFileSync(at("from"), "content");
  utimesSync(at("from"), 1_600_000_000.123, 1_600_000_000.456);
  const before = process.umask(0o077);
  await files.copyNew(at("from"), at("to"), 0o644).finally(() => process.umask(before));
  const found = lstatSync(at("to"));
  expect([found.mtimeMs, found.mode & 0o777]).toEqual([1_600_000_000_456, 0o644]);
});

const isGone = (identity: ProcessIdentity) => standingOf(identity) === "gone";

describe("processes", () => {
  test("this one is not gone; one that has ended is", async () => {
    expect(isGone(thisProcess())).toBe(false);
    const child = Bun.spawn(["true"]);
    await child.exited;
    expect(isGone({ ...thisProcess(), pid: child.pid })).toBe(true);
  });

  test("one that has ended and that its parent does not ask after is gone", async () => {
    if (process.platform !== "linux") return;
    // The child ends after the shell has become `sleep`, which does not wait for children. So the child stays a zombie.
    const parent = Bun.spawn(["sh", "-c", "sleep 0.5 & echo $!; exec sleep 3600"], { stdout: "pipe" });
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    const isEnded = () => / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    while (!isEnded()) await sleep(10);
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const ticks = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19];
    // The pid and the start time still match. Only the state shows that the process has ended.
    expect(isGone({ ...thisProcess(), pid, started: `${boot}:${ticks}` })).toBe(true);
    parent.kill();
    await parent.exited;
  });

  test("a number that was given out again does not stand for the old process", () => {
    if (process.platform !== "linux") return;
    expect(isGone({ ...thisProcess(), started: "an-earlier-boot:12345" })).toBe(true);
    expect(isGone({ ...thisProcess(), started: null })).toBe(false);
  });

  test("of another machine's process nothing is known", () => {
    expect(isGone({ ...thisProcess(), host: "another-machine", pid: 999_999_999 })).toBe(false);
  });
});
