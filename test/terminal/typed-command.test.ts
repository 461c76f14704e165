import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import type { HostVersion } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { emptyPart } from "./damage-part.ts";
import { closeBy, openSession, untilReady } from "./steps.ts";
import { openTerminalUI, type TerminalUI } from "./terminal-ui.ts";

let built: string;

beforeAll(async () => {
  built = `file://${await builtPackage()}`;
});

afterAll(removeHomes);

/**
 * A form, typed and sent at once, and what the dialog says of it. A busy terminal UI takes the keys later; 1.14.41 drops a
 * command whose first space comes together with what follows it, with or without this package.
 */
async function typeForm(ui: TerminalUI, version: HostVersion, words: string, expected: string | RegExp): Promise<void> {
  ui.type("/repair ");
  if (version === "1.14.41") await ui.waitFor(/┃ +\/repair/);
  ui.type(words);
  ui.send("Enter");
  await ui.waitFor(expected);
}

async function undoableRuns({ dataDir }: RealStore): Promise<readonly string[]> {
  const runs = await storedRuns(nodeFileSystem, dataDir);
  return runs.flatMap((run) => (run.ok && run.manifest.state === "done" ? [run.manifest.runID] : []));
}

describe.skipIf(lacks("tmux"))(
  "every form of /repair that is typed with words is carried out in the terminal UI, without a model call",
  () => {
    test.each<[HostVersion, string, { readonly server: boolean }]>([
      ["1.18.33", "both halves", { server: true }],
      ["1.18.33", "the terminal half alone", { server: false }],
      ["1.17.18", "both halves", { server: true }],
      ["1.14.41", "both halves", { server: true }],
    ])("%s, %s", async (version, _name, { server }) => {
      const store = await realStore(version);
      const model = startModelServer();
      await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify({ preload: "check" }));
      const { plain } = store.sessions;
      emptyPart(store, plain);
      const ui = await openTerminalUI({
        home: store.home,
        model,
        plugins: server ? [`${built}/server.js`] : [],
        terminalPlugins: [`${built}/tui.js`],
      });
      const typed = (words: string, expected: string | RegExp) => typeForm(ui, version, words, expected);
      try {
        await untilReady(ui);
        await typed("check", "Session repair: 1 record that opencode cannot load");
        await closeBy(ui, "Escape", "1 record that opencode");
        await typed(`check ${plain.id}`, "1 record of the session");
        await closeBy(ui, "Escape", "1 record of the session");
        await typed("undo", "There is nothing to undo.");
        await closeBy(ui, "Escape", "There is nothing to undo");
        await typed("help", "/repair opens sessions");
        await closeBy(ui, "Escape", "/repair opens sessions");

        await typed(plain.id, /(Recover 1 record|Quarantine 1 record)\?/);
        expect(await undoableRuns(store)).toEqual([]);
        await ui.press("Enter");
        await ui.waitFor(/1 record (recovered|quarantined)\./);
        await ui.press("Enter");
        await ui.waitFor(/^(?![\s\S]*The originals are in)/);

        await openSession(ui, "A compacted session");
        await ui.waitFor("A summary in a few words");
        await typed("runs", "Session repair: 1 run in quarantine");
        await closeBy(ui, "Escape", "1 run in quarantine");
        const [run = ""] = await undoableRuns(store);
        await typed(`undo ${run}`, "Undo this run?");
        await ui.press("Enter");
        await ui.waitFor("1 record restored where it was");
        expect(await undoableRuns(store)).toEqual([]);
        await ui.press("Enter");
        await ui.waitFor(/^(?![\s\S]*restored where it was)/);

        await typed("what is not a form", "/repair opens sessions");
        await closeBy(ui, "Escape", "/repair opens sessions");
        // Not understood: what was typed is still there.
        expect(ui.screen()).toContain("/repair what is not a form");
        expect(model.log).toEqual([]);
      } finally {
        ui.close();
        await model.stop();
        await store.home.remove();
      }
    });
  },
);
