import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import type { HostVersion } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { type ManySessions, manySessions } from "./many-sessions.ts";
import { DAMAGES, type DamageKind } from "./page-damage.ts";
import { toldLosses, toldLossesOf } from "./told-losses.ts";

afterAll(removeHomes);

const PAGE = 4096;

/** If a WAL was lost or cut off, nobody knows which records existed. */
const KNOWN_TRUTH = DAMAGES.filter((kind) => kind !== "half-applied-wal" && kind !== "damaged-wal");

/** To try more seeds, run `bun test/salvage/loss-experiments.ts --version 1.2.15 --count 300`. */
const VERSIONS = ["1.2.15", "1.17.9", "1.18.33"] as HostVersion[];

for (const [index, version] of VERSIONS.entries()) {
  describe(`what is said of losses in databases of opencode ${version}`, () => {
    let folder: string;
    let whole: ManySessions;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "losses-"));
      whole = await manySessions(version, 2, folder);
    });

    afterAll(() => rm(folder, { recursive: true, force: true }));

    test("is true, whatever the damage", async () => {
      let [told, counted] = [0, 0];
      for (const [number, kind] of KNOWN_TRUTH.entries()) {
        const seed = 1000 * (index + 1) + number;
        const { lies, report, what } = await toldLosses(whole, kind as DamageKind, seed);
        expect([seed, kind, what, lies]).toEqual([seed, kind, what, []]);
        told += report.sessions.length;
        counted += report.sessions.filter((session) => session.isCounted).length;
      }
      // A report that counts no losses would be true but useless.
      expect(counted).toBeGreaterThan(told / 2);
    });

    test("nothing is lost where no damaged page held a record", async () => {
      const source = join(folder, "only-schema.db");
      await copyFile(whole.database, source);
      await wipe(source, (page) => page[0] === 13 && page.includes("CREATE INDEX"), 1);
      const { report, lies } = await toldLossesOf(whole.database, source);
      expect(lies).toEqual([]);
      expect(report.sessions.filter((session) => !session.isWhole)).toEqual([]);
      expect(report.sessions.length).toBe(whole.sessionIDs.length);
    });

    test("of a log whose database is gone it tells that more is lost", async () => {
      const source = join(folder, "lone.db");
      await copyFile(whole.wal, `${source}-wal`);
      const { report, lies } = await toldLossesOf(whole.database, source);
      expect(lies).toEqual([]);
      expect(report.sessions.length).toBeGreaterThan(0);
      expect(report.sessions.filter((session) => session.isCounted)).toEqual([]);
      expect(report.lostSessions.isCounted).toBe(false);
    });

    test("a file that was cut tells what it lost, or that it cannot tell", async () => {
      const { length } = await readFile(whole.database);
      for (const share of [0.3, 0.55, 0.8]) {
        const source = join(folder, `cut-${share}.db`);
        await copyFile(whole.database, source);
        await truncate(source, Math.floor((share * length) / PAGE) * PAGE);
        const { report, truth, lies } = await toldLossesOf(whole.database, source);
        expect(lies).toEqual([]);
        const lost = [...truth.values()].some(({ messages, parts }) => messages + parts > 0);
        if (lost) expect(report.sessions.every((session) => session.isWhole)).toBe(false);
      }
    });
  });
}

/** Overwrites the first `most` pages that `isWiped` accepts. */
async function wipe(path: string, isWiped: (page: Buffer) => boolean, most: number): Promise<number> {
  const bytes = await readFile(path);
  let wiped = 0;
  for (let start = PAGE; start < bytes.length && wiped < most; start += PAGE) {
    if (!isWiped(bytes.subarray(start, start + PAGE))) continue;
    bytes.fill(0, start, start + PAGE);
    wiped += 1;
  }
  await writeFile(path, bytes);
  return wiped;
}

describe("a database whose part table has no index by message (1.2.15)", () => {
  let folder: string;
  let whole: ManySessions;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "losses-parts-"));
    whole = await manySessions("1.2.15" as HostVersion, 1, join(folder, "whole"));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function damaged(isWiped: (page: Buffer) => boolean, most: number): Promise<string> {
    const dataDir = await mkdtemp(join(folder, "data-"));
    const database = join(dataDir, "opencode.db");
    await copyFile(whole.database, database);
    expect(await wipe(database, isWiped, most)).toBeGreaterThan(0);
    return dataDir;
  }

  test("every lost part is told by the indexes that there are, and the status is not 0", async () => {
    const rows = new Database(whole.database, { readonly: true });
    const { n } = rows.query("select count(*) as n from part").get() as { n: number };
    rows.close();
    // All leaf pages of the table `part`.
    const dataDir = await damaged((page) => page[0] === 13 && page.includes("prt_"), 1000);
    const result = await askCli(["salvage", "--data-dir", dataDir, "--yes", "--json"]);
    const report = JSON.parse(result.stdout);
    const sum = (key: string) =>
      report.sessions.reduce((all: number, session: Record<string, number>) => all + (session[key] ?? 0), 0);
    expect(sum("parts") + sum("lostParts")).toBe(n);
    expect(
      report.sessions.filter(
        (s: { parts: number; lostParts: number; isWhole: boolean }) => s.isWhole && s.lostParts > 0,
      ),
    ).toEqual([]);
    expect([result.code, report.verdict]).toEqual([1, "damaged"]);
  });

  test("where the indexes are gone as well it says that it cannot tell", async () => {
    const rows = new Database(whole.database, { readonly: true });
    const objects = rows.query("select rootpage as root from sqlite_master where tbl_name = 'part'").all();
    rows.close();
    const roots = (objects as { root: number }[]).map(({ root }) => root);
    const original = await readFile(whole.database);
    const isRoot = (page: Buffer) =>
      roots.some((root) => original.subarray((root - 1) * PAGE, root * PAGE).equals(page));
    const dataDir = await damaged(
      (page) => isRoot(page) || ((page[0] === 13 || page[0] === 10) && page.includes("prt_")),
      1000,
    );
    const text = (await askCli(["salvage", "--data-dir", dataDir, "--yes"])).stdout;
    expect(text).not.toMatch(/^[1-9]\d* sessions? saved completely/m);
    expect(text).toMatch(/lost at least|may have lost an unknown number/);
  });
});

test("rows of session_message that have ids of messages are no lost messages", async () => {
  const folder = await mkdtemp(join(tmpdir(), "losses-session-message-"));
  try {
    const whole = await manySessions("1.17.9" as HostVersion, 1, join(folder, "whole"));
    const database = join(folder, "damaged.db");
    await copyFile(whole.database, database);
    const rows = new Database(database);
    const [first] = rows.query("select session_id as id from session_message limit 1").all() as { id: string }[];
    rows.exec(
      "pragma journal_mode = delete; create table foreign_rows (text text); insert into foreign_rows values ('a page of no use to opencode')",
    );
    rows.close();
    expect(first).toBeDefined();
    expect(await wipe(database, (page) => page.includes("a page of no use to opencode"), 1)).toBe(1);
    const { report, lies } = await toldLossesOf(whole.database, database);
    expect(lies).toEqual([]);
    expect(report.sessions.filter(({ lostMessages, lostParts }) => lostMessages + lostParts > 0)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
