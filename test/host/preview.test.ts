import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { runCli } from "../command-line/cli-process.ts";
import { everyRow } from "../stores/every-row.ts";
import { removeHomes } from "./home.ts";
import { type PreviewStore, previewStore } from "./preview-store.ts";

let store: PreviewStore;
let before: unknown;

beforeAll(async () => {
  store = await previewStore();
}, 120_000);

beforeEach(() => {
  before = rows();
});

/** Each test must restore every byte of the database's rows. */
afterEach(() => {
  expect(rows()).toEqual(before);
});

afterAll(async () => {
  await store.close();
  await removeHomes();
});

function rows(): unknown {
  return everyRow(store.path);
}

function sql(statement: string): void {
  using database = new Database(store.path);
  database.exec(`pragma busy_timeout = 5000; ${statement}`);
}

async function cli(...args: readonly string[]) {
  const { code, stdout } = await runCli([...args, "--json", "--data-dir", store.home.dataDir]);
  return { code, answer: JSON.parse(stdout) };
}

async function status(path: string): Promise<number> {
  return (await store.host.get(path)).status;
}

const sessionID = () => store.sessionIDs[0] ?? "";
const messages = () => `/api/session/${sessionID()}/message?limit=200`;

describe("a database that the preview of opencode 2.x wrote and serves meanwhile", () => {
  test("is healthy as it is, and says how much of 2.x was read", async () => {
    const { code, answer } = await cli("check");
    expect([code, answer.verdict]).toEqual([0, "healthy"]);
    expect(answer.stores[0]).toMatchObject({ state: "ok", opencode2: { sessions: 2, messages: 20 } });
  });

  test("a message that no parser reads: 500, after the repair 200, after the undo 500 again, without a restart", async () => {
    const [[id, data] = []] = sample("assistant");
    const sequence = sequences();
    sql(`update session_message set data = substr(data, 1, 40) where id = '${id}'`);
    const damaged = rows();
    expect(await status(messages())).toBe(500);
    const found = await cli("check", "--session", sessionID());
    expect(found.answer.findings).toContainEqual(
      expect.objectContaining({
        code: "truncated",
        severity: "blocking",
        recordID: id,
        remedy: "quarantine",
        stops: ["messages"],
      }),
    );
    const repaired = await cli("repair", "--yes");
    expect(repaired.answer.items).toEqual([expect.objectContaining({ action: "quarantined", recordID: id })]);
    expect(await status(messages())).toBe(200);
    expect(sequences()).toEqual(sequence);
    const shown = await cli("show", sessionID());
    expect(shown.answer).toMatchObject({ copy: "2.x", holes: [expect.objectContaining({ recordID: id })] });
    expect((await cli("restore", repaired.answer.runID, "--yes")).code).toBe(0);
    expect(rows()).toEqual(damaged);
    expect(await status(messages())).toBe(500);
    sql(`update session_message set data = '${String(data).replaceAll("'", "''")}' where id = '${id}'`);
  }, 60_000);

  test("a session whose model no parser reads: the list is 500, after the repair 200, and back", async () => {
    sql(`update session set model = '{"id"' where id = '${sessionID()}'`);
    const damaged = rows();
    expect(await status("/api/session")).toBe(500);
    const repaired = await cli("repair", "--yes");
    expect(await status("/api/session")).toBe(200);
    expect((await cli("restore", repaired.answer.runID, "--yes")).code).toBe(0);
    expect(rows()).toEqual(damaged);
    sql(
      `update session set model = (select model from session where id <> '${sessionID()}') where id = '${sessionID()}'`,
    );
  }, 60_000);

  test("a session whose folder is gone: listed, else 500, and the check names it without calling it damage", async () => {
    const [[folder] = []] = read("select directory from session where id = ?", sessionID());
    sql(`update session set directory = '${store.home.project}/gone' where id = '${sessionID()}'`);
    expect(await status("/api/session")).toBe(200);
    for (const path of ["", "/message", "/context"]) {
      expect([path, await status(`/api/session/${sessionID()}${path}`)]).toEqual([path, 500]);
    }
    const found = await cli("check");
    expect([found.code, found.answer.verdict]).toEqual([0, "healthy"]);
    expect(found.answer.findings).toContainEqual(
      expect.objectContaining({
        ...{ code: "folder-missing", severity: "warning", sessionID: sessionID(), kind: "session", remedy: "report" },
        ...{ hosts: ["2 preview (1.18.18)"], stops: ["session", "messages", "prompts"] },
      }),
    );
    const { stdout } = await runCli(["check", "--data-dir", store.home.dataDir]);
    expect(stdout).toContain("The problems that opencode 2.x has with these records are named above.");
    sql(`update session set directory = '${folder}' where id = '${sessionID()}'`);
    expect(await status(`/api/session/${sessionID()}`)).toBe(200);
  }, 60_000);

  test("a message of a wrong shape stays: what says 500 is named, and nothing is moved", async () => {
    const [[id] = []] = sample("user");
    sql(`update session_message set data = json_remove(data, '$.text') where id = '${id}'`);
    const damaged = rows();
    expect(await status(messages())).toBe(500);
    const repaired = await cli("repair", "--yes");
    expect(repaired.code).toBe(1);
    expect(repaired.answer.remaining).toContainEqual(
      expect.objectContaining({
        code: "opencode-2-refused",
        recordID: id,
        evidence: expect.stringContaining("text: missing"),
      }),
    );
    expect(rows()).toEqual(damaged);
    sql(`update session_message set data = json_insert(data, '$.text', 'Look at this file') where id = '${id}'`);
    sql(`update session_message set data = (select data from session_message other where other.type = 'user'
      and other.seq = session_message.seq and other.id <> session_message.id) where id = '${id}'`);
  }, 60_000);
});

function sample(type: string): unknown[][] {
  using database = new Database(store.path, { readonly: true });
  return database
    .query("select id, data from session_message where session_id = ? and type = ? and seq >= 100")
    .values(sessionID(), type);
}

function sequences(): unknown {
  return read("select aggregate_id, seq from event_sequence order by 1");
}

function read(statement: string, ...values: readonly string[]): unknown[][] {
  using database = new Database(store.path, { readonly: true });
  return database.query(statement).values(...values);
}
