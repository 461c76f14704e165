/**
 * Locks whose holder cannot be seen, because it is in another PID namespace, has another host name or another clock, or
 * is stopped.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { thisProcess } from "../../plugin/platform/process-identity.ts";
import { endLock, isRenewed, lockOf, mayLapse, takeLock } from "../../plugin/quarantine/lock.ts";
import { LOCK_TIMES, type LockTimes } from "../../plugin/quarantine/lock-file.ts";
import { runCli } from "../command-line/cli-process.ts";
import { until } from "../process/until.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";
import { type LockHolder, startHolder } from "./lock-holder.ts";

/** Short times, so that a test does not need minutes. Their order is the same as in the product. */
const TIMES: LockTimes = { renewEveryMs: 50, overdueMs: 200, lapsedMs: 1_000, watchedMs: 600 };

/** Times for a holder that is alive. A busy machine may prevent it from renewing its lock for seconds. */
const LIVE_TIMES: LockTimes = { renewEveryMs: 50, overdueMs: 20_000, lapsedMs: 60_000, watchedMs: 40_000 };

const canUnshare =
  process.platform === "linux" && Bun.spawnSync(["unshare", "--pid", "--fork", "--mount-proc", "true"]).exitCode === 0;
const ANOTHER_NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
const ANOTHER_HOST = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"];
const TOKEN = "0123456789abcdef01234567";

let scratch: Scratch;
let lockFile: string;
let holders: LockHolder[];

beforeEach(() => {
  scratch = scratchFolder();
  lockFile = join(scratch.path, "quarantine", ".lock");
  holders = [];
});

afterEach(async () => {
  for (const holder of holders) await holder.kill();
  scratch.remove();
});

const take = (times = TIMES) => takeLock(nodeFileSystem, scratch.path, times);

async function hold(within: readonly string[], times = TIMES): Promise<LockHolder> {
  const holder = await startHolder(scratch.path, within, times);
  holders.push(holder);
  expect(holder.answer).toBe("held");
  return holder;
}

/** Tries again and again until it gets the lock. */
async function takeAtLast() {
  for (;;) {
    const taken = await take();
    if (taken.ok) return taken.lock;
    await sleep(20);
  }
}

function leave(content: object, ageMs: number): void {
  mkdirSync(join(scratch.path, "quarantine"), { recursive: true });
  writeFileSync(lockFile, JSON.stringify(content));
  const time = new Date(Date.now() - ageMs);
  utimesSync(lockFile, time, time);
}

/** Sends a signal to the processes that the holder's `unshare` started. */
function signal(holder: LockHolder, name: NodeJS.Signals): void {
  const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8").trim();
  for (const pid of children.split(" ").filter((each) => each !== "")) process.kill(Number(pid), name);
}

/** Waits until the holder renews its lock. */
async function renewal(): Promise<void> {
  const before = statSync(lockFile).mtimeMs;
  await until(() => statSync(lockFile).mtimeMs !== before, "the lock is not renewed", 10);
}

test.if(canUnshare)("a live holder in another PID namespace keeps its lock, under the same host name", async () => {
  const holder = await hold(ANOTHER_NAMESPACE, LIVE_TIMES);
  for (let renewals = 0; renewals < 40; renewals += 1) {
    expect(await take(LIVE_TIMES)).toMatchObject({ ok: false, holder: { standing: "unknown" } });
    await renewal();
  }
  expect(await holder.isHeld()).toBe(true);
});

test.if(canUnshare)("a live holder under another host name keeps its lock, whatever the clocks say", async () => {
  const command = `hostname elsewhere && exec "$@"`;
  const holder = await hold([...ANOTHER_HOST, command, "sh"], LIVE_TIMES);
  expect(await take(LIVE_TIMES)).toMatchObject({ ok: false, holder: { host: "elsewhere", standing: "unknown" } });
  for (let renewals = 0; renewals < 20; renewals += 1) {
    // The time of the lock is now five hours away from this machine's time, as if somebody had changed the clock.
    const hours = renewals % 2 === 0 ? 5 : -5;
    const time = new Date(Date.now() + hours * 3_600_000);
    utimesSync(lockFile, time, time);
    expect((await take(LIVE_TIMES)).ok).toBe(false);
    await renewal();
  }
  expect(await holder.isHeld()).toBe(true);
});

test.if(canUnshare)("a container that is gone leaves a lock that ends by itself", async () => {
  const holder = await hold([...ANOTHER_HOST, `hostname elsewhere && exec "$@"`, "sh"]);
  signal(holder, "SIGKILL");
  const lock = await takeAtLast();
  expect(lock.takenOver).toBe(true);
  await lock.release();
  expect(existsSync(join(scratch.path, "quarantine"))).toBe(false);
});

test.if(canUnshare)("a holder that was stopped notices that its lock was taken over", async () => {
  const holder = await hold(ANOTHER_NAMESPACE);
  signal(holder, "SIGSTOP");
  const lock = await takeAtLast();
  signal(holder, "SIGCONT");
  expect(await holder.isHeld()).toBe(false);
  expect(await lock.isHeld()).toBe(true);
  await holder.release();
  expect(await lock.isHeld()).toBe(true);
  await lock.release();
});

