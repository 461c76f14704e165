import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { databasesBeside } from "../../plugin/rescue/known-stores.ts";
import { databasesPutAside } from "../../plugin/stores/put-aside.ts";

function write(path: string, ...tables: readonly string[]): void {
  using database = new Database(path);
  for (const table of tables) database.run(`create table ${table} (id text)`);
}

/** Names that Syncthing, Dropbox, ownCloud, Seafile, Google Drive, iCloud, editors and people give to copies. */
const COPIES = [
  "Copy of opencode.db",
  "opencode (Jane's conflicted copy 2026-03-01).db",
  "opencode (SFConflict jane@example.org 2026-03-01-10-10-10).db",
  "opencode 2.db",
  "opencode.bak",
  "opencode.db.sync-conflict-20260301-101010-ABCDEFG",
  "opencode.db~",
  "opencode2.db",
  "opencode_conflict-20260301-101010.db",
  "~opencode.db",
];

/** Files that are not copies: databases of another program, which the name or the tables show, and a side file. */
const OTHERS = ["myopencode.db", "opencodex.db", "opencode.sync-conflict-20260301-101010-ABCDEFG.db-wal", "notes.db"];

test("a copy of a database is known by its name and tables, whoever made it", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "put-aside-"));
  try {
    for (const name of ["opencode.db", ...COPIES, ...OTHERS]) write(join(dataDir, name), "session");
    write(join(dataDir, "opencode_notes.db"), "note");
    // `OPENCODE_DB` may name any file, so this database counts.
    write(join(dataDir, "work.db"), "project", "session", "message", "part");
    writeFileSync(join(dataDir, "opencode.db.old"), "no database");
    // A file that cannot be read may be a copy, so it counts.
    writeFileSync(join(dataDir, "opencode.db.bak"), `SQLite format 3\0${"x".repeat(500)}`);
    const located = { dataDir, json: "none", databases: [join(dataDir, "opencode.db")] } as const;
    const found = await databasesPutAside(nodeFileSystem, located);
    expect(found.map((path) => basename(path)).sort()).toEqual([...COPIES, "opencode.db.bak", "work.db"].sort());
    // With `--db`, only copies of that database count.
    const beside = await databasesPutAside(nodeFileSystem, { ...located, isDatabaseAlone: true });
    expect(beside.map((path) => basename(path)).sort()).toEqual([...COPIES, "opencode.db.bak"].sort());
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});

test("a database that OPENCODE_DB names through a link is not read a second time under its own name", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "put-aside-")));
  try {
    const dataDir = join(root, "data");
    const link = join(root, "link");
    mkdirSync(dataDir);
    symlinkSync(dataDir, link);
    for (const name of ["opencode.db", "work.db"]) write(join(dataDir, name), "project", "session", "message", "part");
    const read = async (...names: readonly string[]) => {
      const located = { dataDir, json: "none", databases: names.map((name) => join(link, name)) } as const;
      const found = [
        ...(await databasesBeside(nodeFileSystem, located)),
        ...(await databasesPutAside(nodeFileSystem, located)),
      ];
      return found.map((path) => basename(path));
    };
    expect(await read("opencode.db")).toEqual(["work.db"]);
    expect(await read("work.db")).toEqual(["opencode.db"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
