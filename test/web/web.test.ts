import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { runCli } from "../command-line/cli-process.ts";
import type { HostVersion } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { openDatabase } from "../host/record-place.ts";
import { type HostSettings, type RunningHost, startHost } from "../host/running-host.ts";
import { records } from "../host/session-answers.ts";
import type { StoredSession } from "../host/sessions.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { PATIENCE_MS, until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import { openBrowser, textIn, waitForText } from "./browser.ts";

/** The page keeps a stream of events open, so the network never becomes idle. */
const LOADED = { waitUntil: "domcontentloaded", timeout: PATIENCE_MS } as const;

afterAll(removeHomes);

describe.skipIf(lacks("chromium"))("the web page of opencode in Chromium", () => {
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  describe("1.18.33", () => {
    let served: Served;
    let model: ReturnType<typeof startModelServer>;
    beforeAll(async () => {
      model = startModelServer();
      served = await serve("1.18.33", { model, plugins: [`file://${await builtPackage()}/server.js`] });
    });
    afterAll(async () => {
      await served.stop();
      await model.stop();
    });

    test("/repair: the report is on the page, without an error and without a model call", async () => {
      await repairOnThePage(browser.page, served);
      expect(model.log).toEqual([]);
    });

    test("a session that its list does not reach opens at the address that rescue prints", () =>
      openedByAddress(browser.page, served));
  });

  // 1.14.41 and 1.18.33 use the same address for a session.
  test.skipIf(!IS_WHOLE)(
    "1.14.41: a session that its list does not reach opens at the address that rescue prints",
    async () => {
      const served = await serve("1.14.41", {});
      try {
        await openedByAddress(browser.page, served);
      } finally {
        await served.stop();
      }
    },
  );
});

/** A running host and its store. */
interface Served {
  readonly store: RealStore;
  readonly host: RunningHost;
  stop(): Promise<void>;
}

async function serve(version: HostVersion, options: Omit<HostSettings, "home">): Promise<Served> {
  const store = await realStore(version);
  await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify({ preload: "off" }));
  const host = await startHost({ ...options, home: store.home });
  const stop = async () => {
    await host.stop();
    await store.home.remove();
  };
  return { store, host, stop };
}

async function repairOnThePage(page: Page, { store, host }: Served): Promise<void> {
  const { plain, conversation } = store.sessions;
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
}

/** The number of sessions that the page requests for a folder. */
const LISTED = 55;

async function openedByAddress(page: Page, { store, host }: Served): Promise<void> {
  const { id } = store.sessions.plain;
  {
    using database = openDatabase(store);
    const columns = database
      .query<{ name: string }, []>(
        "select name from pragma_table_info('session') where name not in ('id', 'time_updated')",
      )
      .all();
    const others = columns.map(({ name }) => name).join(", ");
    const later = Date.now();
    database.run("update session set time_updated = ? where id = ?", [later, id]);
    const add = database.prepare(
      `insert into session (id, time_updated, ${others}) select ?, ?, ${others} from session where id = ?`,
    );
    for (let index = 1; index <= LISTED; index += 1) add.run(`${id.slice(0, -2)}${index + 10}`, later + index, id);
  }
  const list = `/session?directory=${encodeURIComponent(store.project)}&roots=true&limit=${LISTED}`;
  const listed = await host.request("GET", list);
  expect(records(listed.body).some((session) => session.id === id)).toBe(false);
  const { stdout } = await runCli(["rescue", "--data-dir", store.dataDir]);
  const [printed = ""] = /\/[\w-]+\/session\/ses_\w+/.exec(stdout) ?? [];
  expect(printed).toEndWith(id);
  await page.goto(`${host.url}${printed}`, LOADED);
  await waitForText(page, "You are welcome.");
}

/** The address of the page of one session. */
function address(url: string, { project }: RealStore, { id }: StoredSession): string {
  return `${url}/${Buffer.from(project).toString("base64url")}/session/${id}`;
}

const PROMPT = "[contenteditable=true]";

/** Types a command as a person does. If the page offers `/repair`, it has loaded its commands. */
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
