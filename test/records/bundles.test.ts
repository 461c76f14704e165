import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { isUtf8 } from "node:buffer";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { looksHealthy, looksHealthyThroughout } from "../../plugin/faults/quick-look.ts";
import type { Bundle } from "../../plugin/model/artifact.ts";
import { locatorText } from "../../plugin/model/artifact.ts";
import type { StoreDescription } from "../../plugin/model/store-description.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { readSchema } from "../../plugin/stores/sqlite/schema.ts";
import { SqliteStore } from "../../plugin/stores/sqlite/sqlite-store.ts";
import { noCounts } from "../../plugin/stores/store.ts";
import { damageDocument } from "../oracle/document-damage.ts";
import { Random } from "../oracle/random.ts";
import { SEED } from "../process/seed.ts";
import { samplePart } from "./samples.ts";

const folder = await mkdtemp(join(tmpdir(), "bundles-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const description: StoreDescription = {
  generation: "sqlite",
  dataDir: folder,
  contract: "strict",
  hostVersion: "1.18.33",
  sessionDiffReader: null,
};

const ids = { sessionID: "ses_1", messageID: "msg_1", partID: "prt_1" };
const samples = samplePart(ids);

/**
 * Writes a database of parts, and damages a few of them. A few other rows are odd, for example with two documents in
 * one row.
 */
async function writeParts(path: string, random: Random, rows: number): Promise<void> {
  using database = new Database(path);
  database.exec(await readFile(join(import.meta.dirname, "..", "fixtures", "schema-1.18.33.sql"), "utf8"));
  database.run("pragma foreign_keys = off");
  const insert = (binary: boolean) =>
    database.query(
      `insert into part (rowid, id, message_id, session_id, time_created, time_updated, data)
       values (?, ?, 'msg_1', ?, 1, 1, cast(? as ${binary ? "blob" : "text"}))`,
    );
  const healthy = JSON.stringify(samples[0]);
  database.run("begin");
  for (let row = 1; row <= rows; row += 1) {
    const damaged = damageDocument(random.pick(samples), random);
    const odd = random.pick([
      "",
      `${healthy},${healthy}`,
      `${healthy}],[${healthy}`,
      healthy.slice(0, 20),
      "[",
      `"x",${healthy}`,
      healthy.replace("{", '{"é":"\u{1F600} \uFFFD",'),
      healthy.replace("{", '{"é":"\u{1F600}').replace("{", "\uFEFF{"),
      Buffer.from(healthy.replace("{", '{"é":"",'), "latin1"),
    ]);
    const isDamaged = random.chance(0.001);
    const bytes: Buffer = isDamaged ? damaged.bytes : Buffer.from(random.chance(0.002) ? odd : healthy);
    const id = random.chance(0.0005) ? "memory-context-1" : "prt_";
    const owner = random.chance(0.0005) ? "xes_1" : "ses_1";
    // Bun binds an empty array as NULL, so an empty text is bound.
    const value = bytes.length === 0 ? "" : new Uint8Array(bytes);
    insert(isDamaged && damaged.isBlob).run(row * 3, `${id}${row}`, owner, value);
  }
  database.run("commit");
}

/** The stored text of a part, or `null` if it is not a text in valid UTF-8. */
function whatIsWritten(path: string, id: string): string | null {
  using database = new Database(path, { readonly: true });
  const sql = "select cast(data as blob) as bytes from part where id = ? and typeof(data) = 'text'";
  const [row] = database.query<{ bytes: Uint8Array }, [string]>(sql).all(id);
  return row !== undefined && isUtf8(row.bytes) ? Buffer.from(row.bytes).toString("utf8") : null;
}

async function suspects(path: string, isHealthy?: (bundle: Bundle) => boolean): Promise<string[]> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("no SQLite");
  const connection = driver.open(path, "immutable");
  const view = { connection, source: null, release: () => undefined };
  const store = new SqliteStore(description, readSchema(connection), view);
  const found: string[] = [];
  const counts = noCounts();
  for (const index of isHealthy === undefined ? [0] : [0, 1, 2]) {
    await store.scan(
      { what: "everything", ...(isHealthy && { share: { index, of: 3 } }) },
      (artifact, text, row) => {
        // The scan gives no exact text if the text contains U+FFFD. This character may stand for invalid bytes, or may
        // be stored itself. So the stored bytes are read.
        const exact = text ?? whatIsWritten(path, String(artifact.recordID));
        if (!looksHealthy(artifact, exact, row, description)) found.push(locatorText(artifact.locator));
      },
      { concurrency: 1, counts, ...(isHealthy && { isHealthy }) },
    );
  }
  store.close();
  return [...found.sort(), `${counts.parts} parts, ${counts.bytes} bytes`];
}

for (let round = 1; round <= 5; round += 1) {
  const seed = SEED + round;
  test(`rows read many at once and in shares are judged as each by itself (seed ${seed})`, async () => {
    const path = join(folder, `${round}.db`);
    await writeParts(path, new Random(seed), 4_000);
    const eachByItself = await suspects(path);
    const together = await suspects(path, (bundle) => looksHealthyThroughout(bundle, description));
    expect(together).toEqual(eachByItself);
    expect(eachByItself.length).toBeGreaterThan(1);
  });
}
