import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canDropPrivileges, runCli } from "../command-line/cli-process.ts";
import { whileFrozen } from "../process/frozen.ts";
import { until } from "../process/until.ts";
import { type HostVersion, isJsonHost } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { openDatabase } from "./record-place.ts";
import { type Answer, type RunningHost, startHost } from "./running-host.ts";
import { fileImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

/** The files of a database that no process has open. */
const STATES = [
  "a WAL with its shared memory",
  "a WAL without shared memory",
  "an empty WAL",
  "no side files",
  "a hot rollback journal",
] as const;

type State = (typeof STATES)[number];

/** After this time in milliseconds, the request is repeated. It is ten times as long as a boot. */
const FIRST_ANSWER_MS = 20_000;

afterAll(removeHomes);

for (const version of ["1.2.27", "1.18.33"] as const) {
  describe(`a database of ${version}`, () => {
    let scratch: Scratch;
    let damaged: string;

    beforeAll(async () => {
      scratch = await makeScratch();
      damaged = await layOut(version, scratch);
    });

    afterAll(() => scratch?.remove());

    for (const state of STATES) {
      test(`with ${state}`, () => readOnlyCheck(scratch, state, damaged, false));
      test(`with ${state}, in a folder that may only be read`, () => readOnlyCheck(scratch, state, damaged, true));
    }
  });
}

describe("a JSON store of 1.1.65", () => {
  let scratch: Scratch;
  let damaged: string;

  beforeAll(async () => {
    scratch = await makeScratch();
    const store = await realStore("1.1.65");
    damaged = partOf(store);
    await cp(store.dataDir, scratch.dataDir("files"), { recursive: true, preserveTimestamps: true });
    await Bun.write(join(scratch.dataDir("files"), "storage", "part", messageOf(store), `${damaged}.json`), "");
    await store.home.remove();
  });

  afterAll(() => scratch?.remove());

  test("as it is", () => readOnlyCheck(scratch, "files", damaged, false));
  test("in folders that may only be read", () => readOnlyCheck(scratch, "files", damaged, true));
});

describe("while opencode writes an answer", () => {
  let model: ModelServer;
  let store: RealStore;
  let host: RunningHost;
  let scratch: Scratch;

  const start = async (version: HostVersion) => {
    scratch = await makeScratch();
    model = startModelServer();
    store = await realStore(version);
    host = await startHost({ home: store.home, model });
    // Right after their start, 1.17 and 1.18 may never answer a request. On a busy machine, this time is long.
    const answers = () =>
      host.request("GET", "/session", undefined, FIRST_ANSWER_MS).then(
        ({ status }) => status === 200,
        () => false,
      );
    await until(answers, () => `the project never boots\n${host.stderr()}`);
  };

  afterEach(async () => {
    await host?.stop();
    await model?.stop();
    await store?.home.remove();
    await scratch?.remove();
  });

  /** Makes the model answer slowly in a new session. Returns the turn when opencode has begun to write the answer. */
  const answering = async (words: string) => {
    model.script({ text: words, chunkDelayMs: 20 });
    const { id } = (await host.post("/session")).body as { id: string };
    const before = model.calls;
    const turn = host.post(`/session/${id}/message`, {
      model: { providerID: "loopback", modelID: "scripted" },
      parts: [{ type: "text", text: "Talk for some seconds" }],
    });
    await until(() => model.calls > before, "the model was never asked");
    const isWriting = async () => {
      const said = (await host.get(`/session/${id}/message`)).body as { parts: { type: string; text?: string }[] }[];
      return said.at(-1)?.parts.some(({ type, text }) => type === "text" && text?.startsWith("word0")) === true;
    };
    await until(isWriting, "the answer never began");
    return { turn };
  };

  const liveCheck = async () => {
    const live = await checkIn(store.dataDir, scratch, false);
    expect({ code: live.code, blocking: live.blocking }).toEqual({ code: 0, blocking: [] });
  };

  for (const version of ["1.1.65", "1.14.41", "1.18.33"] as const) {
    test(`${version}: no byte of its files changes, and the turn completes`, async () => {
      await start(version);
      const words = Array.from({ length: 150 }, (_, index) => `word${index} `).join("");
      const completes = async (turn: Promise<Answer>) => {
        const answer = (await turn).body as { parts: { type: string; text?: string }[] };
        expect(answer.parts.find((part) => part.type === "text")?.text?.trim()).toBe(words.trim());
      };
      const { turn } = await answering(words);
      for (let round = 0; round < 2; round += 1) await liveCheck();
      await completes(turn);

      const { turn: stopped } = await answering(words);
      for (let round = 0; round < 2; round += 1) {
        await whileFrozen(host.pid, async () => {
          const image = await fileImage(store.dataDir);
          const { code } = await checkIn(store.dataDir, scratch, false);
          expect(await fileImage(store.dataDir)).toEqual(image);
          // A JSON host may be stopped after it truncated a file and before it wrote the file.
          if (!isJsonHost(version)) expect(code).toBe(0);
        });
        await liveCheck();
      }
      await completes(stopped);
      expect(await readdir(scratch.temp)).toEqual([]);
    });
  }
});

interface Scratch {
  /** The folder for the tool's temporary files. */
  readonly temp: string;
  dataDir(name: string): string;
  remove(): Promise<void>;
}

/** Makes a folder that every user may enter, because the tool runs in it as another user. */
async function makeScratch(): Promise<Scratch> {
  const root = await mkdtemp(join(await realpath(tmpdir()), "read-only-"));
  await chmod(root, 0o755);
  const temp = join(root, "temp");
  await mkdir(temp);
  await chmod(temp, 0o1777);
  return { temp, dataDir: (name) => join(root, name.replaceAll(" ", "-")), remove: () => writableAgain(root) };
}

async function writableAgain(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
  await rm(root, { recursive: true, force: true });
}

interface Checked {
  readonly code: number | null;
  /** The ids of records that opencode cannot load. A finding that the user may not write the store is not included. */
  readonly blocking: readonly (string | null)[];
  readonly isDenied: boolean;
}

async function checkIn(dataDir: string, { temp }: Scratch, unprivileged: boolean): Promise<Checked> {
  const env = { TMPDIR: temp };
  const { code, stdout, stderr } = await runCli(["check", "--json", "--data-dir", dataDir], { env, unprivileged });
  expect(stderr).toBe("");
  const answer = JSON.parse(stdout) as { findings: { code: string; severity: string; recordID: string | null }[] };
  const blocking = answer.findings.filter((finding) => finding.severity === "blocking");
  const records = blocking.filter((finding) => finding.code !== "access-denied");
  const isDenied = records.length < blocking.length;
  return { code, blocking: records.map((finding) => finding.recordID), isDenied };
}

/** Checks that the check finds the damage in any of the files, and changes no byte, no time and no mode. */
async function readOnlyCheck(scratch: Scratch, name: string, damaged: string, readOnly: boolean): Promise<void> {
  const dataDir = scratch.dataDir(name);
  if (readOnly) await makeReadOnly(dataDir);
  const image = await fileImage(dataDir);
  const checked = await checkIn(dataDir, scratch, readOnly && canDropPrivileges());
  expect(checked).toEqual({ code: 1, blocking: [damaged], isDenied: readOnly && canDropPrivileges() });
  expect(await fileImage(dataDir)).toEqual(image);
  expect(await readdir(scratch.temp)).toEqual([]);
}

async function makeReadOnly(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries.reverse()) {
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o555 : 0o444);
  }
  await chmod(root, 0o555);
}

