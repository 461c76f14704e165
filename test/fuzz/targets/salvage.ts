import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeFileSystem } from "../../../plugin/platform/file-system.ts";
import { salvage } from "../../../plugin/salvage/salvage.ts";
import { type Driver, loadDriver } from "../../../plugin/stores/sqlite/driver.ts";
import { parses } from "../../records/parses.ts";
import { longestCase } from "../case-time.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";
import { isInUse, sealedLog } from "../sealed-log.ts";

/** The longest CPU time of a salvage, in milliseconds. CPU time does not depend on other programs that use the disk. */
const LONGEST_MS = 3000;

let kept: { readonly driver: Driver; readonly folder: string } | null = null;

async function surroundings(): Promise<{ readonly driver: Driver; readonly folder: string }> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-fuzz-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return { driver, folder };
}

/** A salvage of any bytes makes a sound database. It contains all documents that SQLite can still read. */
export async function fuzz(data: Uint8Array): Promise<void> {
  kept ??= await surroundings();
  const { driver, folder } = kept;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const choices = new Choices(data);
  const flags = choices.byte();
  const mainBytes = choices.byte() * 256 + choices.byte();
  const bytes = choices.rest();
  const log = bytes.subarray(mainBytes);
  const [source, target, copy] = ["source.db", "new.db", "copy.db"].map((name) => join(folder, name));
  if (source === undefined || target === undefined || copy === undefined) return;
  for (const path of [source, copy]) {
    writeFileSync(path, bytes.subarray(0, mainBytes));
    if (log.length > 0) writeFileSync(`${path}-wal`, (flags & 1) === 1 ? sealedLog(log) : log);
  }
  const started = process.cpuUsage();
  const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
  const { user, system } = process.cpuUsage(started);
  const longest = longestCase(LONGEST_MS);
  demand(longest === null || (user + system) / 1000 < longest, "a salvage that takes seconds");
  demand(report.isSound, "the new database is not sound");
  const now = documentsIn(driver, target);
  demand(now !== null, "the new database cannot be read");
  for (const [place, text] of now) demand(parses(text), `a document that does not parse: ${place}`);
  const isLogSound = log.length === 0 || ((flags & 1) === 1 && isInUse(log) && report.framesBeyondDamage === 0);
  const before = isLogSound ? documentsIn(driver, copy) : null;
  for (const [place, text] of before ?? []) {
    if (parses(text)) demand(now.get(place) === text, `a row that SQLite still reads is gone: ${place}`);
  }
}

/**
 * The documents of messages and parts with an id of opencode's form. `null` if SQLite reports an error in the database.
 */
function documentsIn(driver: Driver, path: string): ReadonlyMap<string, string> | null {
  try {
    const connection = driver.open(path, "write");
    try {
      if (connection.all("pragma integrity_check(1)")[0]?.integrity_check !== "ok") return null;
      const found = new Map<string, string>();
      for (const [table, prefix] of [
        ["message", "msg_"],
        ["part", "prt_"],
      ]) {
        const sql = `select id, data from ${table} where id glob '${prefix}*' and typeof(data) = 'text'`;
        for (const { id, data } of connection.all(sql)) {
          found.set(`${table} ${id}`, String(data));
        }
      }
      return found;
    } finally {
      connection.close();
    }
  } catch {
    return null;
  }
}
