import { afterAll, expect, test } from "bun:test";
import { cp, mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { fileImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

const CANARY = "kanarienvogel";

/** Every text that is not one of opencode's own words gets the canary, wherever in a document it stands. */
function poisoned(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((each) => poisoned(each, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries([
      ...Object.entries(value).map(([name, each]) => [name, poisoned(each, name)]),
      [CANARY, CANARY],
    ]);
  }
  if (typeof value !== "string" || /^(?:id|.*ID|type|role|status|name)$/.test(key)) return value;
  return value.startsWith("/") ? `/${CANARY}${value}` : `${CANARY} ${value}`;
}

async function poisonFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (!(await stat(path)).isFile() || !name.endsWith(".json")) continue;
    await writeFile(path, JSON.stringify(poisoned(JSON.parse(await readFile(path, "utf8")))));
  }
}

function poisonRows(store: RealStore): void {
  using database = openDatabase(store);
  const documents: readonly (readonly [string, string])[] = [
    ...(["summary_diffs", "metadata", "revert", "permission"] as const).map((column) => ["session", column] as const),
    ["message", "data"],
    ["part", "data"],
    ["event", "data"],
  ];
  for (const [table, column] of documents) {
    const rows = database.query<{ id: number; text: string }, []>(
      `select rowid as id, ${column} as text from ${table} where ${column} is not null`,
    );
    for (const { id, text } of rows.all()) {
      database.run(`update ${table} set ${column} = ? where rowid = ?`, [
        JSON.stringify(poisoned(JSON.parse(text))),
        id,
      ]);
    }
  }
  for (const column of ["title", "slug", "version", "path"]) database.run(`update session set ${column} = '${CANARY}'`);
  database.run(`update session set directory = '/${CANARY}', share_url = 'https://${CANARY}/'`);
  database.run(`update project set worktree = '/${CANARY}', name = '${CANARY}'`);
  database.run(`update todo set content = '${CANARY}'`);
  database.run(
    `insert into credential (id, integration_id, label, value, time_created, time_updated)
     values ('${CANARY}', '${CANARY}', '${CANARY}', '"${CANARY}"', 1, 1)`,
  );
}

/** A real store in a folder of a telling name, poisoned throughout, and damaged in many ways. */
async function poisonedStore(version: "1.1.65" | "1.18.33"): Promise<{ store: RealStore; dataDir: string }> {
  const store = await realStore(version);
  if (version === "1.1.65") {
    const storage = join(store.dataDir, "storage");
    await poisonFiles(storage);
    const message = store.sessions.plain.messages[0]?.id ?? "";
    await writeFile(join(storage, "part", message, `${CANARY}.txt`), CANARY);
    await writeFile(join(storage, "part", message, `prt_${CANARY}.json`), `{"text":"${CANARY}`);
    await writeFile(join(storage, "project", `${CANARY}.json`), `{"worktree":"/${CANARY}"`);
    await mkdir(join(storage, "session", CANARY));
    await writeFile(join(storage, "session", CANARY, `ses_${CANARY}.json`), `{"id":"${CANARY}"}`);
  } else {
    poisonRows(store);
    using database = openDatabase(store);
    const plain = store.sessions.plain.id;
    database.run(`update part set data = '{"type":"${CANARY}"}' where session_id = ?`, [plain]);
    database.run(`update message set data = '{"role":"user","${CANARY}":1}' where session_id = ?`, [plain]);
    database.run("update session set permission = ? where id = ?", [`["${CANARY}"`, store.sessions.failed.id]);
    database.run("update part set data = substr(data, 1, 40) where session_id = ?", [store.sessions.child.id]);
    database.run("update session set directory = ? where id = ?", [CANARY, store.sessions.empty.id]);
    await cp(join(store.dataDir, "opencode.db"), join(store.dataDir, `opencode-${CANARY}.db`));
  }
  await writeFile(join(store.dataDir, "auth.json"), `{"provider":{"key":"${CANARY}"`);
  await mkdir(join(store.dataDir, "log"), { recursive: true });
  const lines = [
    `INFO  2026-11-24T10:00:00 +0ms service=default cwd=/home/${CANARY} opencode`,
    `ERROR 2026-11-24T10:00:01 +5ms service=server error=ENOSPC: no space left on device, write '/home/${CANARY}/x'`,
    `timestamp=2026-11-24T10:00:02.123Z level=ERROR message="${CANARY}Error" ref=err_1a2b3c4d cause="SQLiteError: ${CANARY}"`,
  ];
  await writeFile(join(store.dataDir, "log", `${CANARY}.log`), lines.join("\n"));
  const dataDir = join(store.home.root, CANARY);
  await rename(store.dataDir, dataDir);
  return { store, dataDir };
}

test.each(["1.1.65", "1.18.33"] as const)("%s: nothing of a user's ever stands in a report", async (version) => {
  const { store, dataDir } = await poisonedStore(version);
  const before = await fileImage(dataDir);
  for (const json of [[], ["--json"]]) {
    const { code, stdout, stderr } = await runCli(["report", "--data-dir", dataDir, ...json]);
    expect(code).toBe(0);
    expect((stdout + stderr).toLowerCase()).not.toContain(CANARY);
    expect(stdout + stderr).not.toContain(store.home.root);
    for (const id of store.sessionIDs) expect(stdout).not.toContain(id);
    for (const word of ["ENOSPC", "SQLiteError", "err_1a2b3c4d", "damaged"]) expect(stdout).toContain(word);
  }
  expect(await fileImage(dataDir)).toEqual(before);
  await store.home.remove();
});

test("a full disk that hit three sessions is told: codes, sizes, times, and that it repeats", async () => {
  const store = await realStore("1.1.65");
  for (const name of ["plain", "conversation", "child"] as const) {
    const message = store.sessions[name].messages[1];
    for (const part of message?.parts ?? []) {
      await writeFile(join(store.dataDir, "storage", "part", message?.id ?? "", `${part.id}.json`), "");
    }
  }
  const { stdout } = await runCli(["report", "--json", "--data-dir", store.dataDir]);
  const { report } = JSON.parse(stdout);
  expect(report.pattern).toMatchObject({ damagedSessions: 3, repeated: ["empty"] });
  expect(report.faults[0]).toMatchObject({ code: "empty", severity: "blocking", sessions: 3, bytes: { sum: 0 } });
  expect(report.faults[0].records).toBe(report.faults[0].ofZeroBytes);
  expect(report.incidents).toHaveLength(1);
  expect(report.incidents[0]).toMatchObject({ sessions: 3 });
  await store.home.remove();
});

test("a report goes into a new file of its owner's alone, never over another one", async () => {
  const store = await realStore("1.18.33");
  const file = join(store.home.root, "report.md");
  const args = ["report", "--data-dir", store.dataDir, "--output", file];
  const first = await runCli(args);
  expect([first.code, first.stdout]).toEqual([0, ""]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, "utf8")).toContain("verdict: healthy");
  expect((await runCli(args)).code).toBe(3);
  await store.home.remove();
});
