import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePrivateDirectory, NotAFolderError, replaceFile } from "../../plugin/platform/durable.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { type Fault, FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

let scratch: Scratch;
let path: string;

beforeEach(() => {
  scratch = scratchFolder();
  path = join(scratch.path, "manifest.json");
});

afterEach(() => scratch.remove());

describe("a file is replaced in one step", () => {
  test.each([
    [{ what: "die" }],
    [{ what: "die-after" }],
    [{ what: "fail", code: "EIO", lasting: false }],
    [{ what: "fail", code: "ENOSPC", lasting: true }],
    [{ what: "fail", code: "EACCES", lasting: true }],
  ] satisfies [Fault][])("%o at any step leaves the old or the new bytes", async (fault) => {
    for (let step = 1; ; step += 1) {
      writeFileSync(path, "old");
      const plan = new FaultPlan(step, fault);
      const failed = await replaceFile(faultyFileSystem(nodeFileSystem, plan), path, Buffer.from("new")).then(
        () => false,
        () => true,
      );
      expect(["old", "new"]).toContain(readFileSync(path, "utf8"));
      if (!failed) expect(readFileSync(path, "utf8")).toBe("new");
      await replaceFile(nodeFileSystem, path, Buffer.from("newest"));
      expect(readFileSync(path, "utf8")).toBe("newest");
      expect(readdirSync(scratch.path), "a leftover of the first try").toEqual(["manifest.json"]);
      if (!failed && !plan.happened) break;
    }
  });

  test("it is its owner's alone, whatever the old one was and whatever the umask", async () => {
    writeFileSync(path, "old", { mode: 0o666 });
    for (const umask of [0o000, 0o077, 0o777]) {
      const before = process.umask(umask);
      await replaceFile(nodeFileSystem, path, Buffer.from("new")).finally(() => process.umask(before));
      expect(lstatSync(path).mode & 0o777).toBe(0o600);
    }
  });

  test("a link in its place is replaced, not followed", async () => {
    writeFileSync(join(scratch.path, "elsewhere"), "untouched");
    symlinkSync(join(scratch.path, "elsewhere"), path);
    await replaceFile(nodeFileSystem, path, Buffer.from("new"));
    expect(readFileSync(join(scratch.path, "elsewhere"), "utf8")).toBe("untouched");
    expect(lstatSync(path).isFile()).toBe(true);
  });
});

describe("a private folder", () => {
  test("is 0700 with all that had to be made above it, whatever the umask", async () => {
    for (const umask of [0o000, 0o077, 0o777]) {
      const before = process.umask(umask);
      const name = `quarantine-${umask}`;
      await makePrivateDirectory(nodeFileSystem, scratch.path, name, "ses_a", "run").finally(() =>
        process.umask(before),
      );
      for (const below of [name, `${name}/ses_a`, `${name}/ses_a/run`]) {
        expect(lstatSync(join(scratch.path, below)).mode & 0o777).toBe(0o700);
      }
    }
  });

  test("is not made through a link or over a file", async () => {
    mkdirSync(join(scratch.path, "elsewhere"));
    symlinkSync(join(scratch.path, "elsewhere"), join(scratch.path, "link"));
    writeFileSync(join(scratch.path, "file"), "");
    for (const name of ["link", "file"]) {
      const error = await makePrivateDirectory(nodeFileSystem, scratch.path, name, "run").catch(
        (failure: unknown) => failure,
      );
      expect(error).toBeInstanceOf(NotAFolderError);
    }
    expect(readdirSync(join(scratch.path, "elsewhere"))).toEqual([]);
  });
});
