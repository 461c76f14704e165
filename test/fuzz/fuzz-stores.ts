import { copyFileSync, existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { Random } from "../oracle/random.ts";
import { findingsIn, repairFindings, restoreEverything, settledFiles } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore, folderImage } from "../stores/json-fixture.ts";
import { createSqliteStore, type SchemaVersion, type SqliteStoreUnderTest } from "../stores/sqlite-fixture.ts";
import type { Image, StoreUnderTest } from "../stores/store-under-test.ts";
import { demand } from "./defect.ts";
import { rowsOf, Surroundings, step } from "./grounds.ts";
import { mutate } from "./mutate.ts";

/** A healthy store that can be damaged and restored. */
interface Ground {
  readonly name: string;
  readonly store: StoreUnderTest;
  /** Damages the store. Returns the places of the image that a repair may change, or `null` if that is not known. */
  damage(random: Random): ReadonlySet<string> | null;
  heal(): void;
  /**
   * The content that must not be lost: files with their bytes, or rows with their values. `null` if the store cannot be
   * read completely.
   */
  image(): Image | null;
}

function jsonGround(): Ground {
  const store = createJsonStore(sampleContent());
  store.overwrite({ path: "storage/todo/ses_a.json" }, Buffer.from('[{"id":"1","content":"do","status":"pending"}]'));
  store.overwrite(
    { path: "storage/session_diff/ses_a.json" },
    Buffer.from('[{"file":"a.ts","before":"","after":"x"}]'),
  );
  store.overwrite({ path: "auth.json" }, Buffer.from('{"loopback":{"type":"api","key":"x"}}'));
  const paths = Object.entries(folderImage(store.dataDir)).flatMap(([path, what]) => (what === "folder" ? [] : [path]));
  const originals = new Map(paths.map((path) => [path, readFileSync(join(store.dataDir, path))]));
  const times = new Map(paths.map((path) => [path, statSync(join(store.dataDir, path)).mtime]));
  let damaged = "";
  return {
    name: "files",
    store,
    damage(random) {
      damaged = random.pick(paths);
      store.overwrite({ path: damaged }, mutate(originals.get(damaged) ?? Buffer.alloc(0), random));
      return new Set([damaged]);
    },
    heal() {
      const path = join(store.dataDir, damaged);
      const time = times.get(damaged) ?? new Date();
      writeFileSync(path, originals.get(damaged) ?? Buffer.alloc(0));
      utimesSync(path, time, time);
    },
    image: () => folderImage(store.dataDir, ["quarantine"]),
  };
}

/** `keep` copies the files of a database. The other function restores these copies. */
function databaseFiles({ database }: SqliteStoreUnderTest): { heal(): void; keep(): void } {
  const suffixes = ["", "-wal"];
  return {
    keep() {
      for (const suffix of suffixes) {
        if (existsSync(database + suffix))
          copyFileSync(database + suffix, `${database}${suffix}`.replace("opencode/", "kept-"));
      }
    },
    heal() {
      for (const suffix of [...suffixes, "-shm", "-journal"]) {
        const kept = `${database}${suffix}`.replace("opencode/", "kept-");
        rmSync(database + suffix, { force: true });
        if (existsSync(kept)) copyFileSync(kept, database + suffix);
      }
    },
  };
}

async function rowGround(version: SchemaVersion): Promise<Ground> {
  const store = await createSqliteStore(version, sampleContent());
  withTodo(store);
  const files = databaseFiles(store);
  files.keep();
  return {
    name: `rows of ${version}`,
    store,
    damage: (random) => damageRow(store, random),
    heal: files.heal,
    image: () => rowsOf(store.database),
  };
}

function withTodo(store: SqliteStoreUnderTest): void {
  const connection = store.connect();
  connection.exec(
    "insert into todo (session_id, content, status, priority, position, time_created, time_updated) values ('ses_a', 'do', 'pending', 'high', 0, 1, 1)",
  );
  connection.close();
}

const LITERALS = [
  "null",
  "0",
  "-1",
  "9223372036854775807",
  "1e999",
  "-0.5",
  "1e-300",
  "''",
  "x''",
  "zeroblob(9000)",
  "'[]'",
];

function damageRow(store: SqliteStoreUnderTest, random: Random): ReadonlySet<string> {
  const connection = store.connect();
  try {
    connection.exec("pragma foreign_keys = off");
    const table = random.pick(["session", "message", "message", "part", "part", "project", "todo"]);
    const columns = connection.all(`pragma table_info("${table}")`).map(({ name }) => String(name));
    const column = random.chance(0.5) && columns.includes("data") ? "data" : random.pick(columns);
    const rows = connection.all(`select rowid as at, cast("${column}" as blob) as bytes from "${table}"`);
    const { at, bytes } = random.pick(rows);
    const mutated = mutate(Buffer.from(bytes instanceof Uint8Array ? bytes : []), random).toString("hex");
    const value = random.pick([
      `cast(x'${mutated}' as text)`,
      `cast(x'${mutated}' as text)`,
      `x'${mutated}'`,
      random.pick(LITERALS),
    ]);
    const parts =
      table === "message"
        ? connection.all(
            "select rowid as at from part where message_id = (select id from message where rowid = ?)",
            Number(at),
          )
        : [];
    try {
      connection.run(`update "${table}" set "${column}" = ${value} where rowid = ?`, Number(at));
    } catch {
      // A constraint forbids this value. The case then tests a healthy store.
    }
    return new Set([`${table}[${String(at)}]`, ...parts.map((part) => `part[${String(part.at)}]`)]);
  } finally {
    connection.close();
  }
}

