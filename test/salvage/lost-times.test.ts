import { expect, test } from "bun:test";
import { setLostTimes } from "../../plugin/salvage/short-rows.ts";
import { type Connection, loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { scratchFolder } from "../stores/scratch.ts";

const TIMES = ["time_created", "time_updated"];
const TABLES = { project: "", session: "project_id text,", message: "session_id text,", part: "message_id text," };

/** The tables as a salvage fills them. They have no index except the indexes of the ids. */
async function database(): Promise<{ readonly connection: Connection; remove(): void }> {
  const scratch = scratchFolder();
  const connection = (await loadDriver())?.open(`${scratch.path}/new.db`, "create");
  if (connection === undefined) throw new Error("there is no SQLite");
  for (const [name, parent] of Object.entries(TABLES))
    connection.exec(
      `create table ${name} (id text primary key, ${parent} data text, time_created integer, time_updated integer)`,
    );
  return {
    connection,
    remove() {
      connection.close();
      scratch.remove();
    },
  };
}

const ALL = Object.keys(TABLES).map((table) => ({ table, columns: [], lost: TIMES }));

/** Matches a step of a query plan that reads a table from its first row. */
const WITHOUT_INDEX = /^(?:SCAN|SEARCH)(?!.* USING )/;

function isOf(detail: unknown, pattern: RegExp): boolean {
  return pattern.test(String(detail));
}

test("no lost time makes salvage read a table once for each row of another table", async () => {
  const { connection, remove } = await database();
  try {
    const statements: string[] = [];
    setLostTimes({ ...connection, exec: (sql) => statements.push(sql) }, ALL);
    const steps = statements.map((sql) => connection.all(`explain query plan ${sql}`));
    const repeated = steps.flatMap((plan) => {
      const inside = new Set(plan.filter(({ detail }) => isOf(detail, /^CORRELATED/)).map(({ id }) => id));
      return plan.filter(({ parent, detail }) => inside.has(parent ?? null) && isOf(detail, WITHOUT_INDEX));
    });
    // A join may also read one of its two tables repeatedly.
    const joined = steps.map((plan) => plan.filter((each) => each.parent === 0 && isOf(each.detail, WITHOUT_INDEX)));
    expect(statements.length).toBeGreaterThan(7);
    expect(repeated).toEqual([]);
    expect(joined.filter((scans) => scans.length > 1)).toEqual([]);
  } finally {
    remove();
  }
});

test("each lost time comes from the record itself, from its children, or from its project", async () => {
  const { connection, remove } = await database();
  try {
    const add = (table: string, ...values: (string | number | null)[]) =>
      connection.run(`insert into ${table} values (${values.map(() => "?").join(", ")})`, ...values);
    add("project", "prj_1", null, 0, 0);
    add("project", "prj_2", null, 0, 0);
    add("session", "ses_1", "prj_1", null, 0, 0);
    add("session", "ses_2", "prj_1", null, 0, 0);
    add("session", "ses_3", "prj_2", null, 0, 0);
    add("session", "ses_kept", "prj_1", null, 5, 6);
    for (const [id, session, created, completed] of [
      ["msg_1", "ses_1", 20, 30],
      ["msg_2", "ses_1", 40, 50],
      ["msg_3", "ses_2", 60, 70],
    ] as const)
      add("message", id, session, JSON.stringify({ time: { created, completed } }), 0, 0);
    add("part", "prt_1", "msg_2", null, 0, 0);
    setLostTimes(connection, ALL);
    const times = (table: string) =>
      connection.all(`select id, time_created as c, time_updated as u from ${table} order by id`).map(Object.values);
    expect(times("message")).toEqual([
      ["msg_1", 20, 30],
      ["msg_2", 40, 50],
      ["msg_3", 60, 70],
    ]);
    expect(times("part")).toEqual([["prt_1", 40, 40]]);
    expect(times("session")).toEqual([
      ["ses_1", 20, 50],
      ["ses_2", 60, 70],
      ["ses_3", 0, 0],
      ["ses_kept", 5, 6],
    ]);
    expect(times("project")).toEqual([
      ["prj_1", 5, 70],
      ["prj_2", 0, 0],
    ]);
  } finally {
    remove();
  }
});
