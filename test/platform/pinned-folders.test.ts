import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { errnoCode, type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { fileSystemWithin } from "../../plugin/platform/pinned-folders.ts";
import { damagedJsonStore } from "../crash/damaged-stores.ts";
import { IS_WHOLE } from "../crash/experiment.ts";
import { SEED } from "../process/seed.ts";
import { blockingIn, repairFindings, restoreEverything } from "../repair/tool.ts";
import { folderImage } from "../stores/json-fixture.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";

const CHANGES = [
  "writeNew",
  "copyNew",
  "makeDirectory",
  "rename",
  "link",
  "unlink",
  "removeDirectory",
  "chmod",
] as const;

/** The test tries every second change as the moment of the swap. `npm run test:crash` tries every change. */
const STRIDE = IS_WHOLE ? 1 : 2;

/**
 * A swap happens right before change number `at`. A folder on the path of that change is moved away, and a link to a
 * copy takes its place.
 */
interface Swap {
  readonly at: number;
  readonly which: "parent" | "grandparent";
  readonly dataDir: string;
  readonly outside: string;
  copies(): unknown;
}

/** The same file system, while somebody replaces a folder by a link. */
function swapping(files: FileSystem, { at, which, dataDir, outside, copies }: Swap) {
  let [count, swapped] = [0, 0];
  let before: unknown = null;
  const swap = (path: string) => {
    const folder = which === "parent" ? dirname(path) : dirname(dirname(path));
    // The data directory and its `storage/` are left out, because they may be links.
    if (!folder.startsWith(dataDir + sep) || folder === join(dataDir, "storage") || !existsSync(folder)) return;
    if (lstatSync(folder).isSymbolicLink()) return;
    const copy = join(outside, `copy-${swapped}`);
    cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
    renameSync(folder, join(outside, `moved-${swapped}`));
    symlinkSync(copy, folder);
    swapped += 1;
    before = copies();
  };
  const around = (name: (typeof CHANGES)[number]) => {
    const change = files[name] as (...args: readonly unknown[]) => Promise<unknown>;
    return (...args: readonly unknown[]) => {
      count += 1;
      if (count === at) for (const path of args.filter((each) => typeof each === "string")) swap(path);
      return change(...args);
    };
  };
  const changing = Object.fromEntries(CHANGES.map((name) => [name, around(name)])) as Partial<FileSystem>;
  return {
    files: { ...files, ...changing } as FileSystem,
    count: () => count,
    /** The content of the link targets at the moment of the swap. `null` if nothing was swapped. */
    before: () => before,
  };
}

let store: StoreUnderTest;
let outside: Scratch;
let fresh: Scratch;
beforeEach(() => {
  store = damagedJsonStore();
  outside = scratchFolder();
  fresh = scratchFolder();
  cpSync(store.dataDir, join(fresh.path, "data"), { recursive: true, preserveTimestamps: true });
});
afterEach(() => {
  for (const each of [store, outside, fresh]) each.remove();
});

function startOver(): void {
  for (const folder of [outside.path, store.dataDir]) rmSync(folder, { recursive: true });
  mkdirSync(outside.path);
  cpSync(join(fresh.path, "data"), store.dataDir, { recursive: true, preserveTimestamps: true });
}

/** The content of the folders to which the links lead. */
function copies(): ReturnType<typeof folderImage> {
  const image = folderImage(outside.path);
  return Object.fromEntries(Object.entries(image).filter(([path]) => path.startsWith("copy-")));
}

/** Size and content of every file below a folder. */
function contents(folder: string): string[] {
  return Object.values(folderImage(folder)).map((described) => described.replace(/^(\d+) \d+ \d+ /, "$1 "));
}

const work = {
  repair: (files: FileSystem, findings: readonly ConfirmedFinding[]) =>
    repairFindings(files, store.dataDir, findings).then(() => undefined),
  restore: (files: FileSystem) => restoreEverything(files, store.dataDir),
};

describe.skipIf(process.platform !== "linux")("a folder that becomes a link right before a change", () => {
  test.each([
    ["repair", "parent"],
    ["repair", "grandparent"],
    ["restore", "parent"],
    ["restore", "grandparent"],
  ] as const)("%s, the %s: nothing changes where the link leads to, and no byte is lost", async (name, which) => {
    const findings = await blockingIn(store.dataDir);
    const originals = contents(store.dataDir);
    let tried = 0;
    for (let at = 1 + (SEED % STRIDE); ; at += STRIDE) {
      const pinned = fileSystemWithin(store.dataDir, [join(store.dataDir, "storage")]);
      if (name === "restore") await work.repair(pinned, findings);
      const swap = swapping(pinned, { at, which, dataDir: store.dataDir, outside: outside.path, copies });
      await work[name](swap.files, findings).catch((error) => {
        expect(errnoCode(error) ?? error.name).toMatch(/ENOTDIR|NotAFolder/);
      });
      if (swap.before() !== null) {
        tried += 1;
        expect<unknown>(copies()).toEqual(swap.before());
      }
      const kept = [...contents(store.dataDir), ...contents(outside.path)];
      for (const content of originals) expect(kept).toContain(content);
      if (swap.count() < at) break;
      startOver();
    }
    expect(tried).toBeGreaterThan(10);
  });

  test("through the unguarded file system something would", async () => {
    const findings = await blockingIn(store.dataDir);
    let isChanged = false;
    for (let at = 1; at < 60 && !isChanged; at += 1) {
      const swap = swapping(nodeFileSystem, {
        at,
        which: "parent",
        dataDir: store.dataDir,
        outside: outside.path,
        copies,
      });
      await work.repair(swap.files, findings).catch(() => undefined);
      isChanged = JSON.stringify(copies()) !== JSON.stringify(swap.before() ?? copies());
      startOver();
    }
    expect(isChanged).toBe(true);
  });
});

describe("where nobody swaps anything", () => {
  test("a data directory and a storage folder that are links are worked in", async () => {
    const real = join(outside.path, "real");
    const elsewhere = join(outside.path, "elsewhere");
    renameSync(store.dataDir, real);
    renameSync(join(real, "storage"), elsewhere);
    symlinkSync(real, store.dataDir);
    symlinkSync(elsewhere, join(real, "storage"));
    const files = fileSystemWithin(store.dataDir, [join(store.dataDir, "storage")]);
    const damaged = folderImage(elsewhere);
    const findings = await blockingIn(store.dataDir);
    expect(findings.length).toBeGreaterThan(0);
    await repairFindings(files, store.dataDir, findings);
    expect(await blockingIn(store.dataDir)).toEqual([]);
    await restoreEverything(files, store.dataDir);
    expect(folderImage(elsewhere)).toEqual(damaged);
  });

  test("what is beyond the data directory is changed as ever", async () => {
    const files = fileSystemWithin(store.dataDir, [join(store.dataDir, "storage")]);
    await files.writeNew(join(outside.path, "report.txt"), Buffer.from("a report"), 0o600);
    expect(readFileSync(join(outside.path, "report.txt"), "utf8")).toBe("a report");
    chmodSync(join(outside.path, "report.txt"), 0o400);
    writeFileSync(join(outside.path, "other"), "");
    await expect(files.link(join(outside.path, "other"), join(outside.path, "report.txt"))).rejects.toMatchObject({
      code: "EEXIST",
    });
  });
});