/** A database of which a case damages the pages in the file, or the WAL. */
async function pageGround(version: SchemaVersion, where: "pages" | "WAL"): Promise<Ground> {
  const store = await createSqliteStore(version, sampleContent());
  withTodo(store);
  const files = databaseFiles(store);
  if (where === "pages") files.keep();
  else {
    const connection = store.connect();
    connection.exec("pragma wal_autocheckpoint = 0");
    for (let round = 0; round < 5; round += 1) {
      connection.run("update part set data = ? where id = 'prt_a1_1'", `{"type":"text","text":"round ${round}"}`);
    }
    files.keep();
    connection.close();
    files.heal();
  }
  const damaged = where === "pages" ? store.database : `${store.database}-wal`;
  return {
    name: `${where} of ${version}`,
    store,
    damage(random) {
      const bytes = readFileSync(damaged);
      // The header and the schema page have the largest effect, so they are damaged more often.
      const reach = random.chance(0.3) ? random.pick([100, 4096]) : bytes.length;
      const head = mutate(bytes.subarray(0, reach), random, random.chance(0.8));
      writeFileSync(damaged, Buffer.concat([head, bytes.subarray(reach)]));
      return null;
    },
    heal: files.heal,
    image: () => rowsOf(store.database),
  };
}

export interface FuzzResult {
  readonly cases: number;
  /** The number of cases in which the check found something that opencode cannot load. */
  readonly damaged: number;
  readonly repaired: number;
  readonly slowestMs: number;
}

export interface Defect {
  readonly index: number;
  readonly ground: string;
  readonly error: unknown;
}

/** One of this many cases is also repaired and restored. */
const REPAIRED_SHARE = 3;

/** Damages stores at random, and judges what the tool does. The seed and the number of a case decide its damage. */
export async function fuzzStores(
  seed: number,
  first: number,
  count: number,
  onDefect: (defect: Defect) => void,
  onCase: () => void = () => undefined,
): Promise<FuzzResult> {
  const grounds = [
    jsonGround(),
    await rowGround("1.2.27"),
    await rowGround("1.18.33"),
    await pageGround("1.18.33", "pages"),
    jsonGround(),
    await rowGround("1.18.33"),
    await pageGround("1.2.27", "pages"),
    await pageGround("1.18.33", "WAL"),
  ];
  const result = { cases: 0, damaged: 0, repaired: 0, slowestMs: 0 };
  for (let index = first; index < first + count; index += 1) {
    const ground = grounds[index % grounds.length];
    if (ground === undefined) continue;
    const own = new Surroundings(ground.store);
    try {
      await fuzzOne(ground, new Random(seed * 1_000_003 + index), index % REPAIRED_SHARE === 0, own, result);
    } catch (error) {
      onDefect({ index, ground: ground.name, error });
    } finally {
      own.leave();
      rmSync(quarantinePath(ground.store.dataDir), { recursive: true, force: true });
      ground.heal();
      result.cases += 1;
      onCase();
    }
  }
  for (const { store } of grounds) store.remove();
  return result;
}

async function fuzzOne(
  ground: Ground,
  random: Random,
  repairs: boolean,
  surroundings: Surroundings,
  result: { damaged: number; repaired: number; slowestMs: number },
): Promise<void> {
  const { store } = ground;
  const allowed = ground.damage(random);
  const before = folderImage(store.dataDir);
  const started = performance.now();
  const findings = await step("check", () => findingsIn(store.dataDir));
  result.slowestMs = Math.max(result.slowestMs, performance.now() - started);
  demand(Bun.deepEquals(folderImage(store.dataDir), before), "the check changed something");
  surroundings.judge();
  for (const { evidence, code } of findings) {
    demand(code !== "" && !/undefined|\[object|\n {4}at /.test(evidence), `no clear evidence: ${code}, ${evidence}`);
  }
  const blocking = findings.filter(({ severity }) => severity === "blocking");
  if (blocking.length === 0) return;
  result.damaged += 1;
  if (!repairs) return;
  const image = ground.image();
  const { runID, items, stopped } = await step("repair", () => repairFindings(settledFiles, store.dataDir, blocking));
  surroundings.judge();
  if (stopped !== null) demand(/^[A-Z].*\.$/.test(stopped.message), `no clear sentence: ${stopped.message}`);
  if (runID === null) {
    demand(
      Bun.deepEquals(withoutQuarantine(folderImage(store.dataDir)), before),
      "nothing was done, but something changed",
    );
    return;
  }
  result.repaired += 1;
  demand(image !== null, `rows of a damaged database were changed (${items.length} items)`);
  const after = ground.image();
  demand(after !== null, "the repaired store cannot be read");
  const changed = Object.keys({ ...image, ...after }).filter((place) => image[place] !== after[place]);
  const done = items.filter(({ action }) => action !== "skipped");
  demand(changed.length <= done.length, `${done.length} items, but ${changed.length} records changed`);
  for (const place of changed) demand(allowed?.has(place) ?? true, `a healthy record changed: ${place}`);
  await step("restore", () => restoreEverything(settledFiles, store.dataDir));
  const restored = ground.image();
  surroundings.judge();
  for (const place of Object.keys({ ...image, ...restored })) {
    demand(image[place] === restored?.[place], `not as it was: ${place}`);
  }
}

function withoutQuarantine(image: Image): Image {
  return Object.fromEntries(Object.entries(image).filter(([path]) => !path.startsWith("quarantine")));
}
