import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../../plugin/platform/durable.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { moveNoClobber, OccupiedError } from "../../plugin/platform/move.ts";
import { takeLock } from "../../plugin/quarantine/lock.ts";
import { soleUse } from "../../plugin/stores/sqlite/sole-use.ts";
import { runCli } from "../command-line/cli-process.ts";
import { damagedJsonStore, damagedSqliteStore } from "../crash/damaged-stores.ts";
import { settledFiles } from "../repair/tool.ts";
import { folderImage } from "../stores/json-fixture.ts";
import { scratchFolder } from "../stores/scratch.ts";
import { sqliteStoreAt } from "../stores/sqlite-fixture.ts";

/**
 * A file system in a file, with the commands that make and mount it. `IMAGE` stands for the file, and `PATH` for the
 * mount point.
 */
interface Kind {
  readonly name: string;
  readonly make: readonly string[];
  readonly mount: readonly string[];
  /** Prepares `FOLDER`, the folder on this file system in which the tests run. */
  readonly prepare: readonly string[];
  readonly hasLinks: boolean;
}

const KINDS: readonly Kind[] = [
  {
    name: "FAT, without hard links and modes",
    make: ["mkfs.vfat", "IMAGE"],
    mount: ["mount", "-o", "loop", "-t", "vfat", "IMAGE", "PATH"],
    prepare: [],
    hasLinks: false,
  },
  {
    name: "exFAT, without hard links and modes",
    make: ["mkfs.exfat", "IMAGE"],
    // The kernel's exFAT is tried first. The exFAT program in user space needs a device, not a file.
    mount: ["sh", "-c", "mount -o loop -t exfat IMAGE PATH || mount.exfat-fuse $(losetup -f --show IMAGE) PATH"],
    prepare: [],
    hasLinks: false,
  },
  {
    name: "ext4 that does not tell upper and lower case apart",
    make: ["mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8", "IMAGE"],
    mount: ["mount", "-o", "loop", "-t", "ext4", "IMAGE", "PATH"],
    prepare: ["chattr", "+F", "FOLDER"],
    hasLinks: true,
  },
];

/**
 * Mounts the file system and returns a folder on it. If this machine cannot do that, returns a sentence that says why.
 */
function mounted({ name, make, mount, prepare }: Kind): { path: string; remove(): void } | string {
  const why = (what: string) => `${name}: not tried, this machine ${what}.`;
  if (process.platform !== "linux") return why("is no Linux");
  if (process.getuid?.() !== 0) return why("lets only root mount it");
  const scratch = scratchFolder();
  const [image, path] = [join(scratch.path, "image"), join(scratch.path, "mount")];
  const folder = join(path, "folder");
  writeFileSync(image, "");
  truncateSync(image, 32 * 1024 * 1024);
  mkdirSync(path);
  const run = (command: readonly string[]) => {
    const words = command.map((word) =>
      word.replaceAll("IMAGE", image).replaceAll("PATH", path).replaceAll("FOLDER", folder),
    );
    const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    return spawnSync(words[0] ?? "", words.slice(1), { stdio: "ignore", env }).status === 0;
  };
  const isMade = run(make);
  const isMounted = isMade && run(mount);
  if (isMounted) mkdirSync(folder);
  const remove = () => {
    if (isMounted) run(["umount", "PATH"]);
    run(["sh", "-c", "losetup -j IMAGE | cut -d: -f1 | xargs -r losetup -d"]);
    scratch.remove();
  };
  if (isMounted && (prepare.length === 0 || run(prepare))) return { path: folder, remove };
  remove();
  return why(isMade ? "cannot mount it" : `has no ${make[0]}`);
}

for (const kind of KINDS) {
  const disk = mounted(kind);
  if (typeof disk === "string") {
    process.stderr.write(`${disk}\n`);
    test.skip(disk, () => undefined);
    continue;
  }
  describe(kind.name, () => {
    const folder = disk.path;
    afterAll(() => disk.remove());

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

    test("one of many has the lock, also from whoever spells the folder otherwise", async () => {
      const dataDir = join(folder, "locked");
      mkdirSync(dataDir);
      for (let round = 0; round < 5; round += 1) {
        const taken = await Promise.all(Array.from({ length: 6 }, () => takeLock(nodeFileSystem, dataDir)));
        const held = taken.flatMap((each) => (each.ok ? [each.lock] : []));
        expect(held).toHaveLength(1);
        expect(await takeLock(nodeFileSystem, join(folder, "LOCKED"))).toMatchObject({
          ok: false,
          holder: { standing: "alive" },
        });
        expect(await held[0]?.isHeld()).toBe(true);
        await held[0]?.release();
        expect(readdirSync(dataDir)).toEqual([]);
      }
    });

    test("damaged files are quarantined and return byte for byte; the other spelling is the same store", async () => {
      const store = damagedJsonStore();
      const [dataDir, other] = [join(folder, "opencode"), join(folder, "OpenCode")];
      try {
        cpSync(store.dataDir, dataDir, { recursive: true, preserveTimestamps: true });
        const before = folderImage(dataDir, ["quarantine"]);
        const repaired = await runCli(["repair", "--yes", "--json", "--data-dir", dataDir]);
        const { runID, verdict, items } = JSON.parse(repaired.stdout);
        expect([repaired.code, verdict, items.length]).toEqual([0, "healthy", 4]);
        expect(folderImage(dataDir, ["quarantine"])).not.toEqual(before);
        const undone = await runCli(["restore", runID, "--yes", "--json", "--data-dir", other]);
        expect(undone.code).toBe(0);
        expect(folderImage(dataDir, ["quarantine"])).toEqual(before);
      } finally {
        store.remove();
        rmSync(dataDir, { recursive: true, force: true });
      }
    });

    test("damaged rows are quarantined and return byte for byte; sessions are not brought in from the other spelling", async () => {
      const store = await damagedSqliteStore();
      const dataDir = join(folder, "rows");
      try {
        cpSync(store.dataDir, dataDir, { recursive: true, preserveTimestamps: true });
        const here = await sqliteStoreAt(dataDir, store.content, () => undefined);
        const before = here.image();
        const repaired = await runCli(["repair", "--yes", "--json", "--data-dir", dataDir]);
        const { runID, verdict } = JSON.parse(repaired.stdout);
        expect([repaired.code, verdict]).toEqual([0, "healthy"]);
        expect((await runCli(["restore", runID, "--yes", "--json", "--data-dir", dataDir])).code).toBe(0);
        expect(here.image()).toEqual(before);
        const other = join(folder, "Rows");
        const own = await runCli(["rescue", "--from-data", other, "--json", "--data-dir", dataDir]);
        expect(own.stdout).toContain("is the data directory itself");
      } finally {
        store.remove();
      }
    });

    test("a database is exchanged only where its other users can be told", async () => {
      const database = join(folder, "rows", "opencode.db");
      const use = await soleUse(settledFiles, database).then(
        async (each) => each.release().then(() => "had"),
        (error: Error) => error.message,
      );
      expect(use).toEqual(kind.hasLinks ? "had" : expect.stringContaining("no hard links"));
    });
  });
}
