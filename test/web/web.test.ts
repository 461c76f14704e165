import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { startHost } from "../host/running-host.ts";
import type { StoredSession } from "../host/sessions.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { until } from "../process/until.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import { openBrowser, type Page } from "./browser.ts";

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
  const page = await openBrowser();
  const { plain, conversation } = store.sessions;
  try {
    expect((await host.get("/session")).status).toBe(200);
    const part = emptyPart(store, plain);
    await page.open(address(host.url, store, conversation));
    await page.waitFor("Both files are changed.");
    await typeCommand(page, "check");
    await page.waitFor("1 record that opencode cannot load.");
    await page.waitFor(part);
    await typeCommand(page, "");
    await page.waitFor("1 record recovered.");
    await typeCommand(page, "undo");
    const shown = await page.waitFor("1 record put back where it was.");
    expect(shown).not.toMatch(/failed|unexpected|error/i);
    expect((await host.get(`/session/${plain.id}/message`)).status).toBe(500);

    await typeCommand(page, plain.id);
    await page.waitFor(/1 record recovered\.[\s\S]*1 record recovered\./);
    await page.open(address(host.url, store, plain));
    await page.waitFor("You are welcome.");
    expect(model.log).toEqual([]);
  } finally {
    await page.close();
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
  await page.focus(PROMPT);
  await page.type("/repair");
  await page.waitFor("open conversations that will not load");
  await page.type(` ${words}`);
  await page.waitFor(new RegExp(`/repair\\s${words}`));
  await page.press("Enter");
  await until(async () => !(await page.textIn(PROMPT)).includes("/repair"), "the page does not take the command");
}
