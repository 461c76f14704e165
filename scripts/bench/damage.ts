import { Database } from "bun:sqlite";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonHost } from "../../test/host/binary.ts";
import { startHost } from "../../test/host/running-host.ts";
import { homeOf, type KeptStore } from "./kept-store.ts";
import { randomNumbers } from "./random.ts";
import { settled } from "./running.ts";

/** The measurement waits at most this long for a repair, in milliseconds. */
const PATIENCE_MS = 30_000;

interface Damaged {
  isRepaired(): boolean;
  putBack(): void;
}

/** Damages one random part: cuts off the second half of its JSON. */
function damagePart(store: KeptStore, random: () => number): Damaged {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  if (isJsonHost(store.version)) {
    const folder = join(store.content, "part", pick(readdirSync(join(store.content, "part"))));
    const path = join(folder, pick(readdirSync(folder)));
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
    const putBack = () => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    };
    return { isRepaired: () => !existsSync(path), putBack };
  }
  const database = new Database(store.content);
  const columns = "id, message_id, session_id, time_created, time_updated, data";
  const row = database.query<Record<string, string>, [number]>(`select ${columns} from part where rowid >= ? limit 1`);
  const part = row.get(Math.floor(random() * 200_000)) ?? {};
  const { id = "" } = part;
  database.run("update part set data = substr(data, 1, length(data) / 2) where id = ?", [id]);
  return {
    isRepaired: () => database.query("select 1 from part where id = ? and not json_valid(data)").get(id) === null,
    putBack() {
      database.run(`insert or replace into part (${columns}) values (?, ?, ?, ?, ?, ?)`, Object.values(part));
      database.close();
    },
  };
}

/**
 * Damages random parts while opencode is idle, one after the other. Returns how long each repair took, in milliseconds.
 */
export async function damageWhileIdle(store: KeptStore, ours: string, times: number, seed: number): Promise<number[]> {
  const home = await homeOf(store);
  const random = randomNumbers(seed);
  const taken: number[] = [];
  try {
    const host = await startHost({ home, plugins: [ours] });
    try {
      await host.get("/session");
      await settled(host.pid);
      for (let time = 0; time < times; time += 1) {
        const damaged = damagePart(store, random);
        const started = performance.now();
        while (!damaged.isRepaired() && performance.now() - started < PATIENCE_MS) await sleep(20);
        taken.push(performance.now() - started);
        damaged.putBack();
        await sleep(3000);
      }
    } finally {
      await host.stop();
    }
  } finally {
    rmSync(join(store.dataDir, "quarantine"), { recursive: true, force: true });
    await home.remove();
  }
  return taken;
}
