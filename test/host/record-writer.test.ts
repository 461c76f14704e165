import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { guardHostWrites } from "../../plugin/opencode/atomic-writes.ts";
import { mountSmallDisk } from "../crash/small-disk.ts";
import { Random } from "../oracle/random.ts";
import { until } from "../process/until.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

const ENTRY = join(import.meta.dirname, "record-writer-process.ts");

const small = mountSmallDisk(2);
const { write, file } = Bun;
const shared = globalThis as { [key: symbol]: unknown };
const guarded = Symbol.for("opencode-session-repair.atomic-writes");

let scratch: Scratch;
let folder: string;

function guard(dataDir: string): void {
  Reflect.deleteProperty(shared, guarded);
  Object.assign(Bun, { write, file });
  expect(guardHostWrites(dataDir, "1.1.65")).toBe(true);
  folder = join(dataDir, "storage", "part", "msg_1");
}

beforeEach(() => {
  scratch = scratchFolder(tmpdir());
  guard(scratch.path);
});

afterEach(() => {
  Object.assign(Bun, { write, file });
  Reflect.deleteProperty(shared, guarded);
  scratch.remove();
});

function onTheWay(dataDir = scratch.path): string[] {
  return readdirSync(join(dataDir, ".session-repair-writes"));
}

/** Waits until no written version is on its way any more. A version that was overwritten by a later one is dropped. */
function placed(dataDir = scratch.path): Promise<void> {
  return until(
    () => onTheWay(dataDir).length === 0,
    () => `on the way still: ${onTheWay(dataDir)}`,
  );
}

describe("a record that is written", () => {
  test("makes its folders, says its bytes, and is there for everybody when the write is answered", async () => {
    const path = join(folder, "prt_1.json");
    expect(await Bun.write(path, "größe")).toBe(7);
    expect(readFileSync(path, "utf8")).toBe("größe");
    expect(statSync(path).mode & 0o777).toBe(0o664 & ~process.umask());
  });

  test("is read as it was last written, however fast, and lies there in the end", async () => {
    const random = new Random(20_261_125);
    const last = new Map<string, string>();
    const answers: Promise<number>[] = [];
    for (let index = 0; index < 5000; index += 1) {
      const path = join(folder, `prt_${random.below(3)}.json`);
      const text = `${index} `.repeat(1 + random.below(3000));
      const answer = Bun.write(path, text);
      answers.push(answer);
      last.set(path, text);
      if (random.chance(0.9)) expect(await answer).toBe(text.length);
      if (random.chance(0.01)) {
        await answer;
        expect(await Bun.file(path).text()).toBe(text);
        expect(readFileSync(path, "utf8")).toBe(text);
      }
    }
    await Promise.all(answers);
    await placed();
    for (const [path, text] of last) expect(readFileSync(path, "utf8") === text).toBe(true);
    expect(onTheWay()).toEqual([]);
  });

  test("does not come back when it was removed, nor over what somebody else wrote, after its last update", async () => {
    const [removed, replaced] = [join(folder, "prt_1.json"), join(folder, "prt_2.json")];
    for (let index = 0; index < 500; index += 1) {
      await Bun.write(removed, `"${index}"`);
      await Bun.write(replaced, `"${index}"`);
    }
    rmSync(removed);
    writeFileSync(replaced, '"somebody else"');
    await placed();
    expect(readdirSync(folder)).toEqual(["prt_2.json"]);
    expect(readFileSync(replaced, "utf8")).toBe('"somebody else"');
    expect(onTheWay()).toEqual([]);
  });

  test("keeps its mode; a link is written through", async () => {
    mkdirSync(folder, { recursive: true });
    const [plain, linked] = [join(folder, "prt_1.json"), join(folder, "prt_2.json")];
    writeFileSync(plain, "{}");
    chmodSync(plain, 0o600);
    const target = join(scratch.path, "elsewhere.json");
    writeFileSync(target, "{}");
    symlinkSync(target, linked);
    await Promise.all([Bun.write(plain, "[1]"), Bun.write(linked, "[2]")]);
    expect(statSync(plain).mode & 0o777).toBe(0o600);
    expect(lstatSync(linked).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, "utf8")).toBe("[2]");
  });

  test.if(existsSync("/dev/shm"))("on another file system is written as without", async () => {
    const elsewhere = scratchFolder("/dev/shm");
    symlinkSync(elsewhere.path, join(scratch.path, "storage"));
    const path = join(folder, "prt_1.json");
    for (let index = 0; index < 500; index += 1) await Bun.write(path, `"${index}"`);
    await placed();
    expect(readFileSync(path, "utf8")).toBe('"499"');
    expect(onTheWay()).toEqual([]);
    elsewhere.remove();
  });

  test("is placed before the process exits", async () => {
    const child = Bun.spawn([process.execPath, ENTRY, scratch.path, "exit"], { stdout: "pipe" });
    const last = (await new Response(child.stdout).text()).trim().split("\n").at(-1);
    expect(readFileSync(join(folder, "prt_0.json"), "utf8")).toStartWith(`{"version":${last},`);
    expect(onTheWay()).toEqual([]);
  });
});

