import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { IS_WHOLE } from "../process/whole.ts";
import type { HostVersion } from "./binary.ts";
import { resetGitProject } from "./git-project.ts";
import { createHome, type HermeticHome, removeHomes } from "./home.ts";
import { startModelServer } from "./model-server.ts";
import { openDatabase } from "./record-place.ts";
import { type RunningHost, runHost, startHost } from "./running-host.ts";
import { records } from "./session-answers.ts";
import { writeRealSessions } from "./sessions.ts";
import { storeImage } from "./store-image.ts";
import { realStore } from "./stored-fixture.ts";

afterAll(removeHomes);

/** How many rounds of nine sessions the old opencode writes. With 0, the sessions of the cached store are used. */
const ROUNDS = Number(process.env.RESCUE_ROUNDS ?? 0);

type Wire = Readonly<Record<string, unknown>>;

interface OldSession {
  readonly info: Wire;
  /** Messages and parts. Each has its file path in `storage/` and its content. */
  readonly documents: readonly (readonly [path: string, value: Wire])[];
  readonly todos: unknown;
}

/** A store of an old opencode with sessions that real turns made. */
async function oldStore(version: "1.0.152" | "1.1.65"): Promise<{ home: HermeticHome; project: string }> {
  const { home, project } = await realStore(version);
  if (ROUNDS === 0) return { home, project };
  const model = startModelServer();
  const host = await startHost({ home, model });
  try {
    for (let round = 1; round < ROUNDS; round += 1) {
      await resetGitProject(project);
      await writeRealSessions(host, model);
    }
  } finally {
    await host.stop();
    await model.stop();
    await resetGitProject(project);
  }
  return { home, project };
}

async function json(path: string): Promise<Wire> {
  return JSON.parse(await readFile(path, "utf8"));
}

/** All sessions in the JSON files, read without the code of this tool. */
async function oldSessions(storage: string): Promise<OldSession[]> {
  const sessions: OldSession[] = [];
  for (const project of await readdir(join(storage, "session"))) {
    for (const name of await readdir(join(storage, "session", project))) {
      const id = name.replace(".json", "");
      const documents: [string, Wire][] = [];
      for (const message of await readdir(join(storage, "message", id)).catch(() => [] as string[])) {
        documents.push([`message/${id}/${message}`, await json(join(storage, "message", id, message))]);
        const parts = join(storage, "part", message.replace(".json", ""));
        for (const part of await readdir(parts).catch(() => [] as string[])) {
          documents.push([`part/${message.replace(".json", "")}/${part}`, await json(join(parts, part))]);
        }
      }
      const todos = await json(join(storage, "todo", name)).catch(() => []);
      sessions.push({ info: await json(join(storage, "session", project, name)), documents, todos });
    }
  }
  return sessions;
}

/** The paths of fields that are missing in the answer, or that have another value there. */
function differences(original: unknown, answer: unknown, path = ""): string[] {
  if (typeof original !== "object" || original === null || typeof answer !== "object" || answer === null) {
    return Object.is(original, answer) ? [] : [path];
  }
  return Object.entries(original).flatMap(([key, value]) =>
    differences(value, (answer as Wire)[key], `${path}.${/^\d+$/.test(key) ? "*" : key}`),
  );
}

async function list({ host, project }: Place): Promise<readonly Wire[]> {
  return records((await host.get(`/session?limit=1000&directory=${encodeURIComponent(project)}`)).body);
}

/** A running opencode, and the project of an older JSON store in the same data directory. */
interface Place {
  readonly host: RunningHost;
  readonly dataDir: string;
  readonly project: string;
}

/** Makes opencode leave the project. */
async function leave({ host, project }: Place): Promise<void> {
  const { status } = await host.post(`/instance/dispose?directory=${encodeURIComponent(project)}`);
  expect(status).toBe(200);
}

/**
 * Copies the files of an older store into the data directory of a running opencode. The files of the case before are
 * removed.
 */
async function besideDatabase(host: RunningHost, old: Pick<Place, "dataDir" | "project">): Promise<Place> {
  const { dataDir } = host.home;
  for (const name of ["storage", "quarantine"]) await rm(join(dataDir, name), { recursive: true, force: true });
  await cp(join(old.dataDir, "storage"), join(dataDir, "storage"), { recursive: true });
  return { host, dataDir, project: old.project };
}

/** Fields that opencode does not answer in the form in which they are stored: the contents of both sides of a diff. */
const NOT_ANSWERED = new Set([".info.summary.diffs.*.before", ".info.summary.diffs.*.after"]);

/** Columns that each boot of opencode writes. */
const BOOT_TIMES = ["project.time_updated", "session.project_id"];

/** rescue writes the same to 1.17 and 1.18. So only `npm run test:whole` tries 1.17.18. */
const INTO: readonly HostVersion[] = IS_WHOLE ? ["1.18.33", "1.17.18"] : ["1.18.33"];

