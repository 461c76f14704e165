import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { ChangedWhileCopiedError, moveNoClobber, OccupiedError } from "../../plugin/platform/move.ts";
import { type Fault, FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

const CONTENT = "the bytes of a record";
const WRITTEN = new Date(1_600_000_000_000);

let scratch: Scratch;
let from: string;
let to: string;

beforeEach(() => {
  scratch = scratchFolder();
  mkdirSync(join(scratch.path, "live"));
  mkdirSync(join(scratch.path, "kept"));
  from = join(scratch.path, "live", "record.json");
  to = join(scratch.path, "kept", "record.json");
  writeFileSync(from, CONTENT);
  chmodSync(from, 0o640);
  utimesSync(from, WRITTEN, WRITTEN);
});

afterEach(() => scratch.remove());

/** A file system without hard links. With `EXDEV`, only hard links to another file system fail. */
function withoutLinks(code: string): FileSystem {
  return {
    ...nodeFileSystem,
    link: async (...paths) => {
      if (code === "EXDEV" && paths[0].endsWith(".moving")) return nodeFileSystem.link(...paths);
      throw Object.assign(new Error(code), { code });
    },
  };
}

const WAYS: readonly (readonly [string, FileSystem])[] = [
  ["by hard link", nodeFileSystem],
  ["by an exclusive create, where there are no hard links", withoutLinks("EPERM")],
  ["by copy, across file systems", withoutLinks("EXDEV")],
];

describe.each(WAYS)("%s", (way, files) => {
  test("a file moves with its bytes, time and mode, and leaves nothing behind", async () => {
    await moveNoClobber(files, from, to);
    const found = lstatSync(to);
    expect([readFileSync(to, "utf8"), found.mtimeMs, found.mode & 0o777]).toEqual([CONTENT, WRITTEN.getTime(), 0o640]);
    expect([readdirSync(join(scratch.path, "live")), readdirSync(join(scratch.path, "kept"))]).toEqual([
      [],
      ["record.json"],
    ]);
  });

  test.each([
    ["a file", () => writeFileSync(to, "occupied")],
    ["a folder", () => mkdirSync(to)],
    ["a dangling link", () => symlinkSync("/nowhere", to)],
  ])("%s in the way is never overwritten", async (_, occupy) => {
    occupy();
    const before = lstatSync(to).ino;
    expect(await moveNoClobber(files, from, to).catch((error: unknown) => error)).toBeInstanceOf(OccupiedError);
    expect([readFileSync(from, "utf8"), lstatSync(to).ino]).toEqual([CONTENT, before]);
    expect(readdirSync(join(scratch.path, "kept"))).toEqual(["record.json"]);
  });

  test.each([
    [{ what: "die" }],
    [{ what: "die-after" }],
    [{ what: "fail", code: "EIO", lasting: false }],
    [{ what: "fail", code: "ENOSPC", lasting: true }],
  ] satisfies [Fault][])(
    "after %o at any step the bytes are in one place at least, and a second try ends it",
    async (fault) => {
      for (let step = 1; ; step += 1) {
        const plan = new FaultPlan(step, fault);
        const failed = await moveNoClobber(faultyFileSystem(files, plan), from, to).then(
          () => false,
          () => true,
        );
        const places = [from, to].filter((path) => nodeFileExists(path));
        expect(places.length).toBeGreaterThan(0);
        const holding = places.filter((place) => readFileSync(place, "utf8") === CONTENT);
        expect(holding.length).toBeGreaterThan(0);
        // A move without hard links may have made an empty file at the target, while the bytes are still at the source.
        const taken = way.startsWith("by an exclusive create") && !holding.includes(to) ? [to] : [];
        for (const place of places) {
          expect([place, readFileSync(place, "utf8")]).toEqual([place, taken.includes(place) ? "" : CONTENT]);
        }
        // A repair does this next, after it found out which place has the bytes.
        if (places.length === 2) await nodeFileSystem.unlink(to);
        if (nodeFileExists(from)) await moveNoClobber(files, from, to);
        expect([readFileSync(to, "utf8"), readdirSync(join(scratch.path, "live"))]).toEqual([CONTENT, []]);
        await moveNoClobber(nodeFileSystem, to, from);
        if (!failed && !plan.happened) break;
      }
    },
  );
});

function nodeFileExists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

test("across real file systems", async () => {
  const other = scratchFolder(tmpdir());
  try {
    const isOther = lstatSync(other.path).dev !== lstatSync(scratch.path).dev;
    if (!isOther) return;
    const there = join(other.path, "record.json");
    await moveNoClobber(nodeFileSystem, from, there);
    await moveNoClobber(nodeFileSystem, there, from);
    const found = lstatSync(from);
    expect([readFileSync(from, "utf8"), found.mtimeMs, found.mode & 0o777]).toEqual([
      CONTENT,
      WRITTEN.getTime(),
      0o640,
    ]);
    expect(readdirSync(other.path)).toEqual([]);
  } finally {
    other.remove();
  }
});

test("a file that is written to while it is copied stays where it is", async () => {
  const files = withoutLinks("EXDEV");
  const writing: FileSystem = {
    ...files,
    copyNew: async (...values) => {
      await files.copyNew(...values);
      writeFileSync(from, "newer bytes");
    },
  };
  expect(await moveNoClobber(writing, from, to).catch((error: unknown) => error)).toBeInstanceOf(
    ChangedWhileCopiedError,
  );
  expect([readFileSync(from, "utf8"), readdirSync(join(scratch.path, "kept"))]).toEqual(["newer bytes", []]);
});

test("another name of the same file stays", async () => {
  linkSync(from, join(scratch.path, "other-name"));
  await moveNoClobber(nodeFileSystem, from, to);
  expect(lstatSync(to).ino).toBe(lstatSync(join(scratch.path, "other-name")).ino);
});

test("a file that may not be read moves all the same", async () => {
  chmodSync(from, 0);
  await moveNoClobber(nodeFileSystem, from, to);
  expect(lstatSync(to).mode & 0o777).toBe(0);
});

test("a file that is not there is an error, and nothing appears", async () => {
  const missing = join(scratch.path, "live", "missing.json");
  for (const [, files] of WAYS) {
    const error = await moveNoClobber(files, missing, to).catch((failure: unknown) => failure);
    expect((error as { code?: string }).code).toBe("ENOENT");
  }
  expect(readdirSync(join(scratch.path, "kept"))).toEqual([]);
});
