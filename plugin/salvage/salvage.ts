import { columnName } from "../hosts/lost-columns.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { removeNow } from "../platform/staged-file.ts";
import { closedMessage } from "../remedies/recover/closed-document.ts";
import type { Connection, Driver } from "../stores/sqlite/driver.ts";
import { openPageImage } from "../stores/sqlite/pages/page-image.ts";
import { NO_FILE, openRandomAccess } from "../stores/sqlite/pages/random-access.ts";
import { addLostColumns, type ChosenSchema, chooseSchema, completeMigrations } from "./choose-schema.ts";
import { type Filled, fillFromEvents } from "./fill-from-events.ts";
import { fillFromFiles } from "./fill-from-files.ts";
import { unflipIDs } from "./flipped-ids.ts";
import { Gathering } from "./gather.ts";
import { Ledger } from "./ledger.ts";
import { lossesOf } from "./losses.ts";
import { NewDatabase } from "./new-database.ts";
import { mapPages } from "./page-map.ts";
import { type Rebuilt, rebuildParents } from "./rebuild-parents.ts";
import { addRecordedProjects } from "./recorded-projects.ts";
import { type LossesOfAll, lossesOfAll, outcomesOf, type SessionOutcome, unnamedMessages } from "./session-outcomes.ts";
import { setLostFolders, setLostTimes } from "./short-rows.ts";
import { SalvageStoppedError } from "./stopped.ts";
import { writeUnfinished } from "./unfinished-rows.ts";

export type Stage = "mapping" | "reading" | "filling" | "indexing" | "verifying";

export interface SalvageInput {
  readonly files: FileSystem;
  readonly driver: Driver;
  /**
   * The path of a copy of the damaged database. The copy of the WAL has the same name with `-wal`. One of the two may
   * be missing. The copy is only read.
   */
  readonly source: string;
  /** The path of the new database, which must not exist yet. Temporary files next to it are removed at the end. */
  readonly target: string;
  /** opencode's data directory, whose old JSON files are read too; `null` if they shall not be read. */
  readonly dataDir: string | null;
  /** Reports progress in pages. Both numbers are 0 if a stage has no measure. */
  readonly onProgress?: (stage: Stage, done: number, of: number) => void;
  readonly signal?: AbortSignal;
}

export interface SalvageReport extends LossesOfAll {
  readonly pages: number;
  readonly pageBytes: number;
  /** The number of rows in the new database, for each table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly sessions: readonly SessionOutcome[];
  /** How many rows came from older versions of pages. */
  readonly fromOlderPages: number;
  readonly fromEvents: Filled;
  readonly fromFiles: Filled;
  /** How many records the damage had cut off. Each was saved up to that point, and its JSON was closed there. */
  readonly mended: number;
  readonly rebuilt: Rebuilt;
  readonly unplacedRecords: number;
  readonly framesBeyondDamage: number;
  readonly addedSchemaObjects: readonly string[];
  /**
   * Columns that the database had lost, as `table.column`. The new database has them again, but their values are lost.
   */
  readonly emptyColumns: readonly string[];
  /**
   * Whether anything shows which opencode version wrote the damaged database. If not, the schema of the new database is
   * a guess.
   */
  readonly isSchemaTold: boolean;
  /** The opencode versions whose schema the new database has; empty if no known version has it. */
  readonly schemaOf: readonly string[];
  readonly failedIndexes: readonly string[];
  readonly isSound: boolean;
  readonly foreignKeyViolations: number;
}

