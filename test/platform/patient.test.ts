import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { isHeldOpen } from "../../plugin/platform/held-open.ts";
import { moveNoClobber, OccupiedError } from "../../plugin/platform/move.ts";
import { patient } from "../../plugin/platform/patient.ts";

function failure(code: string, syscall: string): Error {
  return Object.assign(new Error(code), { code, syscall });
}

/** A file system in which one operation fails the first `times` times. */
function refusing(name: keyof FileSystem, times: number, code: string, syscall: string = name) {
  let left = times;
  let asked = 0;
  const operation = nodeFileSystem[name] as (...args: unknown[]) => Promise<unknown>;
  const files: FileSystem = {
    ...nodeFileSystem,
    [name]: async (...args: unknown[]) => {
      asked += 1;
      if (left === 0) return operation(...args);
      left -= 1;
      throw failure(code, syscall);
    },
  };
  return { files, asked: () => asked };
}

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "opencode-session-repair-patient-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a file that another program holds for a moment (#10533)", () => {
  const path = () => join(folder, "record.json");
  const other = () => join(folder, "other.json");
  const work: Readonly<Record<string, (files: FileSystem) => Promise<unknown>>> = {
    stat: (files) => files.stat(path()),
    list: (files) => files.list(folder),
    read: (files) => files.read(path()),
    rename: (files) => files.rename(path(), other()),
    unlink: (files) => files.unlink(path()),
    link: (files) => files.link(path(), other()),
    touch: (files) => files.touch(path()),
    syncFile: (files) => files.syncFile(path()),
  };
  for (const [name, run] of Object.entries(work)) {
    test(`${name} is tried again, and comes through`, async () => {
      await writeFile(path(), "kept");
      await rm(other(), { force: true });
      for (const code of ["EBUSY", "EPERM", "EACCES", "UNKNOWN"]) {
        await writeFile(path(), "kept");
        await rm(other(), { force: true });
        const { files, asked } = refusing(name as keyof FileSystem, 2, code);
        await run(patient(files, [0, 0, 0]));
        expect(asked()).toBe(3);
      }
    });
  }

  test("what is refused to the end fails with its own error, and after so many tries", async () => {
    const { files, asked } = refusing("unlink", 100, "EBUSY");
    await writeFile(path(), "kept");
    const failed = await patient(files, [0, 0, 0])
      .unlink(path())
      .catch((error: unknown) => error);
    expect([(failed as { code?: string }).code, asked()]).toEqual(["EBUSY", 4]);
    expect(await readFile(path(), "utf8")).toBe("kept");
  });

  test("a full disk, or a file that is not there, is not asked for again", async () => {
    for (const code of ["ENOSPC", "ENOENT", "EIO", "EEXIST"]) {
      const { files, asked } = refusing("rename", 100, code);
      await patient(files, [0, 0, 0])
        .rename(path(), other())
        .catch(() => undefined);
      expect(asked()).toBe(1);
    }
  });

  test("a new file is tried again only where it was not made yet", async () => {
    for (const [syscall, tries] of [
      ["open", 3],
      ["write", 1],
    ] as const) {
      const { files, asked } = refusing("writeNew", 2, "EPERM", syscall);
      await rm(other(), { force: true });
      await patient(files, [0, 0, 0])
        .writeNew(other(), Buffer.from("new"), 0o600)
        .catch(() => undefined);
      expect(asked()).toBe(tries);
    }
  });
});

describe("a file system without hard links", () => {
  // A hard link on FAT fails with EPERM on Linux. A hard link on exFAT fails with EISDIR on Windows.
  for (const code of ["EPERM", "EISDIR", "ENOTSUP"]) {
    const without = (more: Partial<FileSystem> = {}): FileSystem => ({
      ...refusing("link", Number.POSITIVE_INFINITY, code).files,
      ...more,
    });

    test(`${code}: a file moves, and takes its time and mode along`, async () => {
      const [from, to] = [join(folder, "from"), join(folder, `to-${code}`)];
      await writeFile(from, "content", { mode: 0o640 });
      const before = await nodeFileSystem.stat(from);
      await moveNoClobber(without(), from, to);
      expect(await nodeFileSystem.stat(from)).toBeNull();
      const after = await nodeFileSystem.stat(to);
      expect([after?.inode, after?.mode, after?.mtimeMs]).toEqual([before?.inode, before?.mode, before?.mtimeMs]);
    });

    test(`${code}: what another process put there between a look and the rename is not overwritten`, async () => {
      const [from, to] = [join(folder, "from"), join(folder, `taken-${code}`)];
      await writeFile(from, "ours");
      // Another process writes the target after the move has looked for it and found nothing.
      const files = without({
        stat: async (path) => {
          const found = await nodeFileSystem.stat(path);
          if (path === to && found === null) await writeFile(to, "theirs");
          return found;
        },
        writeNew: async (path, bytes, mode) => {
          if (path === to) await writeFile(to, "theirs");
          return nodeFileSystem.writeNew(path, bytes, mode);
        },
      });
      const failed = await moveNoClobber(files, from, to).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(OccupiedError);
      expect([await readFile(from, "utf8"), await readFile(to, "utf8")]).toEqual(["ours", "theirs"]);
    });

    test(`${code}: where the rename fails, the place is free again`, async () => {
      const [from, to] = [join(folder, "from"), join(folder, `free-${code}`)];
      await writeFile(from, "ours");
      const files = without({ rename: async () => Promise.reject(failure("EBUSY", "rename")) });
      expect(await moveNoClobber(files, from, to).catch((error: unknown) => error)).toMatchObject({ code: "EBUSY" });
      expect(await nodeFileSystem.stat(to)).toBeNull();
      expect(await readFile(from, "utf8")).toBe("ours");
    });
  }
});

test("a file is held open where it cannot be renamed onto itself, and nothing was done to it", async () => {
  const path = join(folder, "opencode.db");
  await writeFile(path, "kept");
  expect(await isHeldOpen(nodeFileSystem, path)).toBe(false);
  expect(await isHeldOpen(nodeFileSystem, `${path}-wal`)).toBe(false);
  for (const code of ["EBUSY", "EPERM", "EACCES"]) {
    expect(await isHeldOpen(refusing("rename", 1, code).files, path)).toBe(true);
  }
  expect(await readFile(path, "utf8")).toBe("kept");
});
