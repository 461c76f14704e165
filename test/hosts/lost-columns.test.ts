import { expect, test } from "bun:test";
import { columnsIn, type Layout } from "../../plugin/hosts/known-frame.ts";
import { KNOWN_SCHEMAS, type KnownSchema } from "../../plugin/hosts/known-schema.ts";
import { columnName, hasJournalsOf, lostColumns } from "../../plugin/hosts/lost-columns.ts";
import { JOURNALS } from "../../plugin/hosts/store-line.ts";

const isOwn = ({ name }: { readonly name: string }) => !name.startsWith("sqlite_");

function layoutOf({ objects }: KnownSchema) {
  const tables = objects.filter((object) => object.type === "table" && isOwn(object));
  const indexes = objects.filter(({ type }) => type === "index");
  return {
    tables: new Map(tables.map(({ name, sql }) => [name, columnsIn(sql)])),
    indexes: new Set(indexes.map(({ name }) => name)),
  };
}

/** The journals that a database of this schema contains. */
function journalsOf({ journals }: KnownSchema) {
  return new Map(
    journals.map(({ table, columns, rows }) => {
      const key = JOURNALS.find(({ name }) => name === table)?.keys.find((each) => columns.includes(each)) ?? "";
      return [table, { keys: rows.map((row) => String(row[columns.indexOf(key)])) }] as const;
    }),
  );
}

function without({ tables, indexes }: Layout, table: string, column: string): Layout {
  const columns = tables.get(table)?.filter((name) => name !== column) ?? [];
  return { tables: new Map([...tables, [table, columns]]), indexes };
}

const found = (layout: Layout, schema: KnownSchema) =>
  lostColumns(layout, (known) => hasJournalsOf(known, journalsOf(schema)));

test("of every known schema, each column that may be empty or gets another value is found, and nothing else of a whole one", () => {
  let columns = 0;
  for (const schema of KNOWN_SCHEMAS) {
    const layout = layoutOf(schema);
    expect(found(layout, schema)).toBeNull();
    for (const column of layout.tables.get("session") ?? []) {
      const lost = found(without(layout, "session", column), schema);
      if (lost === null) continue;
      columns += 1;
      expect(lost.columns.map(columnName)).toEqual([`session.${column}`]);
      expect(lost.columns[0]?.clause).toMatch(new RegExp(`^[\`"]?${column}[\`"]? (text|integer|real)`));
    }
    for (const needed of ["id", "project_id"]) expect(found(without(layout, "session", needed), schema)).toBeNull();
    expect(found(without(layout, "part", "data"), schema)).toBeNull();
    for (const [table, column] of [
      ["session", "title"],
      ["session", "directory"],
      ["part", "time_created"],
      ["message", "time_updated"],
    ] as const)
      expect(found(without(layout, table, column), schema)?.columns.map(columnName)).toEqual([`${table}.${column}`]);
  }
  expect(columns).toBeGreaterThan(10 * KNOWN_SCHEMAS.length);
});

test("nothing is found where anything else differs from the known host", () => {
  for (const schema of KNOWN_SCHEMAS) {
    const layout = without(layoutOf(schema), "session", "permission");
    const { tables, indexes } = layout;
    expect(found(layout, schema)?.columns.map(columnName)).toEqual(["session.permission"]);
    const message = [...(tables.get("message") ?? []), "other"];
    const others: readonly Layout[] = [
      { tables: new Map([...tables, ["other", ["id"]]]), indexes },
      { tables: new Map([...tables, ["message", message]]), indexes },
      { tables: new Map([...tables].filter(([name]) => name !== "todo")), indexes },
      { tables, indexes: new Set([...indexes].filter((name) => name !== "part_session_idx")) },
    ];
    for (const other of others) expect(found(other, schema)).toBeNull();
    const journals = new Map([...journalsOf(schema)].map(([table, { keys }]) => [table, { keys: keys.slice(1) }]));
    expect(lostColumns(layout, (known) => hasJournalsOf(known, journals))).toBeNull();
  }
});
