import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileImage, type StoreImage, storeImage } from "../host/store-image.ts";
import { type WindowsStore, windowsStore } from "./windows-store.ts";
import { HAS_WINE, WindowsCommand, type WindowsProcess } from "./wine.ts";

const MINUTE = 60_000;
const FOLDER = "C:\\Users\\me";

describe.skipIf(!HAS_WINE)("on Windows", () => {
  let windows: WindowsCommand;
  let scratch = "";

  beforeAll(async () => {
    windows = await WindowsCommand.start();
    scratch = await mkdtemp(join(tmpdir(), "opencode-session-repair-held-"));
  }, 10 * MINUTE);

  afterAll(async () => {
    await windows.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  /**
   * Runs `work` while another process holds a file open. That process shares the file as SQLite does, or holds it
   * exclusively (`how`).
   */
  async function whileHeld<T>(path: string, work: () => Promise<T>, how = "hold.mjs"): Promise<T> {
    const [ready, stop] = [join(scratch, "ready"), join(scratch, "stop")];
    await rm(ready, { force: true });
    await rm(stop, { force: true });
    const holder: WindowsProcess = windows.node(join(import.meta.dirname, how), path, ready, stop);
    let hasEnded = false;
    void holder.ended.then(() => {
      hasEnded = true;
    });
    while (!existsSync(ready) && !hasEnded) await Bun.sleep(20);
    try {
      expect(hasEnded).toBe(false);
      return await work();
    } finally {
      await writeFile(stop, "");
      await holder.ended;
    }
  }

  test(
    "a record that another program holds open stays, is reported, and is repaired once it is let go",
    async () => {
      const store = await windowsStore("1.1.65", FOLDER);
      try {
        const part = await damagedPart(store);
        const before = await storeImage(store.dataDir);
        const repair = ["repair", "--yes", "--json", "--data-dir", store.dataDir];
        const [refused] = await whileHeld(part, () => windows.steps(repair));
        expect([refused?.code, JSON.parse(refused?.stdout ?? "{}").message]).toEqual([
          3,
          expect.stringContaining("holds a file, or this user may not change the file"),
        ]);
        expect(await storeImage(store.dataDir)).toEqual(before);
        const [done] = await windows.steps(repair);
        const { verdict, runID, items } = JSON.parse(done?.stdout ?? "{}");
        expect([done?.code, verdict, items.length]).toEqual([0, "healthy", 1]);
        await windows.steps(["restore", runID, "--yes", "--data-dir", store.dataDir]);
        expect(await storeImage(store.dataDir)).toEqual(before);
      } finally {
        await store.home.remove();
      }
    },
    10 * MINUTE,
  );

  test(
    "no database is exchanged beside a process that has it open",
    async () => {
      const store = await windowsStore("1.18.33", FOLDER);
      try {
        const path = join(store.dataDir, "opencode.db");
        await damagePage(path);
        const before = await fileImage(store.dataDir);
        const swap = ["salvage", "--swap", "--yes", "--json", "--data-dir", store.dataDir];
        const [refused] = await whileHeld(path, () => windows.steps(swap));
        expect([refused?.code, JSON.parse(refused?.stdout ?? "{}").error]).toEqual([
          3,
          expect.stringContaining("open in another process"),
        ]);
        const after = await fileImage(store.dataDir);
        expect(after["opencode.db"]).toBe(before["opencode.db"] ?? "");
        const [done] = await windows.steps(swap);
        expect(JSON.parse(done?.stdout ?? "{}").swapped).toBe(true);
        const [undone] = await windows.steps([
          ...["restore", JSON.parse(done?.stdout ?? "{}").runID, "--yes", "--data-dir", store.dataDir],
        ]);
        expect(undone?.code).not.toBe(4);
        // Windows restores file times only to the microsecond, so only the content is compared.
        const content = (image: StoreImage) => image["opencode.db"]?.split(",")[0];
        expect(content(await fileImage(store.dataDir))).toBe(content(before));
      } finally {
        await store.home.remove();
      }
    },
    10 * MINUTE,
  );

  test(
    "what another program has open for itself alone is neither damaged nor healthy, and stays",
    async () => {
      const [files, rows] = [await windowsStore("1.1.65", FOLDER), await windowsStore("1.18.33", FOLDER)];
      try {
        const part = await damagedPart(files);
        const asked = async ({ dataDir }: WindowsStore, path: string) => {
          const before = await fileImage(dataDir);
          const place = ["--json", "--data-dir", dataDir];
          const [repaired] = await whileHeld(
            path,
            () => windows.steps(["repair", "--yes", ...place], ["check", ...place]),
            "hold-alone.mjs",
          );
          expect(await fileImage(dataDir)).toEqual(before);
          const { items, remaining } = JSON.parse(repaired?.stdout ?? "{}") as {
            items: unknown[];
            remaining: { code: string; severity: string; evidence: string }[];
          };
          const blocking = remaining.filter(({ severity }) => severity === "blocking");
          return [repaired?.code, items, blocking.map(({ code, evidence }) => [code, evidence])];
        };
        expect(await asked(files, part)).toEqual([1, [], [["unavailable", "EBUSY"]]]);
        const database = join(rows.dataDir, "opencode.db");
        const held = "SQLITE_CANTOPEN: another program holds the file";
        expect(await asked(rows, database)).toEqual([1, [], [["database-unavailable", held]]]);
      } finally {
        for (const store of [files, rows]) await store.home.remove();
      }
    },
    10 * MINUTE,
  );

  test(
    "two commands that meet the same damage repair it once, and who comes late says so",
    async () => {
      const store = await windowsStore("1.1.65", FOLDER);
      try {
        await damagedPart(store);
        const args = ["repair", "--yes", "--json", "--data-dir", store.dataDir];
        const both = [windows.command(...args), windows.command(...args)];
        const codes = await Promise.all(both.map(({ ended }) => ended));
        expect(codes).toContain(0);
        for (const [index, code] of codes.entries()) {
          const answer = await readFile(both[index]?.stdout ?? "", "utf8");
          if (code !== 0) expect([code, JSON.parse(answer).message]).toEqual([3, expect.stringContaining("lock")]);
        }
        const [runs] = await windows.steps(["runs", "--json", "--data-dir", store.dataDir]);
        expect(JSON.parse(runs?.stdout ?? "{}").runs).toMatchObject([{ state: "done", items: 1 }]);
      } finally {
        await store.home.remove();
      }
    },
    10 * MINUTE,
  );
});

async function damagedPart({ dataDir, sessions }: WindowsStore): Promise<string> {
  const [, answered] = sessions.plain.messages;
  const part = join(dataDir, "storage", "part", answered?.id ?? "", `${answered?.parts[0]?.id}.json`);
  await truncate(part, 20);
  await utimes(part, new Date(1e12), new Date(1e12));
  return part;
}

/** Overwrites the last leaf page of the table `part`. */
async function damagePage(path: string): Promise<void> {
  let [page, size] = [0, 0];
  {
    using database = new Database(path);
    database.run("pragma wal_checkpoint(truncate)");
    size = (database.query("pragma page_size").get() as { page_size: number }).page_size;
    const root = database.query("select rootpage from sqlite_schema where name = 'part'").get() as { rootpage: number };
    page = root.rootpage;
  }
  const bytes = await readFile(path);
  const start = (page - 1) * size;
  // If the page is an inner page, this takes its right-most child. Otherwise it takes the page itself.
  const isInner = bytes[start] === 5;
  const target = isInner ? bytes.readUInt32BE(start + 8) : page;
  bytes.fill(0xff, (target - 1) * size, target * size);
  await writeFile(path, bytes);
}
