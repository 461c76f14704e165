import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { type ModelServer, startModelServer } from "../host/model-server.ts";
import { openDatabase } from "../host/record-place.ts";
import { storeImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { addDamagedParts, emptyPart } from "./damage-part.ts";
import { addLargeSession } from "./large-session.ts";
import { closeBy, offers, openRepairDialog, openSession, untilReady } from "./steps.ts";
import { openTerminalUI, type TerminalUI } from "./terminal-ui.ts";

/** Columns that opencode itself writes at each boot. */
const BOOT_COLUMNS = ["project.time_updated", "project.time_initialized"];

let model: ModelServer;
let built: string;

beforeAll(async () => {
  model = await startModelServer();
  built = `file://${await builtPackage()}`;
});

afterAll(async () => {
  model.stop();
  await removeHomes();
});

interface Halves {
  readonly server?: boolean;
  readonly terminal?: boolean;
}

function start(store: RealStore, halves: Halves = { server: true, terminal: true }): Promise<TerminalUI> {
  return openTerminalUI({
    home: store.home,
    model,
    plugins: halves.server ? [`${built}/server.js`] : [],
    terminalPlugins: halves.terminal ? [`${built}/tui.js`] : [],
  });
}

async function open(store: RealStore, halves?: Halves): Promise<TerminalUI> {
  const ui = await start(store, halves);
  await untilReady(ui);
  return ui;
}

/** With the server half, damage may be found as it is written; else in the moment in which the session is opened. */
async function mendedWhileOpencodeRuns(version: HostVersion, halves: Halves): Promise<void> {
  const store = await realStore(version);
  const ui = await open(store, halves);
  try {
    emptyPart(store, store.sessions.plain);
    await openSession(ui, "A plain session");
    await ui.waitFor("A single pixel.");
    await ui.waitFor(halves.server ? /1 damaged record of/ : /1 damaged record of this/);
    expect(model.calls).toBe(0);
  } finally {
    ui.close();
    await store.home.remove();
  }
}

async function setOptions(store: RealStore, options: object): Promise<void> {
  await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(options));
}

