import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { runCli } from "../command-line/cli-process.ts";
import { removeHomes } from "../host/home.ts";
import { type PreviewStore, previewStore } from "../host/preview-store.ts";
import { Random } from "../oracle/random.ts";
import { builtPackage } from "../package/built.ts";
import { everyRow } from "../stores/every-row.ts";

/** `npm run test:kill -- --of 2-preview --count N --seed N` sets both values. */
const COUNT = Number(process.env.KILL_COUNT ?? 3);
const SEED = Number(process.env.KILL_SEED ?? 20_261_130);

/** The number of damaged rows in each session. With so many rows, a repair needs several transactions. */
const DAMAGED_IN_EACH = 150;

let entry = "";
let store: PreviewStore;

beforeAll(async () => {
  entry = join(await builtPackage(), "cli.js");
  store = await previewStore();
  using database = new Database(store.path);
  database.run("pragma busy_timeout = 5000");
  const insert = database.query("insert into session_message values (?, ?, 'user', ?, 1, 1, ?)");
  database.transaction(() => {
    for (const [session, id] of store.sessionIDs.entries()) {
      for (let seq = 0; seq < DAMAGED_IN_EACH; seq += 1) {
        insert.run(
          `msg_damaged${session}_${seq}`,
          id,
          1000 + seq,
          '{"text":"A question that was cut'.slice(0, seq % 29),
        );
      }
      database.query("update event_sequence set seq = 5000 where aggregate_id = ?").run(id);
    }
  })();
}, 180_000);

afterAll(async () => {
  await store.close();
  await removeHomes();
});

/** Runs the command line, and kills it `afterMs` milliseconds after its start, or after it took the lock. */
async function run(args: readonly string[], killed: { since: "start" | "lock"; afterMs: number }): Promise<void> {
  const { dataDir } = store.home;
  const env = { PATH: process.env.PATH, HOME: "/nonexistent" };
  const child = spawn(process.execPath, [entry, ...args, "--data-dir", dataDir], { env, stdio: "ignore" });
  let hasEnded = false;
  const exit = once(child, "exit").then(() => {
    hasEnded = true;
  });
  const lock = join(quarantinePath(dataDir), ".lock");
  if (killed.since === "lock") while (!hasEnded && !existsSync(lock)) await Bun.sleep(1);
  await Bun.sleep(killed.afterMs);
  child.kill("SIGKILL");
  await exit;
}

async function cli(...args: readonly string[]) {
  const { code, stdout } = await runCli([...args, "--json", "--data-dir", store.home.dataDir], { entry });
  return { code, answer: JSON.parse(stdout) as { runs?: { runID: string; state: string }[] } };
}

async function statuses(): Promise<number[]> {
  const asked = store.sessionIDs.map((id) => store.host.get(`/api/session/${id}/message?limit=200`));
  return (await Promise.all(asked)).map(({ status }) => status);
}

test(`${COUNT} kills while rows of 2.x leave or return: none is lost, and the preview serves on (seed ${SEED})`, async () => {
  const damaged = everyRow(store.path);
  const random = new Random(SEED);
  const moment = () =>
    random.chance(0.7)
      ? { since: "lock" as const, afterMs: random.below(250) }
      : { since: "start" as const, afterMs: random.below(1_500) };
  for (let kill = 1; kill <= COUNT; kill += 1) {
    if (random.chance(0.5)) {
      await run(["repair", "--yes"], moment());
    } else {
      expect([kill, (await cli("repair", "--yes")).code]).toEqual([kill, 0]);
      const { answer } = await cli("runs");
      await run(["restore", answer.runs?.[0]?.runID ?? "", "--yes"], moment());
    }
    expect((await statuses()).every((status) => status === 200 || status === 500)).toBe(true);
    // The next repair must finish the killed command. After that, every run is undone.
    expect([kill, (await cli("repair", "--yes")).code]).toEqual([kill, 0]);
    expect([kill, await statuses()]).toEqual([kill, [200, 200]]);
    for (const { runID, state } of (await cli("runs")).answer.runs ?? []) {
      if (state === "done") expect([kill, (await cli("restore", runID, "--yes")).code]).toEqual([kill, 0]);
    }
    expect(everyRow(store.path)).toEqual(damaged);
    await rm(quarantinePath(store.home.dataDir), { recursive: true, force: true });
  }
  expect(await statuses()).toEqual([500, 500]);
}, 3_600_000);
