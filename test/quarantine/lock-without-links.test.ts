/**
 * The lock on a file system without hard links (FAT, exFAT, some shares). There, the lock file is written directly at
 * its place.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { takeLock } from "../../plugin/quarantine/lock.ts";
import { LOCK_TIMES } from "../../plugin/quarantine/lock-file.ts";
import { FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { until } from "../process/until.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

let scratch: Scratch;
let folder: string;
let lockFile: string;

beforeEach(() => {
  scratch = scratchFolder();
  folder = join(scratch.path, "quarantine");
  lockFile = join(folder, ".lock");
});

afterEach(() => scratch.remove());

const withoutLinks: FileSystem = {
  ...nodeFileSystem,
  link: () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" })),
};

const take = (files = withoutLinks, times = LOCK_TIMES) => takeLock(files, scratch.path, times);

test("one of many has it, and it leaves nothing", async () => {
  for (let round = 0; round < 5; round += 1) {
    const taken = await Promise.all(Array.from({ length: 10 }, () => take()));
    const held = taken.flatMap((each) => (each.ok ? [each.lock] : []));
    expect(held).toHaveLength(1);
    expect(await held[0]?.isHeld()).toBe(true);
    expect(readdirSync(folder)).toEqual([".lock"]);
    await held[0]?.release();
    expect(existsSync(folder)).toBe(false);
  }
});

test("one of many takes a torn one over", async () => {
  mkdirSync(folder);
  writeFileSync(lockFile, "");
  utimesSync(lockFile, 1, 1);
  const taken = await Promise.all(Array.from({ length: 10 }, () => take()));
  const held = taken.flatMap((each) => (each.ok ? [each.lock] : []));
  expect(held).toHaveLength(1);
  expect([held[0]?.takenOver, await held[0]?.isHeld()]).toEqual([true, true]);
});

/**
 * A file system that stops its process right after the process made the lock file. The process continues after `wake`.
 */
function stopped(): { readonly files: FileSystem; wake(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    wake: resolve,
    files: {
      ...withoutLinks,
      async writeNew(path, bytes, mode) {
        if (path !== lockFile) return withoutLinks.writeNew(path, bytes, mode);
        const handle = await open(path, "wx", mode);
        await promise;
        await handle.writeFile(bytes);
        await handle.close();
      },
    },
  };
}

test.each([
  ["in time", LOCK_TIMES],
  ["too late", { ...LOCK_TIMES, overdueMs: 0 }],
])("who was stopped while it took the lock does not have it beside who took it over (%s)", async (_what, times) => {
  const { files, wake } = stopped();
  const first = take(files, times);
  await until(() => existsSync(lockFile), "no lock file is made", 10);
  // The lock file now looks older than the time that any process needs to write it.
  utimesSync(lockFile, 1, 1);
  const second = await take();
  if (!second.ok) throw new Error("not taken over");
  wake();
  expect(await first).toMatchObject({ ok: false });
  expect(await second.lock.isHeld()).toBe(true);
  await second.lock.release();
  expect(existsSync(folder)).toBe(false);
});

test("who was stopped and was not followed has it", async () => {
  const { files, wake } = stopped();
  const first = take(files, { ...LOCK_TIMES, overdueMs: 0 });
  await until(() => existsSync(lockFile), "no lock file is made", 10);
  expect(await take()).toEqual({ ok: false, holder: null });
  wake();
  const taken = await first;
  expect(taken.ok && (await taken.lock.isHeld())).toBe(true);
  expect(readdirSync(folder)).toEqual([".lock"]);
});

test("whoever dies at any step leaves it to the next", async () => {
  for (let step = 1; ; step += 1) {
    const plan = new FaultPlan(step, { what: "die-after" });
    await take(faultyFileSystem(withoutLinks, plan)).catch(() => undefined);
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      writeFileSync(join(folder, name), "");
      utimesSync(join(folder, name), 1, 1);
    }
    const mine = await take();
    if (!mine.ok) throw new Error(`stuck after step ${step}`);
    expect(readdirSync(folder)).toEqual([".lock"]);
    await mine.lock.release();
    if (!plan.happened) break;
  }
});
