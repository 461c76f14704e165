import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import type { SqliteStoreUnderTest } from "../stores/sqlite-fixture.ts";
import { upgradeToTwoX } from "../stores/two-x-database.ts";
import { type ImportCase, TABLE_CASES } from "./import-cases.ts";
import { caseName, insertRow, named, storeOf } from "./import-store.ts";

const HEALTHY: ImportCase = { name: "healthy", change: () => undefined, outcomes: {}, left: {} };

const byName = (name: string): ImportCase => TABLE_CASES.find((each) => each.name === name) ?? HEALTHY;

/** Four sessions: a healthy one, one without an agent, one with an empty part, and one with an unfinished tool call. */
const CASES = [HEALTHY, byName("user no agent"), byName("part empty"), byName("tool pending")];

/** A store whose sessions 2.x has imported. After that, 1.x continued the healthy session and made a new session. */
async function upgradedStore(): Promise<SqliteStoreUnderTest> {
  const store = await storeOf(CASES);
  upgradeToTwoX(store.database);
  const connection = store.connect();
  const after = Date.now() + 60_000;
  const times = { time_created: after, time_updated: after };
  const question = { role: "user", time: { created: after }, agent: "build", model: { providerID: "p", modelID: "m" } };
  const first = named("ses_1", caseName(0));
  insertRow(connection, "message", { id: "msg_later", session_id: first, ...times, data: JSON.stringify(question) });
  const said = { id: "prt_later", message_id: "msg_later", session_id: first, ...times };
  insertRow(connection, "part", { ...said, data: JSON.stringify({ type: "text", text: "And now?" }) });
  const base = {
    project_id: "prj_1",
    slug: "s",
    directory: "/work",
    title: "Made later",
    version: "1.18.33",
    ...times,
  };
  insertRow(connection, "session", { id: "ses_new", ...base });
  insertRow(connection, "message", { id: "msg_new", session_id: "ses_new", ...times, data: JSON.stringify(question) });
  connection.close();
  return store;
}

describe("a database that 2.x has upgraded", () => {
  test("check names what 1.x alone has, and what is whole or by design is not named", async () => {
    const store = await upgradedStore();
    try {
      const image = store.image();
      const { stdout } = await askCli(["check", "--json", "--data-dir", store.dataDir]);
      const findings = JSON.parse(stdout).findings as Record<string, string>[];
      const apart = findings.filter(({ code }) => code?.includes("opencode-2") && code !== "opencode-2");
      expect([...apart, ...findings.filter(({ code }) => code === "continued-in-opencode-1")]).toMatchObject([
        { code: "not-in-opencode-2", sessionID: "ses_new", severity: "warning" },
        { code: "incomplete-in-opencode-2", sessionID: "ses_c02_1", evidence: expect.stringContaining("1 part") },
        { code: "incomplete-in-opencode-2", sessionID: "ses_c01_1", evidence: expect.stringContaining("1 message") },
        { code: "continued-in-opencode-1", sessionID: "ses_c00_1", evidence: expect.stringContaining("1 message") },
      ]);
      expect(store.image()).toEqual(image);
    } finally {
      store.remove();
    }
  });

  test("rescue lists it with the reasons, writes files that 2.x takes, and leaves kv alone", async () => {
    const store = await upgradedStore();
    const folder = join(store.dataDir, "..", "files");
    mkdirSync(folder);
    try {
      const image = store.image();
      const listed = await askCli(["rescue", "--data-dir", store.dataDir]);
      expect(listed.code).toBe(1);
      expect(listed.stdout).toContain("1 × message: the import leaves it out: agent: missing");
      expect(listed.stdout).toContain("1 × part: the import leaves it out: no JSON parser reads it");
      expect(listed.stdout).toContain("(table kv) is not changed");
      const written = await askCli(["rescue", "--export", folder, "--json", "--data-dir", store.dataDir]);
      expect(written.code).toBe(0);
      const { for2x } = JSON.parse(written.stdout);
      expect(for2x.map(({ sessionID, cause }: Record<string, string>) => `${sessionID} ${cause}`)).toEqual([
        "ses_new never-arrived",
        "ses_c02_1 arrived-with-losses",
        "ses_c01_1 arrived-with-losses",
        "ses_c00_1 continued",
      ]);
      expect(store.image()).toEqual(image);
      const read = (sessionID: string) =>
        JSON.parse(readFileSync(join(folder, `${sessionID}.opencode-2.json`), "utf8"));
      expect(read("ses_new")).toMatchObject({
        info: { id: "ses_new", projectID: "prj_1", location: { directory: "/work" }, title: "Made later" },
        messages: [{ id: "msg_new", type: "user", text: "" }],
      });
      const completed = read("ses_c01_1");
      expect(completed.info.id).not.toBe("ses_c01_1");
      expect(completed.messages).toMatchObject([
        { type: "user", text: "Why?" },
        { type: "assistant", content: [{ type: "text", text: "Because." }], time: { completed: expect.any(Number) } },
      ]);
      const ids = for2x.flatMap(({ sessionID }: { sessionID: string }) =>
        read(sessionID).messages.map(({ id }: { id: string }) => id),
      );
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.every((id: string) => id.startsWith("msg_"))).toBe(true);
      expect(ids).not.toContain("msg_c00_1");
      expect(for2x[1].leftOut).toEqual([{ kind: "part", recordID: "prt_c02_2", why: "no JSON parser reads it" }]);
    } finally {
      store.remove();
    }
  });

  test("an import that stopped: what is behind its cursor is said to be so, and can be looked at in advance", async () => {
    const store = await storeOf(CASES);
    try {
      upgradeToTwoX(store.database);
      const connection = store.connect();
      connection.run("update kv set value = ?", JSON.stringify({ phase: "sessions", cursor: "ses_c02_1" }));
      connection.exec("pragma foreign_keys = on; delete from session_v2 where id < 'ses_c02_1'");
      connection.close();
      const { stdout } = await askCli(["rescue", "--json", "--data-dir", store.dataDir]);
      const missing = JSON.parse(stdout).missingIn2x as Record<string, string>[];
      expect(missing.filter(({ cause }) => cause === "never-arrived")).toMatchObject([
        { sessionID: "ses_c01_1", why: expect.stringContaining("stopped before this session, or still runs") },
        { sessionID: "ses_c00_1", why: expect.stringContaining("stopped before this session, or still runs") },
      ]);
      const ahead = await askCli(["repair", "--for", "2.x", "--yes", "--json", "--data-dir", store.dataDir]);
      expect(JSON.parse(ahead.stdout).items).toMatchObject([{ recordID: "msg_c01_1", action: "normalised" }]);
    } finally {
      store.remove();
    }
  });
});
