import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../../plugin/platform/durable.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { moveNoClobber, OccupiedError } from "../../plugin/platform/move.ts";
import { scratchFolder } from "../stores/scratch.ts";

/** A file system in a file, by the commands that make it. */
interface Kind {
  readonly name: string;
  readonly make: readonly string[];
  readonly type: string;
  /** Prepares the folder of the tests in it. */
  readonly prepare: readonly string[];
}

const KINDS: readonly Kind[] = [
  { name: "FAT, without hard links and modes", make: ["mkfs.vfat"], type: "vfat", prepare: [] },
  {
    name: "ext4 that does not tell upper and lower case apart",
    make: ["mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8"],
    type: "ext4",
    prepare: ["chattr", "+F"],
  },
];

/** The folder where it is mounted; a sentence where this machine does not let it. */
function mounted({ name, make, type, prepare }: Kind): { path: string; remove(): void } | string {
  const why = `${name}: not tried, this machine cannot make or mount it.`;
  if (process.platform !== "linux" || process.getuid?.() !== 0) return why;
  const scratch = scratchFolder();
  const [image, path] = [join(scratch.path, "image"), join(scratch.path, "mount")];
  writeFileSync(image, "");
  truncateSync(image, 32 * 1024 * 1024);
  mkdirSync(path);
  const run = (command: readonly string[], ...args: readonly string[]) => {
    const [program = "", ...own] = command;
    return spawnSync(program, [...own, ...args], {
      stdio: "ignore",
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
  };
  const isMounted = run(make, image).status === 0 && run(["mount", "-o", "loop", "-t", type], image, path).status === 0;
  const folder = join(path, "folder");
  if (isMounted) mkdirSync(folder);
  const remove = () => {
    if (isMounted) run(["umount", "-l"], path);
    scratch.remove();
  };
  if (isMounted && (prepare.length === 0 || run(prepare, folder).status === 0)) return { path: folder, remove };
  remove();
  return why;
}

for (const kind of KINDS) {
  const disk = mounted(kind);
  if (typeof disk === "string") process.stderr.write(`${disk}\n`);
  describe.skipIf(typeof disk === "string")(kind.name, () => {
    const folder = typeof disk === "string" ? "" : disk.path;
    afterAll(() => (typeof disk === "string" ? undefined : disk.remove()));

    test("a file moves, and never over another one, whatever its spelling", async () => {
      const [from, to] = [join(folder, "from.json"), join(folder, "to.json")];
      writeFileSync(from, "one");
      await moveNoClobber(nodeFileSystem, from, to);
      expect([readdirSync(folder), readFileSync(to, "utf8")]).toEqual([["to.json"], "one"]);
      writeFileSync(from, "two");
      const over = await moveNoClobber(nodeFileSystem, from, join(folder, "TO.json")).catch((error: unknown) => error);
      expect(over).toBeInstanceOf(OccupiedError);
      expect([readFileSync(from, "utf8"), readFileSync(to, "utf8")]).toEqual(["two", "one"]);
    });

    test("a file is replaced whole", async () => {
      const path = join(folder, "state.json");
      await replaceFile(nodeFileSystem, path, Buffer.from("old"));
      await replaceFile(nodeFileSystem, path, Buffer.from("new"));
      expect([readFileSync(path, "utf8"), readdirSync(folder).filter((name) => name.endsWith(".tmp"))]).toEqual([
        "new",
        [],
      ]);
    });
  });
}