test("what a killed process left on its way is deleted at the next start, what a running one has there is not", async () => {
  await Bun.write(join(folder, "prt_1.json"), "{}");
  const waiting = join(scratch.path, ".session-repair-writes");
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  for (const name of [`${gone.pid}-1.tmp`, `${process.ppid}-1.tmp`, `${process.ppid}-2.tmp`]) {
    writeFileSync(join(waiting, name), "{");
  }
  utimesSync(join(waiting, `${process.ppid}-2.tmp`), 1, 1);
  guard(scratch.path);
  await until(
    () => onTheWay().length === 1,
    () => `on the way still: ${onTheWay()}`,
  );
  expect(onTheWay()).toEqual([`${process.ppid}-1.tmp`]);
});

test("20 processes killed while they write as fast as they can leave whole records", async () => {
  const random = new Random(20_261_125);
  for (let kill = 0; kill < 20; kill += 1) {
    const child = Bun.spawn([process.execPath, ENTRY, scratch.path, "write"], { stdout: "pipe" });
    await child.stdout.getReader().read();
    await sleep(random.next() * 100);
    child.kill("SIGKILL");
    await child.exited;
    for (const name of readdirSync(folder)) JSON.parse(readFileSync(join(folder, name), "utf8"));
  }
});

describe.skipIf(typeof small === "string")("on a disk that is full", () => {
  test("the write fails with ENOSPC, and the version before, the last one answered, stays", async () => {
    if (typeof small === "string") return;
    const dataDir = join(small.path, "opencode");
    guard(dataDir);
    const random = new Random(20_261_125);
    const last = new Map<string, string>();
    let refused = 0;
    for (let round = 0; round < 20; round += 1) {
      small.fill(random.below(12) * 4096);
      for (let index = 0; index < 40; index += 1) {
        const path = join(folder, `prt_${random.below(4)}.json`);
        const text = JSON.stringify(`${index} `.repeat(1 + random.below(6000)));
        try {
          await Bun.write(path, text);
          last.set(path, text);
        } catch (error) {
          expect((error as { code?: string }).code).toBe("ENOSPC");
          refused += 1;
        }
      }
      small.relieve();
      for (const [path, text] of last) expect((await Bun.file(path).text()) === text).toBe(true);
    }
    expect(refused).toBeGreaterThan(20);
    await placed(dataDir);
    for (const [path, text] of last) expect(readFileSync(path, "utf8") === text).toBe(true);
    expect(readdirSync(folder).sort()).toEqual([...last.keys()].map((path) => path.slice(folder.length + 1)).sort());
    expect(onTheWay(dataDir)).toEqual([]);
    small.remove();
  });
});
