import { expect, test } from "bun:test";
import { missingColumns } from "../../plugin/hosts/columns.ts";
import { columnsIn } from "../../plugin/hosts/known-frame.ts";
import { KNOWN_SCHEMAS, type KnownSchema } from "../../plugin/hosts/known-schema.ts";
import type { SchemaFrame } from "../../plugin/hosts/profile.ts";
import { lineNamed, linesOfDatabase } from "../../plugin/hosts/store-line.ts";

/**
 * When opencode writes to these tables, it names every column. This was measured with a new session, a prompt and a
 * todo list.
 */
const WRITTEN_WHOLE = ["session", "message", "part", "todo"];

/** The frame of every known schema, with the newest host that creates the schema and the line of that host. */
const FRAMES = KNOWN_SCHEMAS.map((schema) => {
  const frame = frameOf(schema);
  const [name] = linesOfDatabase(frame, null, schema.hosts.at(-1) ?? null);
  if (name === undefined) throw new Error(`no line of ${schema.hosts.join()}`);
  return { host: schema.hosts.at(-1) ?? "", frame, line: lineNamed(name) };
});

function frameOf({ objects, journals }: KnownSchema): SchemaFrame {
  const tables = objects.filter(({ type, name }) => type === "table" && !name.startsWith("sqlite_"));
  const migration = journals.find(({ table }) => table === "migration");
  const at = migration?.columns.indexOf("id") ?? -1;
  return {
    tables: new Map(tables.map(({ name, sql }) => [name, columnsIn(sql)])),
    migrations: new Set((migration?.rows ?? []).map((row) => String(row[at]))),
  };
}

function without({ tables, migrations }: SchemaFrame, table: string, column?: string): SchemaFrame {
  const others = [...tables].filter(([name]) => name !== table);
  const left = (tables.get(table) ?? []).filter((name) => name !== column);
  return { tables: new Map(column === undefined ? others : [...others, [table, left]]), migrations };
}

test("of no known schema a column is called missing", () => {
  for (const { frame, line } of FRAMES)
    expect(missingColumns(line, frame)).toEqual({ read: [], written: [], writtenBySome: [] });
});

test("each column that opencode names when it writes is named once, in every line", () => {
  const silent: string[] = [];
  for (const { host, frame, line } of FRAMES) {
    if (line.upgradesOlder && !line.shaped(frame)) continue;
    for (const table of WRITTEN_WHOLE) {
      for (const column of frame.tables.get(table) ?? []) {
        const { read, written } = missingColumns(line, without(frame, table, column));
        if ([...read, ...written].join() !== `${table}.${column}`) silent.push(`${host}: ${table}.${column}`);
      }
    }
  }
  expect(silent).toEqual([]);
});

test("1.15.0 to 1.15.4 list no session without a column of its usage; 1.14.48 has none of these columns", () => {
  const of = (version: string) => FRAMES.find(({ host }) => host === version);
  const [bare, used] = [of("1.14.48"), of("1.15.4")];
  if (bare === undefined || used === undefined) throw new Error("a known schema is gone");
  expect([bare.line.name, used.line.name]).toEqual(["1.15", "1.15"]);
  expect(bare.frame.tables.get("session")).not.toContain("cost");
  for (const column of ["cost", "tokens_input", "tokens_cache_write"]) {
    expect(missingColumns(used.line, without(used.frame, "session", column)).read).toEqual([`session.${column}`]);
  }
});

test("tables without which a prompt fails, by line", () => {
  const lost = new Map<string, Set<string>>();
  for (const { frame, line } of FRAMES) {
    if (line.upgradesOlder && !line.shaped(frame)) continue;
    for (const table of ["todo", "event", "event_sequence", "session_message"]) {
      const { read, written } = missingColumns(line, without(frame, table));
      if (read.length + written.length === 0) continue;
      lost.set(line.name, (lost.get(line.name) ?? new Set()).add(table));
    }
  }
  const told = Object.fromEntries([...lost].map(([line, tables]) => [line, [...tables]]));
  expect(told).toEqual({
    "1.2": ["todo"],
    "1.2.20": ["todo"],
    "1.3.2": ["todo"],
    "1.14": ["todo", "event_sequence"],
    "1.15": ["todo", "event_sequence", "session_message"],
    "1.15.13": ["todo", "event_sequence", "session_message"],
    "1.17": ["todo", "event", "event_sequence", "session_message"],
    "1.17.9": ["todo", "event", "event_sequence", "session_message"],
    "1.17.11": ["todo", "event", "event_sequence"],
  });
});
