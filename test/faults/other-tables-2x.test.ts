import { expect, test } from "bun:test";
import { rowProblems } from "../../plugin/faults/diagnose-2x.ts";
import { OTHER_TABLES_OF_2_0 } from "../../plugin/hosts/v2/other-tables.ts";
import type { RowValues } from "../../plugin/model/artifact.ts";
import type { StoredValue } from "../../plugin/model/row-2x.ts";

/**
 * No released 2.x was available. So these rows follow the source code of 2.0.26, and `project` also a build of July.
 */
const ROWS: Readonly<Record<string, { values: RowValues; json: Readonly<Record<string, string>> }>> = {
  project: {
    values: {
      ...{ id: "global", worktree: "/", vcs: null, name: null, icon_url: null, icon_url_override: null },
      ...{ icon_color: null, time_created: 1, time_updated: 1 },
    },
    json: { sandboxes: "[]" },
  },
  kv: { values: { key: "migration.v1-v2" }, json: { value: '{"phase":"completed"}' } },
  session_inbox: {
    values: { id: "msg_1", session_id: "ses_1", type: "user", delivery: "queue", time_created: 1 },
    json: { payload: '{"text":"Go on"}' },
  },
  instruction_state: { values: { session_id: "ses_1" }, json: { initial_values: "{}", current_values: "{}" } },
  instruction_entry: { values: { session_id: "ses_1", key: "a" }, json: { value: '"text"' } },
  instruction_blob: { values: { hash: "abc" }, json: { value: "null" } },
};

type Change = { readonly values?: RowValues; readonly json?: Readonly<Record<string, string | Buffer | null>> };

function said(table: string, { values = {}, json = {} }: Change): string[] {
  const other = OTHER_TABLES_OF_2_0.find((each) => each.table === table);
  const row = ROWS[table];
  if (other === undefined || row === undefined) throw new Error(`no table ${table}`);
  const stored = Object.entries({ ...row.json, ...json }).flatMap(([column, value]): [string, StoredValue][] => {
    if (value === null) return [];
    const bytes = Buffer.from(value);
    return [[column, { storage: typeof value === "string" ? "text" : "blob", size: bytes.length, bytes }]];
  });
  const problems = rowProblems(other, { values: { ...row.values, ...values }, json: new Map(stored) });
  return problems.map(
    ({ column, evidence, isUnreadable }) => `${column ?? "row"}: ${isUnreadable ? "unreadable" : evidence}`,
  );
}

test("every table that is judged has a healthy row here", () => {
  expect(Object.keys(ROWS)).toEqual(OTHER_TABLES_OF_2_0.map(({ table }) => table));
});

test.each(
  OTHER_TABLES_OF_2_0.flatMap(({ table, jsonColumns }) => jsonColumns.map((column) => [table, column] as const)),
)("%s.%s: no JSON, and a BLOB", (table, column) => {
  for (const value of ["", "{", "[]\0", "x", "\ufeff{}", Buffer.from("[]")]) {
    expect([value, said(table, { json: { [column]: value } })]).toEqual([value, [`${column}: unreadable`]]);
  }
});

test.each<readonly [table: string, change: Change]>([
  ["project", {}],
  ["project", { values: { worktree: "C:/work", vcs: "hg", name: "", icon_url: "", time_updated: 1.5 } }],
  ["project", { json: { sandboxes: '["/a","C:/b"]', commands: '{"start":"make","more":1}' } }],
  ["project", { json: { commands: "null" } }],
  ["kv", { json: { value: "5" } }],
  ["kv", { values: { key: "anything at all" }, json: { value: "null" } }],
  ["session_inbox", { values: { type: "compaction" }, json: { payload: "{}" } }],
  ["session_inbox", { values: { type: "synthetic", delivery: "steer" } }],
  ["session_inbox", { json: { payload: '{"text":"","files":[],"agents":[],"skills":[{"id":"a","name":"b"}]}' } }],
  ["session_inbox", { values: { type: "move" }, json: { payload: '{"location":{"directory":"/a"},"projectID":"p"}' } }],
  ["instruction_state", { json: { initial_values: "[]" } }],
  ["instruction_entry", { json: { value: null } }],
  ["instruction_blob", { json: { value: null } }],
])("healthy, however odd: %s %p", (table, change) => {
  expect(said(table, change)).toEqual([]);
});

test.each<readonly [table: string, change: Change, expected: string]>([
  ["project", { values: { worktree: "work" } }, "row: worktree: not an absolute path"],
  ["project", { values: { worktree: "" } }, "row: worktree: not an absolute path"],
  ["project", { values: { time_updated: "abc" } }, "row: time_updated: expected a number, got a string"],
  ["project", { json: { sandboxes: "{}" } }, "sandboxes: sandboxes: expected an array, got an object"],
  ["project", { json: { sandboxes: '["a"]' } }, "sandboxes: sandboxes[0]: not an absolute path"],
  ["project", { json: { sandboxes: null } }, "sandboxes: sandboxes: expected an array, got null"],
  ["project", { json: { commands: '{"start":5}' } }, "commands: commands.start: expected a string, got a number"],
  ["session_inbox", { values: { type: "hologram" } }, "row: type: unknown value"],
  ["session_inbox", { values: { delivery: "later" } }, "row: delivery: expected steer or queue"],
  ["session_inbox", { json: { payload: "{}" } }, "payload: payload.text: missing"],
  ["session_inbox", { values: { id: "inb_1" } }, 'row: id: does not begin with "msg_"'],
])("refused by its shape: %s %p", (table, change, expected) => {
  expect(said(table, change)).toEqual([expected]);
});