/** Copies a damaged store in each of {@link STATES}. Returns the id of the damaged part. */
async function layOut(version: HostVersion, scratch: Scratch): Promise<string> {
  const store = await realStore(version);
  const damaged = partOf(store);
  const database = openDatabase(store);
  database.run("pragma wal_autocheckpoint = 0");
  database.run("update part set data = '' where id = ?", [damaged]);
  await copyDatabase(store, scratch, "a WAL with its shared memory", ["", "-wal", "-shm"]);
  await copyDatabase(store, scratch, "a WAL without shared memory", ["", "-wal"]);
  expect(committedIn(scratch, "a WAL without shared memory", "select count(*) as n from part where data = ''")).toBe(0);
  database.query("pragma wal_checkpoint(truncate)").all();
  expect((await stat(join(store.dataDir, "opencode.db-wal"))).size).toBe(0);
  await copyDatabase(store, scratch, "an empty WAL", ["", "-wal", "-shm"]);
  await copyDatabase(store, scratch, "no side files", [""]);
  database.query("pragma journal_mode = delete").all();
  database.run("pragma cache_size = 5");
  database.run("begin immediate");
  // This change is never committed. A reader must roll back the journal to see the real content.
  database.run("update message set data = ''");
  await copyDatabase(store, scratch, "a hot rollback journal", ["", "-journal"]);
  expect(
    committedIn(scratch, "a hot rollback journal", "select count(*) as n from message where data = ''"),
  ).toBeGreaterThan(0);
  database.run("rollback");
  database.close();
  await store.home.remove();
  return damaged;
}

async function copyDatabase(
  store: RealStore,
  scratch: Scratch,
  state: State,
  suffixes: readonly string[],
): Promise<void> {
  await mkdir(scratch.dataDir(state));
  for (const suffix of suffixes) {
    const name = `opencode.db${suffix}`;
    await cp(join(store.dataDir, name), join(scratch.dataDir(state), name), { preserveTimestamps: true });
  }
}

/** Counts rows in the main file, without the WAL and the journal. */
function committedIn(scratch: Scratch, state: State, count: string): number {
  const readOnlyURI = 0x41;
  using database = new Database(`file://${scratch.dataDir(state)}/opencode.db?immutable=1`, readOnlyURI);
  // In some stores, even the tables are only in the WAL.
  const tables = database.query<{ n: number }, []>("select count(*) as n from sqlite_master").get()?.n ?? 0;
  return tables === 0 ? 0 : (database.query<{ n: number }, []>(count).get()?.n ?? 0);
}

function messageOf(store: RealStore): string {
  const message = store.sessions.plain.messages[1];
  if (!message) throw new Error("the plain session has no answer");
  return message.id;
}

function partOf(store: RealStore): string {
  const part = store.sessions.plain.messages[1]?.parts.find((each) => each.type === "text");
  if (!part) throw new Error("the plain session has no answer with a text");
  return part.id;
}
