import { expect, test } from "bun:test";
import { answerRequest } from "../../plugin/opencode/answer-request.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { doneWords, recordWords, toDoWords } from "../../plugin/words/records.ts";
import { runCli } from "../command-line/cli-process.ts";
import { sampleContent } from "../stores/content.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

test("a session of which one value was emptied is not called quarantined: the value is", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const connection = store.connect();
  connection.exec(`update session set revert = '{"messageID":' where id = 'ses_a'`);
  connection.close();
  const said = async (...args: string[]) => (await runCli([...args, "--data-dir", store.dataDir])).stdout;
  const planned = await said("repair", "--dry-run");
  expect(planned).toContain("quarantine 1 value");
  const done = await said("repair", "--yes");
  expect(done).toContain("1 value quarantined.\n  quarantined revert of session ses_a (");
  expect(await said("runs", "last")).toContain("revert of session ses_a");
  expect(await said("sessions")).toContain("ses_a");
  const where = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!where.ok) throw new Error(where.message);
  const context = {
    files: nodeFileSystem,
    located: where.located,
    hostVersion: "1.18.33",
    concurrency: 4,
    trigger: "command",
    spare: null,
  } as const;
  const { details } = await answerRequest({ what: "undo", runID: null }, context);
  expect(details).toEqual([expect.stringContaining("restored revert of session ses_a (")]);
  const undone = JSON.parse((await runCli(["runs", "last", "--json", "--data-dir", store.dataDir])).stdout);
  expect(undone.sessions[0].records).toMatchObject([{ kind: "session", recordID: "ses_a", column: "revert" }]);
  store.remove();
});

test("records and values are counted apart", () => {
  const value = { action: "quarantined", column: "revert" };
  const record = { action: "quarantined" };
  expect(doneWords([record], "record")).toBe("1 record quarantined");
  expect(doneWords([value, value], "damaged record")).toBe("2 damaged values quarantined");
  expect(doneWords([record, record, value], "record")).toBe("2 records and 1 value quarantined");
  const of = (table: string, column?: string) => ({
    remedy: "quarantine",
    locator: { table, key: { id: "1" }, ...(column !== undefined && { column }) },
  });
  expect(toDoWords([of("part", "data"), of("session"), of("session", "revert")])).toBe(
    "quarantine 2 records and 1 value",
  );
  expect(toDoWords([{ remedy: "quarantine", locator: { path: "storage/part/msg/prt.json" } }])).toBe(
    "quarantine 1 record",
  );
});

test("what has no id leaves no gap in a sentence", () => {
  expect(recordWords({ kind: "database", recordID: null })).toBe("database");
  expect(recordWords({ kind: "part", recordID: "prt_1" })).toBe("part prt_1");
  expect(recordWords({ kind: "project", recordID: "p", column: "sandboxes" })).toBe("sandboxes of project p");
});
