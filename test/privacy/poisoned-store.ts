import { cp, mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDatabase } from "../host/record-place.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

/** A word that appears nowhere else in a store or in the texts of this project. */
export const CANARY = "kanarienvogel";

/** Adds the canary to every object and every text of a document, except to ids and to opencode's own words. */
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

/** Makes a real store with many kinds of damage. The canary is in its content and in the name of its folder. */
export async function poisonedStore(version: "1.1.65" | "1.18.33"): Promise<{ store: RealStore; dataDir: string }> {
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
