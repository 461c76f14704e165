import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Everything in a store, by name. Two images are equal only if the stores are equal byte for byte. */
export type StoreImage = Readonly<Record<string, string>>;

/**
 * The quarantine folder, and files that opencode writes all the time. opencode also packs its git snapshots at any
 * time.
 */
const NOT_COMPARED = new Set(["quarantine", "log", "bin", "snapshot", ".session-repair-index.json"]);

const DATABASE = /^opencode.*\.db(-wal|-shm)?$/;

/**
 * All files in a data directory, with their hash, time and mode. Databases are compared by their rows, because their
 * pages may move. A row has its rowid, and the storage class and bytes of each value. `ignored` are columns that
 * opencode writes at each boot.
 */
export async function storeImage(dataDir: string, ignored: readonly string[] = []): Promise<StoreImage> {
  const image: Record<string, string> = {};
  for (const name of await readdir(dataDir)) {
    if (NOT_COMPARED.has(name) || DATABASE.test(name)) continue;
    await addFiles(image, dataDir, name);
  }
  const databases = (await readdir(dataDir)).filter((name) => DATABASE.test(name) && name.endsWith(".db"));
  for (const name of databases) addRows(image, join(dataDir, name), ignored);
  return image;
}

/**
 * All files in a folder with their hash, time and mode, and all folders with their time and mode. If a file was made
 * and removed again, the time of its folder has changed.
 */
export async function fileImage(folder: string): Promise<StoreImage> {
  const image: Record<string, string> = {};
  await addFiles(image, folder, ".", true);
  return image;
}

async function addFiles(image: Record<string, string>, root: string, path: string, foldersToo = false): Promise<void> {
  const full = join(root, path);
  const found = await lstat(full, { bigint: true });
  if (found.isDirectory()) {
    if (foldersToo) image[`${path}/`] = `${found.mtimeNs}, ${(found.mode & 0o7777n).toString(8)}`;
    for (const name of await readdir(full)) await addFiles(image, root, join(path, name), foldersToo);
  } else if (found.isFile()) {
    const hash = createHash("sha256")
      .update(await readFile(full))
      .digest("hex");
    image[path] = `${hash} ${found.size} bytes, ${found.mtimeNs}, ${(found.mode & 0o7777n).toString(8)}`;
  } else image[path] = "neither a file nor a folder";
}

interface Column {
  readonly name: string;
}

function addRows(image: Record<string, string>, path: string, ignored: readonly string[]): void {
  using database = new Database(path, { readonly: true });
  const tables = database
    .query<Column, []>("select name from sqlite_master where type = 'table' order by name")
    .all()
    .map(({ name }) => name);
  for (const table of tables) {
    const columns = database
      .query<Column, [string]>("select name from pragma_table_info(?)")
      .all(table)
      .map(({ name }) => name)
      .filter((name) => !ignored.includes(`${table}.${name}`));
    const cells = columns.map((name) => `'${name} ' || typeof("${name}") || ' ' || hex("${name}")`);
    const hasRowID = rowIDs(database, table);
    const rows = database
      .query<{ at: string; row: string }, []>(
        `select ${hasRowID ? "rowid" : "''"} as at, ${cells.join(" || '\n' || ")} as row from "${table}" order by 1, 2`,
      )
      .all();
    rows.forEach(({ at, row }, index) => {
      image[`${table}[${index}]`] = `rowid ${at} ${createHash("sha256").update(row).digest("hex")}`;
    });
  }
}

function rowIDs(database: Database, table: string): boolean {
  try {
    database.query(`select rowid from "${table}" limit 0`).all();
    return true;
  } catch {
    return false;
  }
}