describe.skipIf(lacks("tmux"))("the terminal UI of 1.18.33", () => {
  test("a session damaged before the start is on the screen at the first try, and the user was told", async () => {
    const store = await realStore("1.18.33");
    emptyPart(store, store.sessions.plain);
    const ui = await start(store);
    try {
      // It is there for some seconds only, which may be over before the screen is ready for keys.
      await ui.waitFor(/1 damaged record of 1\s[\s\S]*session\s[\s\S]*(recovered|quarantined)/);
      await untilReady(ui);
      await openSession(ui, "A plain session");
      await ui.waitFor("A single pixel.");
      await ui.waitFor("You are welcome.");
      expect(model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("a session damaged while opencode runs is on the screen at the first try, and the user was told", () =>
    mendedWhileOpencodeRuns("1.18.33", { server: true, terminal: true }));

  test("so it is with the terminal half alone, which repairs it as it is opened", () =>
    mendedWhileOpencodeRuns("1.18.33", { terminal: true }));

  test('with preload "check" the question comes first; yes shows the session; undo brings every byte back', async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check" });
    const ui = await open(store);
    try {
      emptyPart(store, store.sessions.plain);
      const before = await storeImage(store.dataDir, BOOT_COLUMNS);
      await openSession(ui, "A plain session");
      await ui.waitFor("This session cannot be opened");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
      await ui.press("Enter");
      await ui.waitFor("A single pixel.");
      expect(await storeImage(store.dataDir, BOOT_COLUMNS)).not.toEqual(before);
      await openRepairDialog(ui);
      ui.type("Undo");
      await ui.waitFor(/Undo the run of/);
      await ui.press("Enter");
      await ui.waitFor("Undo this run?");
      await ui.press("Enter");
      await ui.waitFor("1 record restored where it was");
      expect(await storeImage(store.dataDir, BOOT_COLUMNS)).toEqual(before);
      expect(model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("no is respected: nothing is changed, the user is told, and what was on the screen before is there again", async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check" });
    const ui = await open(store);
    try {
      await openSession(ui, "A compacted session");
      await ui.waitFor("A summary in a few words");
      emptyPart(store, store.sessions.plain);
      await openSession(ui, "A plain session");
      await ui.waitFor("This session cannot be opened");
      await ui.press("Escape");
      await ui.waitFor("Nothing was changed.");
      await ui.waitFor("A summary in a few words");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("a subagent's session that opencode is told to open at its start is asked about too, and opens after the yes", async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check", notify: false });
    const { child } = store.sessions;
    emptyPart(store, child);
    const ui = await openTerminalUI({
      home: store.home,
      model,
      terminalPlugins: [`${built}/tui.js`],
      args: ["-s", child.id],
    });
    try {
      await ui.waitFor("This session cannot be opened");
      await ui.press("Enter");
      await ui.waitFor("An answer of its own.");
      expect(model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("a long session on which opencode itself would stop with an error stays closed, and the user is told why", async () => {
    const store = await realStore("1.18.33");
    const id = addLargeSession(store, store.sessions.conversation, "Long", { messages: 150, partsPerMessage: 2 });
    const database = openDatabase(store);
    database.run(
      `update part set data = json_remove(data, '$.text') where id = (select id from part
           where session_id = ? and json_extract(data, '$.type') = 'text' order by id desc limit 1 offset 7)`,
      [id],
    );
    database.close();
    const ui = await open(store, { terminal: true });
    try {
      await openSession(ui, "Long");
      const shown = await ui.waitFor("This session cannot be opened");
      expect(shown).toContain("1 part does not have the shape that opencode demands");
      await ui.press("Enter");
      await ui.waitFor("Ask anything");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });

  test("the dialog repairs what was found, and stays usable with 2,000 findings", async () => {
    const store = await realStore("1.18.33");
    await setOptions(store, { preload: "check" });
    const { plain, conversation, compacted } = store.sessions;
    addDamagedParts(store, [plain, conversation, compacted], 2000);
    const ui = await open(store);
    try {
      const shown = await openRepairDialog(ui);
      expect(shown).toContain("2,000 records that opencode cannot load");
      expect(shown).toContain("All of it: quarantine 2,000 records");
      ui.type("A plain");
      await ui.waitFor(/^(?![\s\S]*A compacted session)[\s\S]*A plain session\s[\s\S]*667 parts: each/);
      await ui.press("Enter");
      await ui.waitFor("Quarantine 667 records?");
      await ui.press("Enter");
      await ui.waitFor("667 records quarantined.");
      await closeBy(ui, "Enter", "The originals are in");
      await openRepairDialog(ui);
      await ui.press("Enter");
      await ui.waitFor("Quarantine 1,333 records?");
      await ui.press("Enter");
      await ui.waitFor("1,333 records quarantined.");
      await closeBy(ui, "Enter", "The originals are in");
      expect(await openRepairDialog(ui)).toContain("sessions can be opened");
      expect(model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });
});

describe.skipIf(lacks("tmux"))(
  "exactly one /repair is offered, and it is the dialog where the terminal half is there",
  () => {
    test.each<[HostVersion, string, Halves]>([
      ["1.18.33", "both halves", { server: true, terminal: true }],
      ["1.18.33", "the server half alone", { server: true }],
      ["1.18.33", "the terminal half alone", { terminal: true }],
      ["1.14.41", "both halves", { server: true, terminal: true }],
    ])("%s, %s", async (version, _name, halves) => {
      const store = await realStore(version);
      const ui = await open(store, halves);
      try {
        ui.type("/repair");
        const shown = await ui.waitFor("open sessions that will not load");
        expect(offers(shown)).toBe(1);
        await ui.press("Enter");
        if (halves.terminal) await ui.waitFor("Session repair: all");
        else {
          await ui.press("Enter");
          await ui.waitFor("Nothing to repair: opencode can load every session.");
        }
        expect(model.calls).toBe(0);
      } finally {
        ui.close();
        await store.home.remove();
      }
    });
  },
);

describe.skipIf(lacks("tmux"))("the terminal UI of 1.14.41", () => {
  test("the terminal half repairs a session that was damaged while opencode runs as it is opened", () =>
    mendedWhileOpencodeRuns("1.14.41", { terminal: true }));
});

describe.skipIf(lacks("tmux"))("a terminal UI without terminal plugins (1.1.65)", () => {
  test("/repair does the job, without a model call", async () => {
    const store = await realStore("1.1.65");
    await setOptions(store, { preload: "off" });
    const ui = await open(store, { server: true });
    try {
      const part = emptyPart(store, store.sessions.plain);
      ui.type("/repair");
      await ui.waitFor("open sessions that will not load");
      await ui.press("Enter");
      await ui.press("Enter");
      await ui.waitFor("1 record quarantined.");
      expect(
        existsSync(join(store.dataDir, "storage/part", store.sessions.plain.messages[1]?.id ?? "", `${part}.json`)),
      ).toBe(false);
      expect(model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });
});
