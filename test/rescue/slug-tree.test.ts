import { afterAll, expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { fileImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

type Wire = Record<string, unknown>;

async function json(path: string): Promise<Wire> {
  return JSON.parse(await readFile(path, "utf8"));
}

/**
 * Writes the records of a real store in the layout of opencode 0.5.29, without the fields that 0.5.29 did not write.
 * Returns every document.
 */
async function laidOut(old: RealStore, tree: string): Promise<ReadonlyMap<string, Wire>> {
  const storage = join(old.dataDir, "storage");
  const documents = new Map<string, Wire>();
  const write = async (path: string, value: Wire) => {
    await mkdir(join(tree, path, ".."), { recursive: true });
    await writeFile(join(tree, path), JSON.stringify(value));
  };
  for (const project of await readdir(join(storage, "session"))) {
    for (const name of await readdir(join(storage, "session", project))) {
      const { projectID: _, directory: __, ...info } = await json(join(storage, "session", project, name));
      const id = String(info.id);
      documents.set(id, info);
      await write(`session/info/${name}`, info);
      for (const message of await readdir(join(storage, "message", id)).catch(() => [])) {
        const { agent: _a, parentID: _p, model: _m, ...value } = await json(join(storage, "message", id, message));
        documents.set(String(value.id), value);
        await write(`session/message/${id}/${message}`, value);
        const messageID = message.replace(".json", "");
        for (const part of await readdir(join(storage, "part", messageID)).catch(() => [])) {
          const document = await json(join(storage, "part", messageID, part));
          documents.set(String(document.id), document);
          await write(`session/part/${id}/${messageID}/${part}`, document);
        }
      }
    }
  }
  await writeFile(join(tree, "session", "info", "ses_torn.json1764112345678.tmp"), "{");
  return documents;
}

test("sessions of opencode 0.5 come into 1.18.33 with every field; again brings nothing; undo is exact", async () => {
  const old = await realStore("1.0.152");
  const now = await realStore("1.18.33");
  const documents = await laidOut(old, join(now.dataDir, "project", "home-user-project", "storage"));
  const before = await fileImage(now.dataDir);
  const run = async (...args: string[]) => {
    const { code, stdout } = await askCli([...args, "--json", "--data-dir", now.dataDir]);
    return { code, ...JSON.parse(stdout) };
  };
  const listed = await run("rescue", "--dry-run");
  expect(listed.hidden.map((each: Wire) => each.sessionID).sort()).toEqual([...old.sessionIDs].sort());
  expect(await fileImage(now.dataDir)).toEqual(before);
  const brought = await run("rescue", "--yes");
  expect(brought.code).toBe(0);
  expect(brought.sessions.flatMap((each: { leftOut: unknown[] }) => each.leftOut)).toEqual([]);
  {
    using database = openDatabase(now);
    const row = (table: string, id: string) =>
      database.query<Wire, [string]>(`select * from ${table} where id = ?`).get(id) ?? {};
    for (const [id, { id: _, sessionID: __, messageID, ...document }] of documents) {
      if (id.startsWith("ses")) {
        const { title, project_id: projectID, directory } = row("session", id);
        expect(title).toBe(document.title as string);
        // The folder has no project yet. When opencode starts in this folder, it takes the session over.
        expect(projectID).toBe("global");
        expect(String(directory)).toBe(old.project);
      } else {
        const { data, message_id: message } = row(id.startsWith("msg") ? "message" : "part", id);
        expect(JSON.parse(String(data))).toMatchObject(document);
        if (messageID !== undefined) expect(message).toBe(messageID as string);
      }
    }
  }
  expect(await run("rescue", "--yes")).toMatchObject({ runID: null, hidden: [] });
  const check = await run("check", "--db", join(now.dataDir, "opencode.db"));
  expect(check.verdict).toBe("healthy");
  expect((await run("restore", brought.runID, "--yes")).code).toBe(0);
  using database = openDatabase(now);
  const left = database.query<{ id: string }, []>("select id from session").all();
  expect(left.map(({ id }) => id).sort()).toEqual([...now.sessionIDs].sort());
});
