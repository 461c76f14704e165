import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { type SalvageReport, salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import type { HostVersion } from "../host/binary.ts";
import { Random } from "../oracle/random.ts";
import { type HostOpening, hostOpens } from "./host-opens.ts";
import type { ManySessions } from "./many-sessions.ts";
import { writeDamaged } from "./page-damage.ts";
import { heldAgainst } from "./told-losses.ts";

/** Damages that make `sqlite_schema` unusable, so that salvage must find out the schema in another way. */
export const VERSION_DAMAGES = ["schema-leaf", "schema-and-pages", "zeros", "noise", "lone-wal"] as const;
export type VersionDamage = (typeof VERSION_DAMAGES)[number];

export interface VersionOutcome {
  readonly what: string;
  readonly report: SalvageReport;
  readonly opening: HostOpening;
  /**
   * Whether the host opens every session that salvage reports. The host must also list each session whose folder is
   * known.
   */
  readonly opens: boolean;
  /** Describes each false statement of the report about losses. */
  readonly lies: readonly string[];
}

const PAGE = 4096;

/** Damages a database of a version and salvages it. Then that version opens every session. */
export async function versionExperiment(
  version: HostVersion,
  whole: ManySessions,
  kind: VersionDamage,
  seed: number,
): Promise<VersionOutcome> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const source = join(whole.folder, `version-${kind}-${seed}.db`);
  const target = `${source}.salvaged`;
  const paths = [source, `${source}-wal`, `${source}-shm`, target];
  for (const path of paths) await rm(path, { force: true });
  try {
    const what = await damage(whole, source, kind, seed);
    const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
    const { lies } = heldAgainst(whole.database, target, report);
    const opening = await hostOpens(version, whole.project, target);
    const placed = report.sessions.filter(({ hasFolder }) => hasFolder).length;
    const opens =
      opening.listStatus === 200 &&
      opening.failing.length === 0 &&
      opening.sessions === report.sessions.length &&
      opening.listed === placed;
    return { what, report, opening, opens, lies };
  } finally {
    for (const path of paths) await rm(path, { force: true });
  }
}

async function damage(whole: ManySessions, path: string, kind: VersionDamage, seed: number): Promise<string> {
  if (kind === "lone-wal") {
    const source = seed % 2 === 0 ? whole.wal : whole.restarted.wal;
    await copyFile(source, `${path}-wal`);
    return source === whole.wal ? "a log" : "a log that was begun again";
  }
  if (kind === "zeros" || kind === "noise") return writeDamaged(whole, path, kind, seed);
  const what = kind === "schema-and-pages" ? await writeDamaged(whole, path, "zeros", seed) : "";
  const bytes = await readFile(kind === "schema-and-pages" ? path : whole.database);
  const random = new Random(seed);
  const leaf = random.pick(schemaLeaves(bytes));
  bytes.fill(0, (leaf - 1) * PAGE, leaf * PAGE);
  await writeFile(path, bytes);
  return `leaf ${leaf} of the schema ${what}`;
}

/** The leaf pages of `sqlite_schema`, as page 1 lists them. */
function schemaLeaves(bytes: Buffer): number[] {
  const cells = bytes.readUInt16BE(103);
  const pages = Array.from({ length: cells }, (_, index) => bytes.readUInt32BE(bytes.readUInt16BE(112 + 2 * index)));
  return [...pages, bytes.readUInt32BE(108)];
}
