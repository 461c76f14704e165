import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { folderImage } from "../stores/json-fixture.ts";
import { databaseImage } from "../stores/sqlite-fixture.ts";
import type { Image, StoreUnderTest } from "../stores/store-under-test.ts";
import { longestCase } from "./case-time.ts";
import { demand, FoundDefect } from "./defect.ts";

/** How many milliseconds a step may take. For a check of a few records, that is very long. */
const LONGEST_STEP_MS = 1000;

/**
 * Runs a step. It is a defect if the step throws. If times are measured, it is also a defect if the step takes too long
 * twice.
 */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work().catch((error: unknown) => {
    throw error instanceof FoundDefect ? error : new FoundDefect(`${name} throws`, { cause: error });
  });
  const took = performance.now() - started;
  const longest = longestCase(LONGEST_STEP_MS);
  if (longest !== null && took > longest) {
    const again = performance.now();
    await work().catch(() => undefined);
    demand(performance.now() - again < longest, `${name} took ${Math.round(took)} ms`);
  }
  return result;
}

/**
 * The surroundings of a store: the folder beside it, the home folder and the folder for temporary files. The tool must
 * never write there.
 */
export class Surroundings {
  readonly #folders: readonly string[];
  readonly #before: Image[];
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(store: StoreUnderTest) {
    const parent = dirname(store.dataDir);
    for (const name of ["home", "tmp"]) mkdirSync(join(parent, name), { recursive: true });
    writeFileSync(join(parent, "outside.json"), "{");
    writeFileSync(join(parent, "home", ".profile"), "# nothing");
    const { HOME, TMPDIR } = process.env;
    this.#environment = { HOME, TMPDIR };
    process.env.HOME = join(parent, "home");
    process.env.TMPDIR = join(parent, "tmp");
    this.#folders = [parent];
    this.#before = this.#image();
  }

  judge(): void {
    demand(Bun.deepEquals(this.#image(), this.#before), "something was written outside of the data directory");
  }

  leave(): void {
    for (const [name, value] of Object.entries(this.#environment)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }

  #image(): Image[] {
    return this.#folders.map((folder) => folderImage(folder, ["opencode"]));
  }
}

const driver = await loadDriver();

/** The rows of a database, read from a copy. `null` if SQLite cannot read all rows. */
export function rowsOf(database: string): Image | null {
  const copy = `${dirname(dirname(database))}.copy.db`;
  try {
    for (const suffix of ["", "-wal"]) {
      if (existsSync(database + suffix)) copyFileSync(database + suffix, copy + suffix);
    }
    const connection = driver?.open(copy, "write");
    if (connection === undefined) return null;
    try {
      // If an index does not match its table, the rows cannot be compared.
      if (connection.all("pragma quick_check(1)")[0]?.quick_check !== "ok") return null;
      return databaseImage(connection);
    } finally {
      connection.close();
    }
  } catch {
    return null;
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(copy + suffix, { force: true });
  }
}
