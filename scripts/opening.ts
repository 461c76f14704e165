import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { removeHomes } from "../test/host/home.ts";
import { startModelServer } from "../test/host/model-server.ts";
import { type RealStore, realStore } from "../test/host/stored-fixture.ts";
import { addLargeSession, LAST_WORDS } from "../test/terminal/large-session.ts";
import { openSession, untilReady } from "../test/terminal/steps.ts";
import { openTerminalUI, type TerminalUI } from "../test/terminal/terminal-ui.ts";
import { median } from "./bench/statistics.ts";

/**
 * Measures how much longer it takes to open a healthy session with the half of the plugin that runs in the terminal UI.
 * The time begins with Enter in the session list, and ends when the last words of the session are on the screen. Two
 * terminal UIs run, one with and one without that half. They open sessions in turn, each session once.
 *
 *     npm run bench:opening -- [--rounds 15] [--messages 100] [--parts 50] [--host 1.18.33]
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    messages: { type: "string", default: "100" },
    parts: { type: "string", default: "50" },
    host: { type: "string", default: "1.18.33" },
  },
});
const rounds = Number(values.rounds);
const size = { messages: Number(values.messages), partsPerMessage: Number(values.parts) };
const half = pathToFileURL(join(import.meta.dirname, "..", "dist", "tui.js")).href;
const version = values.host as RealStore["home"]["version"];

const LONGEST_MS = 60_000;

/** After this time, opencode has no work left from opening a session. */
const SETTLING_MS = 400;

interface Side {
  readonly store: RealStore;
  readonly ui: TerminalUI;
  readonly titles: readonly string[];
  readonly times: number[];
}

async function side(plugins: readonly string[]): Promise<Side> {
  const store = await realStore(version);
  const titles = Array.from({ length: rounds + 1 }, (_, index) => `Large ${String.fromCharCode(97 + index)}`);
  for (const title of titles) addLargeSession(store, store.sessions.conversation, title, size);
  await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify({ notify: false }));
  const ui = await openTerminalUI({ home: store.home, model, terminalPlugins: plugins });
  await untilReady(ui);
  return { store, ui, titles, times: [] };
}

/** The time from the key that opens a session until its last words are on the screen, in milliseconds. */
async function opened({ ui }: Side, title: string): Promise<number> {
  await openSession(ui, title, { enter: false });
  await sleep(SETTLING_MS);
  const start = performance.now();
  ui.send("Enter");
  while (!ui.screen().includes(LAST_WORDS)) {
    if (performance.now() - start > LONGEST_MS) throw new Error(`${title} never came:\n${ui.screen()}`);
    await sleep(1);
  }
  const time = performance.now() - start;
  await sleep(SETTLING_MS);
  ui.type("/new");
  await ui.waitFor("New session");
  await ui.press("Enter");
  await ui.waitFor("Ask anything");
  return time;
}

const model = startModelServer();
const sides: Side[] = [];
try {
  for (const plugins of [[], [half]]) sides.push(await side(plugins));
  for (let round = 0; round <= rounds; round += 1) {
    for (const each of round % 2 === 0 ? sides : [...sides].reverse()) {
      const time = await opened(each, each.titles[round] ?? "");
      // The first session on each side only fills caches, and is not counted.
      if (round > 0) each.times.push(time);
      process.stdout.write(`${each === sides[0] ? "without" : "with"}: ${time.toFixed(0)} ms\n`);
    }
  }
  const [without = [], withHalf = []] = sides.map(({ times }) => times);
  const differences = withHalf.map((time, index) => time - (without[index] ?? Number.NaN));
  const text = (name: string, time: number) => `${name}: ${time.toFixed(1)} ms`;
  const what = `${size.messages} messages of ${size.partsPerMessage} parts, opencode ${version}, ${rounds} openings each`;
  process.stdout.write(
    `${[
      what,
      text("without the plugin in the terminal UI, median", median(without)),
      text("with the plugin in the terminal UI, median", median(withHalf)),
      text("difference of the medians", median(withHalf) - median(without)),
      text("median of the differences, opening by opening", median(differences)),
    ].join("\n")}\n`,
  );
} finally {
  for (const { ui } of sides) ui.close();
  await model.stop();
  await removeHomes();
}
