import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeHomes } from "../host/home.ts";
import { type ModelServer, startModelServer } from "../host/model-server.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { addLargeSession } from "./large-session.ts";
import type { Opening, ProbeOptions } from "./opening-probe.ts";
import { openTerminalUI } from "./terminal-ui.ts";

const MINUTES = 60_000;

/** What opening a session of 5,000 parts may cost more, in milliseconds. */
const ACCEPTED_MS = 25;

/** A busy machine of a few cores works this much slower than a quiet one. */
const TOLERANCE = 3;

/** One to warm up, and those that count. */
const SESSIONS = 1 + 7;

const SIZE = { messages: 100, partsPerMessage: 50 };

let model: ModelServer;
let half: string;

beforeAll(async () => {
  model = startModelServer();
  half = `file://${await builtPackage()}/tui.js`;
});

afterAll(async () => {
  await model.stop();
  await removeHomes();
});

test("opening a healthy session of 5,000 parts in the terminal UI of 1.18.33, with the terminal half and without it", async () => {
  const store = await realStore("1.18.33");
  try {
    const names = Array.from({ length: SESSIONS }, (_, index) => `Large ${index}`);
    const sessionIDs = names.map((name) => addLargeSession(store, store.sessions.conversation, name, SIZE));
    await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify({ notify: false }));
    const without = await opened(store, sessionIDs, []);
    const withHalf = await opened(store, sessionIDs, [half]);
    const more = (of: keyof Opening) => withHalf[of] - without[of];
    const figures = `${more("wall").toFixed(1)} ms longer, of work ${more("work").toFixed(1)} ms`;
    process.stdout.write(`with the terminal half, opening 5,000 parts holds the screen ${figures} (medians)\n`);
    expect(more("work")).toBeLessThan(ACCEPTED_MS * TOLERANCE);
  } finally {
    await store.home.remove();
  }
});

/** Opens each session, and returns the medians of what it took. */
async function opened(store: RealStore, sessionIDs: readonly string[], halves: readonly string[]): Promise<Opening> {
  const answer = join(store.home.root, "opening.json");
  await rm(answer, { force: true });
  const options: ProbeOptions = { sessionIDs, messages: SIZE.messages, answer };
  const probe = join(import.meta.dirname, "opening-probe.ts");
  const ui = await openTerminalUI({
    home: store.home,
    model,
    terminalPlugins: [...halves, [`file://${probe}`, { ...options }]],
  });
  try {
    const openings = (await measured(answer)).slice(1);
    const median = (of: keyof Opening) => {
      const times = openings.map((each) => each[of]).sort((one, other) => one - other);
      return times[Math.floor(times.length / 2)] ?? Number.NaN;
    };
    return { wall: median("wall"), work: median("work") };
  } finally {
    ui.close();
  }
}

async function measured(answer: string): Promise<Opening[]> {
  const deadline = Date.now() + 4 * MINUTES;
  for (;;) {
    const text = await readFile(answer, "utf8").catch(() => "");
    if (text.endsWith("]")) return JSON.parse(text) as Opening[];
    if (Date.now() > deadline) throw new Error("the probe has not answered");
    await sleep(200);
  }
}