describe.each(INTO)("in %s", (into) => {
  let host: RunningHost;

  beforeAll(async () => {
    host = await startHost({ home: await createHome(into) });
  });

  afterAll(() => host.stop());

  test.each(["1.1.65", "1.0.152"] as const)(
    "the sessions of %s are listed and open as they were after rescue; again brings nothing; undo takes all back",
    async (from) => {
      const old = await oldStore(from);
      const originals = await oldSessions(join(old.home.dataDir, "storage"));
      if (ROUNDS > 0) expect(originals.length).toBe(9 * ROUNDS);
      const place = await besideDatabase(host, { dataDir: old.home.dataDir, project: old.project });
      const { dataDir } = place;
      expect(await list(place)).toEqual([]);
      await leave(place);
      const before = await storeImage(dataDir, BOOT_TIMES);

      const rescued = await askCli(["rescue", "--yes", "--json", "--data-dir", dataDir]);
      expect(rescued.stderr).toBe("");
      expect(rescued.code).toBe(0);
      const { runID, sessions, hidden } = JSON.parse(rescued.stdout);
      expect([sessions.length, hidden]).toEqual([originals.length, []]);
      expect(sessions.flatMap((each: { leftOut: unknown[] }) => each.leftOut)).toEqual([]);

      // Compares every field of every record with its row in the database.
      {
        using database = openDatabase({ dataDir });
        for (const [path, { id, sessionID, messageID, ...rest }] of originals.flatMap(({ documents }) => documents)) {
          const table = path.split("/")[0] ?? "";
          const row = database
            .query<{ data: string }, [string]>(`select data from ${table} where id = ?`)
            .get(String(id));
          expect(differences(rest, JSON.parse(row?.data ?? "null"))).toEqual([]);
          if (from === "1.1.65") expect(JSON.parse(row?.data ?? "null")).toEqual(rest);
          if (table === "part") expect(String(messageID)).toBe(path.split("/")[1] ?? "");
          expect(typeof sessionID).toBe("string");
        }
        expect(database.query("pragma foreign_key_check").all()).toEqual([]);
      }

      const listed = await list(place);
      expect(listed.map(({ id }) => id).sort()).toEqual(originals.map(({ info }) => info.id as string).sort());
      for (const { info, documents, todos } of originals) {
        const id = String(info.id);
        const answered = listed.find((each) => each.id === id);
        expect(differences(info, answered)).toEqual([]);
        const messages = await host.get(`/session/${id}/message`);
        expect(messages.status).toBe(200);
        const wire = records(messages.body) as unknown as { info: Wire; parts: Wire[] }[];
        expect(wire.length).toBe(documents.filter(([path]) => path.startsWith("message/")).length);
        const byID = new Map(wire.flatMap(({ info: own, parts }) => [own, ...parts]).map((each) => [each.id, each]));
        expect(byID.size).toBe(documents.length);
        for (const [path, document] of documents) {
          const prefix = path.startsWith("message/") ? ".info" : ".part";
          const lost = differences(document, byID.get(document.id), prefix).filter((each) => !NOT_ANSWERED.has(each));
          expect(lost).toEqual([]);
        }
        const todo = records((await host.get(`/session/${id}/todo`)).body);
        const plain = records(todos).map(({ content, status, priority }) => ({ content, status, priority }));
        expect(todo.map(({ content, status, priority }) => ({ content, status, priority }))).toEqual(plain);
        const children = records((await host.get(`/session/${id}/children`)).body).map((child) => child.id);
        expect(children.sort()).toEqual(
          originals
            .filter((each) => each.info.parentID === id)
            .map((each) => each.info.id as string)
            .sort(),
        );
      }
      await leave(place);

      const again = JSON.parse((await askCli(["rescue", "--yes", "--json", "--data-dir", dataDir])).stdout);
      expect([again.runID, again.hidden]).toEqual([null, []]);
      const undone = await askCli(["restore", runID, "--yes", "--data-dir", dataDir]);
      expect(undone.code).toBe(0);
      expect(await storeImage(dataDir, BOOT_TIMES)).toEqual(before);
    },
  );

  test("files of --export are taken by opencode import", async () => {
    const { dataDir, project, sessions, home: oldHome } = await realStore("1.0.152");
    const place = await besideDatabase(host, { dataDir, project });
    expect(await list(place)).toEqual([]);
    await leave(place);
    const home = { ...host.home, project, env: { ...host.home.env, PWD: project } };
    const folder = join(home.root, "exported");
    await mkdir(folder);
    const { conversation, reverted } = sessions;
    for (const { id } of [conversation, reverted]) {
      const exported = await askCli(["rescue", "--export", folder, "--session", id, "--data-dir", home.dataDir]);
      expect(exported.code).toBe(0);
      expect((await runHost({ home, args: ["import", join(folder, `${id}.json`)] })).stdout).toContain(
        `Imported session: ${id}`,
      );
    }
    expect((await list(place)).map(({ id }) => id).sort()).toEqual([conversation.id, reverted.id].sort());
    for (const { id, messages } of [conversation, reverted]) {
      const answer = await host.get(`/session/${id}/message`);
      expect(answer.status).toBe(200);
      const found = records(answer.body) as unknown as { info: Wire; parts: Wire[] }[];
      expect(found.map(({ info }) => info.id)).toEqual(messages.map((message) => message.id));
      expect(found.map(({ parts }) => parts.length)).toEqual(messages.map((message) => message.parts.length));
    }
    expect((await host.get(`/session/${reverted.id}`)).body).toHaveProperty("revert.messageID");
    await oldHome.remove();
  });
});
