import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../../plugin/platform/durable.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { moveNoClobber } from "../../plugin/platform/move.ts";
import { pastReadOnly } from "../../plugin/platform/read-only-files.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

const READ_ONLY = 0o444;

let scratch: Scratch;
let from: string;
let to: string;

beforeEach(() => {
  scratch = scratchFolder();
  from = join(scratch.path, "from");
  to = join(scratch.path, "to");
  writeFileSync(from, "from");
});

afterEach(() => scratch.remove());

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

/**
 * A file system that refuses for read-only files what Windows refuses. With `takesAttribute`, removing one name of a
 * file also makes the file writable under its other names.
 */
function likeWindows(takesAttribute = false): FileSystem {
  const refuse = async (path: string) => {
    const found = await nodeFileSystem.stat(path);
    if (found !== null && (found.mode & 0o200) === 0) throw Object.assign(new Error("no"), { code: "EPERM" });
  };
  return {
    ...nodeFileSystem,
    async unlink(path) {
      if (takesAttribute) chmodSync(path, 0o666);
      else await refuse(path);
      await nodeFileSystem.unlink(path);
    },
    async rename(source, target) {
      await refuse(target);
      await nodeFileSystem.rename(source, target);
    },
    async syncFile(path) {
      await refuse(path);
      await nodeFileSystem.syncFile(path);
    },
    async touch(path) {
      await refuse(path);
      await nodeFileSystem.touch(path);
    },
  };
}

test.each([
  ["Node that refuses to remove one", false],
  ["Node that takes the attribute away before", true],
])("a read-only file moves and stays read-only: %s", async (_what, takesAttribute) => {
  chmodSync(from, READ_ONLY);
  await moveNoClobber(pastReadOnly(likeWindows(takesAttribute)), from, to);
  expect([modeOf(to), readFileSync(to, "utf8"), readdirSync(scratch.path)]).toEqual([READ_ONLY, "from", ["to"]]);
});

test.each(["EPERM", "EXDEV"])("also where a hard link is answered with %s", async (code) => {
  chmodSync(from, READ_ONLY);
  const windows = pastReadOnly(likeWindows());
  const link: FileSystem["link"] = async (source, target) => {
    if (code === "EXDEV" && source.endsWith(".moving")) return windows.link(source, target);
    throw Object.assign(new Error(code), { code });
  };
  await moveNoClobber({ ...windows, link }, from, to);
  expect([modeOf(to), readFileSync(to, "utf8"), readdirSync(scratch.path)]).toEqual([READ_ONLY, "from", ["to"]]);
});

test("a read-only file is replaced, forced to disk and given a time", async () => {
  const windows = pastReadOnly(likeWindows());
  writeFileSync(to, "old");
  for (const work of [() => windows.syncFile(to), () => windows.touch(to)]) {
    chmodSync(to, READ_ONLY);
    await work();
    expect(modeOf(to)).toBe(READ_ONLY);
  }
  await replaceFile(windows, to, Buffer.from("new"));
  expect(readFileSync(to, "utf8")).toBe("new");
});

test("a read-only file that is held by another program as well stays, and stays read-only", async () => {
  chmodSync(from, READ_ONLY);
  const held: FileSystem = {
    ...likeWindows(),
    unlink: () => Promise.reject(Object.assign(new Error("held"), { code: "EPERM" })),
  };
  await expect(pastReadOnly(held).unlink(from)).rejects.toThrow("held");
  expect([modeOf(from), readFileSync(from, "utf8")]).toEqual([READ_ONLY, "from"]);
});
