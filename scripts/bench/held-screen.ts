import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { removeHomes } from "../../test/host/home.ts";
import { startModelServer } from "../../test/host/model-server.ts";
import { type RealStore, realStore } from "../../test/host/stored-fixture.ts";
import { until } from "../../test/process/until.ts";
import { addLargeSession } from "../../test/terminal/large-session.ts";
import { openTerminalUI } from "../../test/terminal/terminal-ui.ts";
import type { Opening, ProbeOptions } from "./opening-probe.ts";
import { median } from "./statistics.ts";

const SIZE = { messages: 100, partsPerMessage: 50 };

/**
 * Measures how long opencode 1.18.33 cannot react while it opens a session of 5,000 parts. Returns the medians without
 * and with the half of the plugin that runs in the terminal UI.
 */
export async function heldScreen(dist: string, runs: number): Promise<{ without: Opening; withHalf: Opening }> {
  const model = startModelServer();
  const store = await realStore("1.18.33");
  try {
    // The first session is opened only to fill caches, and is not counted.
    const names = Array.from({ length: runs + 1 }, (_, index) => `Large ${index}`);
    const sessionIDs = names.map((name) => addLargeSession(store, store.sessions.conversation, name, SIZE));
    await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify({ notify: false }));
    const opened = (halves: readonly string[]) => openEach(store, model, sessionIDs, halves);
    const without = await opened([]);
    return { without, withHalf: await opened([pathToFileURL(join(dist, "tui.js")).href]) };
  } finally {
    await model.stop();
    await removeHomes();
  }
}

async function openEach(
  store: RealStore,
  model: ReturnType<typeof startModelServer>,
  sessionIDs: readonly string[],
  halves: readonly string[],
): Promise<Opening> {
  const answer = join(store.home.root, "opening.json");
  await rm(answer, { force: true });
  const options: ProbeOptions = { sessionIDs, messages: SIZE.messages, answer };
  const probe = pathToFileURL(join(import.meta.dirname, "opening-probe.ts")).href;
  const ui = await openTerminalUI({ home: store.home, model, terminalPlugins: [...halves, [probe, { ...options }]] });
  try {
    let text = "";
    const isAnswered = async () => {
      text = await readFile(answer, "utf8").catch(() => "");
      return text.endsWith("]");
    };
    await until(isAnswered, "the probe has not answered");
    const openings = (JSON.parse(text) as Opening[]).slice(1);
    return { wall: median(openings.map(({ wall }) => wall)), work: median(openings.map(({ work }) => work)) };
  } finally {
    ui.close();
  }
}
