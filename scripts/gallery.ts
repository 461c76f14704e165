import { Database } from "bun:sqlite";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { nodeFileSystem, storedRuns } from "../plugin/api.ts";
import { createHome, type HermeticHome, removeHomes } from "../test/host/home.ts";
import { type ModelServer, startModelServer } from "../test/host/model-server.ts";
import { startHost } from "../test/host/running-host.ts";
import { openRepairDialog, openSession, untilReady } from "../test/terminal/steps.ts";
import { openTerminalUI, type TerminalUI } from "../test/terminal/terminal-ui.ts";
import { PICTURES, type PictureName, wordsIn } from "./gallery/pictures.ts";
import { drawScreen, readScreen, reworded } from "./gallery/screen.ts";

const ROOT = join(import.meta.dirname, "..");
const DIST = pathToFileURL(join(ROOT, "dist")).href;

const VERSION = "1.18.33";
const MINUTE = 60_000;
/** The folder of the example project. The pictures show its name. */
const PROJECT = join(tmpdir(), "feed-reader");

const SIZE = { columns: 124, rows: 30 } as const;

/** A picture is taken when the screen has not changed for this time, in milliseconds. */
const STILL_MS = 700;

const CONVERSATIONS = [
  {
    title: "Speed up the feed parser",
    turns: [
      ["Why is the feed parser slow?", "It compiles one pattern for every line. Compile it once and keep it."],
      ["Do that, please.", "Done: the pattern is compiled once. The parser now takes 40 ms instead of 900 ms."],
    ],
  },
  {
    title: "Release notes for 2.4",
    turns: [["Write the release notes.", "Faster feeds, fewer warnings, and a fix for the date picker."]],
  },
] as const;

/** Takes every picture in a real terminal, with a real opencode and real damage. */
async function takePictures(home: HermeticHome, model: ModelServer): Promise<void> {
  await talk(home, model);
  damage(home);

  await withScreen(home, model, "off", async (ui) => {
    await untilReady(ui);
    await openSession(ui, CONVERSATIONS[0].title);
    await ui.waitFor("LSPs are disabled");
    await gone(ui, "pin/unpin");
    await take(home, ui, "before");
  });

  await withScreen(home, model, "repair", async (ui) => {
    // The toast disappears after some seconds, maybe before the terminal UI accepts keys. So the script waits for the
    // toast first.
    await ui.waitFor(/2 damaged records of/);
    await take(home, ui, "toast");
    await untilReady(ui);
    await openSession(ui, CONVERSATIONS[0].title);
    await ui.waitFor("Done: the pattern");
    await gone(ui, "Session repair");
    await take(home, ui, "after");
    await openRepairDialog(ui);
    ui.type("Undo");
    await ui.waitFor(/Undo [\d-]+ [\d:]+: \d+ record/);
    await ui.press("Enter");
    await ui.waitFor("Undo this run?");
    await take(home, ui, "undo");
    await ui.press("Enter");
    await ui.waitFor("2 records restored where they were");
  });

  await withScreen(home, model, "check", async (ui) => {
    await untilReady(ui);
    await openRepairDialog(ui);
    await take(home, ui, "dialog");
    await ui.press("Enter");
    await ui.waitFor("Likely cause");
    await ui.press("Enter");
    await ui.waitFor("To undo: /repair");
    await take(home, ui, "result");
  });
}

/** Turns off the tips on opencode's home screen, because each start shows another tip. */
async function withoutTips({ env }: HermeticHome): Promise<void> {
  const state = join(env.XDG_STATE_HOME ?? "", "opencode");
  await mkdir(state, { recursive: true });
  await writeFile(join(state, "kv.json"), JSON.stringify({ tips_hidden: true }));
}

/** Starts a real opencode and lets it write the example sessions. */
async function talk(home: HermeticHome, model: ModelServer): Promise<void> {
  const host = await startHost({ home, model });
  try {
    for (const { title, turns } of CONVERSATIONS) {
      const { id } = (await host.post("/session", { title })).body as { id: string };
      for (const [question, answer] of turns) {
        model.script({ text: answer });
        const parts = [{ type: "text", text: question }];
        const asked = { model: { providerID: "loopback", modelID: "scripted" }, parts };
        const { status } = await host.post(`/session/${id}/message`, asked);
        if (status !== 200) throw new Error(`opencode answered ${status}`);
      }
    }
  } finally {
    await host.stop();
  }
}