/** Builds a new database from everything that can be read of a damaged one. The damaged copy is only read. */
export async function salvage(input: SalvageInput): Promise<SalvageReport> {
  const { files, driver, source, target } = input;
  const main = (await files.stat(source)) === null ? NO_FILE : openRandomAccess(source);
  const wal = (await files.stat(`${source}-wal`)) === null ? null : openRandomAccess(`${source}-wal`);
  const [ledgerPath, scratchPath] = [`${target}.ledger`, `${target}.scratch`];
  const clear = () => {
    for (const path of [ledgerPath, scratchPath]) removeNow(path);
  };
  const scratch = () => {
    removeNow(scratchPath);
    const connection = driver.open(scratchPath, "create");
    connection.exec("pragma journal_mode = off; pragma synchronous = off");
    return connection;
  };
  try {
    clear();
    const image = openPageImage(main, wal);
    const tick = ticker(input, image.pages);
    const map = mapPages(image, (page) => tick("mapping", page));
    const schema = chooseSchema(image, map, scratch);
    const created = new NewDatabase(driver.open(target, "create"), schema.objects, image.pageBytes);
    const ledger = new Ledger(driver.open(ledgerPath, "create"));
    try {
      const gathering = new Gathering(image, map, created, ledger, schema);
      gathering.takeCurrent((done) => tick("reading", done));
      const { connection } = created;
      unflipIDs(connection);
      gathering.takeOlder(false);
      input.onProgress?.("filling", 0, 0);
      // The columns must exist before rows are added from the log and the files, which have values for these columns.
      addLostColumns(connection, schema);
      const fromEvents = fillFromEvents(connection);
      gathering.takeOlder(true);
      const fromFiles =
        input.dataDir === null
          ? { sessions: 0, messages: 0, parts: 0 }
          : await fillFromFiles(files, input.dataDir, connection, ledger);
      const cut = writeUnfinished(connection, ledger);
      unflipIDs(connection);
      created.commit();
      ledger.attachTo(connection, ledgerPath);
      const losses = lossesOf(connection, created.shapes, gathering.indexes, (table) => gathering.isWhole(table));
      const unnamed = unnamedMessages(connection);
      setLostTimes(connection, schema.short);
      const withoutFolder = setLostFolders(connection, schema.short);
      const before = new Set(connection.all("select id from session").map((row) => String(row.id)));
      const recordedProjects = await addRecordedProjects(files, connection);
      const parents = rebuildParents(connection, (from, to, role) =>
        JSON.stringify(closedMessage(`{"role":"${role}"`, { created: from, updated: to })),
      );
      const rebuilt = { ...parents, projects: parents.projects + recordedProjects };
      completeMigrations(connection, schema);
      input.onProgress?.("indexing", 0, 0);
      const failedIndexes = created.finish();
      input.onProgress?.("verifying", 0, 0);
      const sessions = outcomesOf(connection, {
        before,
        losses,
        unnamed,
        cut,
        withoutFolder,
        logIsWhole: image.logIsWhole,
      });
      const rows = Object.fromEntries(
        created.shapes.map(({ name }) => [name, count(connection, `select count(*) as n from "${name}"`)]),
      );
      const check = connection.all("pragma integrity_check(1)")[0];
      return {
        pages: image.pages,
        pageBytes: image.pageBytes,
        rows,
        sessions,
        ...lossesOfAll(sessions, losses, image.logIsWhole),
        fromOlderPages: gathering.result.fromOlder,
        fromEvents,
        fromFiles,
        mended: [...cut.values()].reduce((sum, count) => sum + count, 0),
        rebuilt,
        unplacedRecords: gathering.result.unplaced,
        framesBeyondDamage: image.framesBeyondDamage,
        addedSchemaObjects: schema.added,
        emptyColumns: lostNames(schema),
        isSchemaTold: schema.isTold,
        schemaOf: schema.known?.hosts ?? [],
        failedIndexes,
        isSound: Object.values(check ?? {})[0] === "ok",
        foreignKeyViolations: connection.all("pragma foreign_key_check").length,
      };
    } finally {
      created.connection.close();
      ledger.close();
    }
  } finally {
    main.close();
    wal?.close();
    clear();
  }
}

function lostNames({ lost, short }: ChosenSchema): string[] {
  return [...lost, ...short.flatMap(({ table, lost: names }) => names.map((name) => ({ table, name })))].map(
    columnName,
  );
}

const PAGES_PER_TICK = 4096;

function ticker(input: SalvageInput, pages: number): (stage: Stage, done: number) => void {
  return (stage, done) => {
    if (done % PAGES_PER_TICK !== 0) return;
    if (input.signal?.aborted) throw new SalvageStoppedError(true);
    input.onProgress?.(stage, done, pages);
  };
}

function count(connection: Connection, sql: string): number {
  return Number(connection.all(sql)[0]?.n ?? 0);
}
