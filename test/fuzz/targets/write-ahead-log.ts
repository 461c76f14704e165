import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readWriteAheadLog, unreadLog } from "../../../plugin/stores/sqlite/pages/write-ahead-log.ts";
import { changesSince, type WalChanges } from "../../../plugin/stores/sqlite/wal-frames.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";
import { memoryFile } from "../memory-file.ts";
import { sealedLog } from "../sealed-log.ts";

const PAGE_BYTES = [null, 512, 1024, 4096];

const folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const database = join(folder, "opencode.db");
const path = `${database}-wal`;

/**
 * The two readers of write-ahead logs agree. To follow a log while it grows gives the same pages as to read it at the
 * end.
 */
export function fuzz(data: Uint8Array): void {
  const choices = new Choices(data);
  const pageBytes = choices.pick(PAGE_BYTES);
  const isSealed = choices.byte() % 2 === 1;
  const cut = choices.byte() * 256 + choices.byte();
  const given = choices.rest();
  const log = isSealed ? sealedLog(given) : given;
  writeFileSync(path, log.subarray(0, cut));
  const early = changesSince(path, null);
  writeFileSync(path, log);
  unreadLog(database);
  const whole = changesSince(path, null);
  demand(whole !== "lost", "a log that is read from its beginning is lost");
  demandSalvaged(log, pageBytes, whole);
  const again = changesSince(path, whole.position);
  demand(again !== "lost" && again.pages.size === 0, "news of a log that has not changed");
  if (early === "lost" || early.position.salts !== whole.position.salts) return;
  const later = changesSince(path, early.position);
  demand(later !== "lost", "a log that has only grown is lost");
  demand(isSame(whole.pages, new Map([...early.pages, ...later.pages])), "a page that was written is not told of");
  demand(JSON.stringify(later.position) === JSON.stringify(whole.position), "another place in the log");
}

type Known = Exclude<WalChanges, "lost">;

/** Checks that salvage finds every page of the log that SQLite reads. */
function demandSalvaged(log: Buffer, pageBytes: number | null, { position, pages }: Known): void {
  const salvaged = readWriteAheadLog(memoryFile(log), pageBytes, 0);
  const [page] = pages.values();
  if (salvaged === null) {
    demand(page === undefined, "a salvage sees no log");
    return;
  }
  for (const frame of [...salvaged.committed, ...salvaged.others]) {
    demand(frame.page > 0 && frame.offset + salvaged.pageBytes <= log.length, "a frame that is not in the log");
  }
  if (page === undefined) return;
  const committed = salvaged.committed.slice(0, position.frames);
  demand(committed.length === position.frames, "a committed frame is left out");
  const read = ({ offset }: { readonly offset: number }) => log.subarray(offset, offset + salvaged.pageBytes);
  demand(isSame(pages, new Map(committed.map((frame) => [frame.page, read(frame)]))), "another page than SQLite's");
}

function isSame(one: ReadonlyMap<number, Buffer>, other: ReadonlyMap<number, Buffer>): boolean {
  return one.size === other.size && [...one].every(([page, bytes]) => other.get(page)?.equals(bytes) === true);
}
