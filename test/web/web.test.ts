import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { startHost } from "../host/running-host.ts";
import type { StoredSession } from "../host/sessions.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { PATIENCE_MS, until } from "../process/until.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import { openBrowser, textIn, waitForText } from "./browser.ts";

/** The page keeps a stream of events open. */
const LOADED = { waitUntil: "domcontentloaded", timeout: PATIENCE_MS } as const;

let plugin: string;

beforeAll(async () => {
  plugin = `file://${await builtPackage()}/server.js`;
});

afterAll(removeHomes);

describe.skipIf(lacks("chromium"))("the web page of opencode 1.18.33 in Chromium", () => {
  test("/repair: the report is on the page, without an error and without a model call", repairOnThePage);
});

async function repairOnThePage(): Promise<void> {
  const store = await realStore("1.18.33");
  await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify({ preload: "off" }));
  const model = startModelServer();
  const host = await startHost({ home: store.home, model, plugins: [plugin] });
  const { page, close } = await openBrowser();
  const { plain, conversation } = store.sessions;
  try {
    expect((await host.get("/session")).status).toBe(200);
    const part = emptyPart(store, plain);
    await page.goto(address(host.url, store, conversation), LOADED);
    await waitForText(page, "Both files are changed.");
    await typeCommand(page, "check");
    await waitForText(page, "1 record that opencode cannot load.");
    await waitForText(page, part);
    await typeCommand(page, "");
    await waitForText(page, "1 record recovered.");
    await typeCommand(page, "undo");
    const shown = await waitForText(page, "1 record restored where it was.");
    expect(shown).not.toMatch(/failed|unexpected|error/i);
    expect((await host.get(`/session/${plain.id}/message`)).status).toBe(500);

    await typeCommand(page, plain.id);
    await waitForText(page, /1 record recovered\.[\s\S]*1 record recovered\./);
    await page.goto(address(host.url, store, plain), LOADED);
    await waitForText(page, "You are welcome.");
    expect(model.log).toEqual([]);
  } finally {
    await close();
    await host.stop();
    await model.stop();
    await store.home.remove();
  }
}

/** The page of one session. */
function address(url: string, { project }: RealStore, { id }: StoredSession): string {
  return `${url}/${Buffer.from(project).toString("base64url")}/session/${id}`;
}

const PROMPT = "[contenteditable=true]";

/** Types a command as a person does: what the page offers for `/repair` tells that it has loaded its commands. */
async function typeCommand(page: Page, words: string): Promise<void> {
  await page.waitForSelector(PROMPT, { timeout: PATIENCE_MS });
  await page.focus(PROMPT);
  await page.keyboard.type("/repair", { delay: 30 });
  await waitForText(page, "open sessions that will not load");
  await page.keyboard.type(` ${words}`, { delay: 30 });
  await waitForText(page, new RegExp(`/repair\\s${words}`));
  await page.keyboard.press("Enter");
  await until(async () => !(await textIn(page, PROMPT)).includes("/repair"), "the page does not take the command");
}
