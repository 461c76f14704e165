import { Database } from "bun:sqlite";

/** Every row of every table of a database, with exact storage classes and bytes, so that databases can be compared. */
export function everyRow(path: string): readonly (readonly [table: string, rows: unknown])[] {
  using database = new Database(path, { readonly: true, safeIntegers: true });
  const names = database.query("select name from sqlite_master where type = 'table' order by name").values().flat();
  return names.map((name) => {
    const columns = database.query(`select name from pragma_table_info('${name}')`).values().flat();
    const cells = columns.map((column) => `typeof("${column}"), cast("${column}" as blob)`);
    return [String(name), database.query(`select ${cells.join(", ")} from "${name}" order by rowid`).values()];
  });
}