test.if(canUnshare)("a stopped holder that nobody followed goes on with its lock", async () => {
  const holder = await hold(ANOTHER_NAMESPACE);
  signal(holder, "SIGSTOP");
  for (let found = await lockOf(nodeFileSystem, scratch.path); ; found = await lockOf(nodeFileSystem, scratch.path)) {
    if (found !== null && typeof found !== "string" && mayLapse(found, TIMES)) break;
    await sleep(20);
  }
  signal(holder, "SIGCONT");
  expect(await holder.isHeld()).toBe(true);
  expect((await take()).ok).toBe(false);
  expect(readdirSync(join(scratch.path, "quarantine"))).toEqual([".lock"]);
});

test("a stopped holder that can be seen keeps its lock", async () => {
  const holder = await startHolder(scratch.path, [], TIMES);
  holders.push(holder);
  process.kill(holder.pid, "SIGSTOP");
  const old = new Date(Date.now() - 3_600_000);
  utimesSync(lockFile, old, old);
  for (let tries = 0; tries < 20; tries += 1) {
    expect(await take()).toMatchObject({ ok: false, holder: { standing: "alive" } });
    await sleep(50);
  }
  process.kill(holder.pid, "SIGCONT");
  expect(await holder.isHeld()).toBe(true);
});

test("only one of a waking holder and of many that take over has the lock", async () => {
  for (let round = 0; round < 20; round += 1) {
    const first = await take();
    if (!first.ok) throw new Error("not taken");
    // To the other contenders, the holder now seems to be in another namespace and to have slept for an hour.
    const content = JSON.parse(readFileSync(lockFile, "utf8"));
    writeFileSync(lockFile, JSON.stringify({ ...content, namespace: "pid:[1]" }));
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(lockFile, old, old);
    const others = Array.from({ length: 4 }, () => take());
    const results = await Promise.all([first.lock.isHeld(), ...others]);
    const [isHeld, ...taken] = results;
    const winners = taken.filter((each) => typeof each !== "boolean" && each.ok);
    expect(winners.length + (isHeld === true && (await first.lock.isHeld()) ? 1 : 0)).toBeLessThanOrEqual(1);
    for (const each of taken) if (typeof each !== "boolean" && each.ok) await each.lock.release();
    await first.lock.release();
  }
});

test("a lock of version 0.1.0 is understood: its process here, gone, or elsewhere", async () => {
  const { pid, host, started } = thisProcess();
  const old = { token: TOKEN, pid, host, started, since: new Date().toISOString() };
  leave(old, 3_600_000);
  expect(await take()).toMatchObject({ ok: false, holder: { standing: "alive", pid } });
  // Version 0.1.0 did not record the namespace, so a process with this pid may be running in another namespace.
  leave({ ...old, pid: 999_999_999 }, 0);
  expect(await take()).toMatchObject({ ok: false, holder: { standing: "unknown" } });
  leave({ ...old, host: "elsewhere", started: "another-boot:1" }, 3_600_000);
  const lock = await takeAtLast();
  expect(lock.takenOver).toBe(true);
  await lock.release();
});

test("a lock that cannot be seen is ended when asked, and only if it is not renewed", async () => {
  leave({ ...thisProcess(), token: TOKEN, host: "elsewhere", namespace: "pid:[1]", since: "2026-11-29T00:00:00Z" }, 0);
  const seen = await lockOf(nodeFileSystem, scratch.path);
  if (seen === null || typeof seen === "string") throw new Error("no lock");
  expect(await isRenewed(nodeFileSystem, scratch.path, seen, TIMES)).toBe(false);
  // A lock that has changed since `lockOf` read it is not ended.
  utimesSync(lockFile, 1, 1);
  expect(await endLock(nodeFileSystem, scratch.path, seen)).toBe(false);
  const again = await lockOf(nodeFileSystem, scratch.path);
  expect(again !== null && (await endLock(nodeFileSystem, scratch.path, again))).toBe(true);
  expect(existsSync(join(scratch.path, "quarantine"))).toBe(false);
});

test("the command `unlock`: names the holder, asks, ends it; refuses while it is seen to run", async () => {
  mkdirSync(join(scratch.path, "storage", "session"), { recursive: true });
  const unlock = (...more: string[]) => runCli(["unlock", "--data-dir", scratch.path, ...more]);
  expect((await unlock()).code).toBe(0);
  leave({ ...thisProcess(), token: TOKEN, since: new Date().toISOString() }, 0);
  const alive = await unlock("--yes");
  expect(alive.code).toBe(3);
  expect(alive.stderr).toContain(`process ${process.pid}`);
  expect(existsSync(lockFile)).toBe(true);
  leave({ ...thisProcess(), token: TOKEN, host: "gone-1", namespace: "pid:[1]", since: "2026-11-29T00:00:00Z" }, 5_000);
  const asked = await unlock();
  expect(asked.code).toBe(1);
  expect(asked.stdout).toContain('host "gone-1"');
  expect(existsSync(lockFile)).toBe(true);
  const done = await unlock("--yes", "--json");
  expect(done.code).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ unlocked: true, holder: { host: "gone-1", standing: "unknown" } });
  expect(existsSync(lockFile)).toBe(false);
});

test("the times of the product are in the order that the protocol needs", () => {
  const { renewEveryMs, overdueMs, lapsedMs, watchedMs } = LOCK_TIMES;
  expect([renewEveryMs, overdueMs, watchedMs, lapsedMs]).toEqual(
    [renewEveryMs, overdueMs, watchedMs, lapsedMs].sort((a, b) => a - b),
  );
});
