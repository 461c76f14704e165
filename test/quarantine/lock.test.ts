import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { thisProcess } from "../../plugin/platform/process-identity.ts";
import { takeLock } from "../../plugin/quarantine/lock.ts";
import { type Fault, FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";
import { startHolder } from "./lock-holder.ts";

let scratch: Scratch;
let folder: string;
let lockFile: string;

beforeEach(() => {
  scratch = scratchFolder();
  folder = join(scratch.path, "quarantine");
  lockFile = join(folder, ".lock");
});

afterEach(() => scratch.remove());

const take = () => takeLock(nodeFileSystem, scratch.path);

function leave(content: string | object, ageMs = 0): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(lockFile, typeof content === "string" ? content : JSON.stringify(content));
  const time = new Date(Date.now() - ageMs);
  utimesSync(lockFile, time, time);
}

const TOKEN = "0123456789abcdef01234567";

describe("one holder at a time", () => {
  test("in one process, and again after release, which leaves nothing", async () => {
    const first = await take();
    expect(first.ok && (await first.lock.isHeld())).toBe(true);
    expect(await take()).toMatchObject({ ok: false, holder: { pid: process.pid } });
    expect(statSync(lockFile).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual([".lock"]);
    if (first.ok) await first.lock.release();
    expect(existsSync(folder)).toBe(false);
    const second = await take();
    expect(second.ok && second.lock.takenOver).toBe(false);
    if (second.ok) await second.lock.release();
  });

  test("across processes", async () => {
    const holder = await startHolder(scratch.path);
    expect(holder.answer).toBe("held");
    expect(await take()).toMatchObject({ ok: false });
    await holder.release();
    const mine = await take();
    expect(mine.ok && mine.lock.takenOver).toBe(false);
    if (mine.ok) await mine.lock.release();
  });

  test("among processes that hold it for moments and are killed now and then", async () => {
    const script = join(import.meta.dirname, "lock-contender.ts");
    const turns = 40;
    const contender = async () => {
      let ending: number | null = null;
      // After a contender has killed itself, a new one continues.
      while (ending !== 0) {
        const started = Bun.spawn([process.execPath, script, scratch.path, String(turns)], { stderr: "inherit" });
        ending = await started.exited;
      }
    };
    await Promise.all([contender(), contender(), contender(), contender()]);
    expect(existsSync(join(scratch.path, "collisions"))).toBe(false);
    expect(statSync(join(scratch.path, "turns")).size).toBeGreaterThanOrEqual(turns);
    const mine = await take();
    if (!mine.ok) throw new Error("The lock stayed with somebody who is gone.");
    expect(readdirSync(folder)).toEqual([".lock"]);
    await mine.lock.release();
    expect(existsSync(folder)).toBe(false);
  });

  test("release does not touch a lock that is another's now, nor a run that is kept", async () => {
    const taken = await take();
    leave({ token: TOKEN, ...thisProcess(), since: "now" });
    if (!taken.ok) throw new Error("not taken");
    expect(await taken.lock.isHeld()).toBe(false);
    await taken.lock.release();
    expect(readFileSync(lockFile, "utf8")).toContain(TOKEN);
  });
});

describe("the lock of a dead process is taken over", () => {
  test("after SIGKILL", async () => {
    const holder = await startHolder(scratch.path);
    await holder.kill();
    const mine = await take();
    expect(mine.ok && mine.lock.takenOver).toBe(true);
    expect(mine.ok && (await mine.lock.isHeld())).toBe(true);
    if (mine.ok) await mine.lock.release();
    expect(existsSync(folder)).toBe(false);
  });

  test("also where its number was given to another process since", async () => {
    if (process.platform !== "linux") return;
    leave({ ...thisProcess(), token: TOKEN, started: "another-boot:1", since: "then" });
    const mine = await take();
    expect(mine.ok && mine.lock.takenOver).toBe(true);
    if (mine.ok) await mine.lock.release();
  });

  test("but not that of another machine", async () => {
    leave({ ...thisProcess(), token: TOKEN, host: "another-machine", since: "then" });
    expect(await take()).toMatchObject({ ok: false, holder: { host: "another-machine" } });
  });

  test.each([
    "",
    "{",
    "\0\0\0\0",
    "null",
    JSON.stringify({ token: TOKEN, pid: -1, host: "h", started: null, since: "" }),
    JSON.stringify({ token: TOKEN, pid: 1e300, host: "h", started: null, since: "" }),
    JSON.stringify({ token: "../../x", pid: 1, host: "h", started: null, since: "" }),
  ])("a lock file that says nothing (%j) is waited for, then taken over", async (content) => {
    leave(content);
    expect(await take()).toEqual({ ok: false, holder: null });
    leave(content, 60_000);
    const mine = await take();
    expect(mine.ok && mine.lock.takenOver).toBe(true);
    if (mine.ok) await mine.lock.release();
    expect(existsSync(folder)).toBe(false);
  });

  test("by one of many at once", async () => {
    leave({ ...thisProcess(), token: TOKEN, pid: 999_999_999, since: "then" });
    const results = await Promise.all(Array.from({ length: 20 }, take));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    for (const result of results) if (result.ok) await result.lock.release();
    expect(existsSync(folder)).toBe(false);
  });

  test("even after others died while they took it over, each at another step", async () => {
    for (const what of ["die", "die-after"] as const) {
      for (let step = 1; ; step += 1) {
        leave({ ...thisProcess(), token: TOKEN, pid: 999_999_999, since: "then" });
        const plan = new FaultPlan(step, { what });
        await takeLock(faultyFileSystem(nodeFileSystem, plan), scratch.path).catch(() => undefined);
        bury();
        const mine = await take();
        if (!mine.ok) throw new Error(`stuck after step ${step}`);
        expect(readdirSync(folder)).toEqual([".lock"]);
        await mine.lock.release();
        if (!plan.happened) break;
      }
    }
  });
});

/** Changes the lock files of this process, so that their owner seems to have ended long ago. */
function bury(): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const path = join(folder, name);
    writeFileSync(path, readFileSync(path, "utf8").replace(`"pid":${process.pid}`, '"pid":999999999'));
    utimesSync(path, 1, 1);
  }
}

describe("a lock that cannot be taken", () => {
  test.each([
    [{ what: "fail", code: "EACCES", lasting: true }],
    [{ what: "fail", code: "ENOSPC", lasting: true }],
    [{ what: "fail", code: "EIO", lasting: false }],
  ] satisfies [Fault][])("%o at any step: an error, and no lock of a living process is left", async (fault) => {
    for (let step = 1; ; step += 1) {
      const plan = new FaultPlan(step, fault);
      const taken = await takeLock(faultyFileSystem(nodeFileSystem, plan), scratch.path).catch(() => null);
      if (taken?.ok) await taken.lock.release().catch(() => undefined);
      bury();
      const mine = await take();
      if (!mine.ok) throw new Error(`stuck after step ${step}`);
      await mine.lock.release();
      if (!plan.happened) break;
    }
    expect(existsSync(folder)).toBe(false);
  });

  test("a quarantine that is a link is refused", async () => {
    mkdirSync(join(scratch.path, "elsewhere"));
    symlinkSync(join(scratch.path, "elsewhere"), folder);
    expect(await take().catch((error: Error) => error.name)).toBe("NotAFolderError");
    expect(readdirSync(join(scratch.path, "elsewhere"))).toEqual([]);
  });
});