/** Damages one part of each session as a full disk does: one part becomes empty, the other becomes NUL bytes. */
function damage({ dataDir }: HermeticHome): void {
  using database = new Database(join(dataDir, "opencode.db"), { readwrite: true });
  const select = `select part.id from part join session on session.id = part.session_id
    where title = ? and json_extract(part.data, '$.type') = 'step-finish' limit 1`;
  const leftovers = ["''", "cast(zeroblob(length(data)) as text)"];
  for (const [index, { title }] of CONVERSATIONS.entries()) {
    const found = database.query<{ id: string }, [string]>(select).get(title);
    if (found === null) throw new Error(`nothing to damage in: ${title}`);
    database.run(`update part set data = ${leftovers[index]} where id = ?`, [found.id]);
  }
}

/** Opens opencode in a terminal and runs `work`. With `preload: "off"`, opencode gets no plugin at all. */
async function withScreen(
  home: HermeticHome,
  model: ModelServer,
  preload: "off" | "check" | "repair",
  work: (ui: TerminalUI) => Promise<void>,
): Promise<void> {
  await writeFile(join(home.configDir, "session-repair.json"), JSON.stringify({ preload, budgetMs: 30_000 }));
  const isThere = preload !== "off";
  const ui = await openTerminalUI({
    home,
    model,
    plugins: isThere ? [`${DIST}/server.js`] : [],
    terminalPlugins: isThere ? [`${DIST}/tui.js`] : [],
    ...SIZE,
  });
  try {
    await work(ui);
  } finally {
    ui.close();
  }
}

async function gone(ui: TerminalUI, words: string): Promise<void> {
  const deadline = Date.now() + MINUTE;
  while (ui.screen().includes(words)) {
    if (Date.now() > deadline) throw new Error(`the screen still shows ${words}`);
    await sleep(200);
  }
}

async function take({ dataDir, root }: HermeticHome, ui: TerminalUI, picture: PictureName): Promise<void> {
  const captured = await stillScreen(ui);
  const runs = (await storedRuns(nodeFileSystem, dataDir)).flatMap((run) => (run.ok ? [run.manifest.runID] : []));
  const screen = reworded(readScreen(captured), (line) => withoutChance(line, runs));
  const { description, words } = PICTURES[picture];
  const drawn = drawScreen(screen, description);
  if (drawn.includes(root)) throw new Error(`a path is in the picture: ${picture}`);
  for (const each of words)
    if (!wordsIn(drawn).includes(each)) throw new Error(`${picture} does not say: ${each}\n${wordsIn(drawn)}`);
  await writeFile(join(ROOT, "docs", "gallery", `${picture}.svg`), drawn);
  process.stdout.write(`${picture}: ${description}\n`);
}

async function stillScreen(ui: TerminalUI): Promise<string> {
  const deadline = Date.now() + MINUTE;
  for (let before = ui.coloredScreen(); ; ) {
    await sleep(STILL_MS);
    const now = ui.coloredScreen();
    if (now === before) return now;
    if (Date.now() > deadline) throw new Error("the screen keeps changing");
    before = now;
  }
}

/**
 * Replaces ids and times that differ at each run by fixed text of the same length. So a picture changes only if the
 * screen looks different.
 */
function withoutChance(line: string, runs: readonly string[]): string {
  let words = line;
  for (const run of runs) {
    const [time = "", , tail = ""] = run.split("-");
    words = words.replaceAll(time, "20260901T100000000Z").replaceAll(tail, "5e551042");
  }
  return words
    .replaceAll(new RegExp(`${PROJECT}(\\S*)`, "g"), (path, rest: string) => `~/feed-reader${rest}`.padEnd(path.length))
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "2026-09-01 10:00")
    .replaceAll(/\d{4}-\d\d-\d\d/g, "2026-09-01")
    .replaceAll(/\b\d\d:\d\d [AP]M\b/g, "10:00 AM")
    .replaceAll(/\b\d:\d\d [AP]M\b/g, "9:00 AM")
    .replaceAll(/\b\d+(\.\d+)?(?=m?s\b(?! instead))/g, (amount) => amount.replaceAll(/\d/g, "1"))
    .replaceAll(/(?<=Ask anything….*)./g, " ");
}

async function putIntoReadme(): Promise<void> {
  const path = join(ROOT, "README.md");
  let text = await readFile(path, "utf8");
  for (const [picture, { description }] of Object.entries(PICTURES)) {
    const [start, end] = [`<!-- gallery:${picture} -->`, `<!-- /gallery:${picture} -->`];
    const [before, rest] = text.split(start);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`README.md has no place for ${picture}`);
    text = `${before}${start}\n![${description}](docs/gallery/${picture}.svg)\n${end}${after}`;
  }
  await writeFile(path, text);
}

const home = await createHome(VERSION, { project: PROJECT });
const model = startModelServer();
try {
  await mkdir(join(ROOT, "docs", "gallery"), { recursive: true });
  await withoutTips(home);
  await takePictures(home, model);
  await putIntoReadme();
} finally {
  await model.stop();
  await removeHomes();
  await rm(PROJECT, { recursive: true, force: true });
}
