import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { emptyPart } from "./damage-part.ts";
import { opensSubagentAfterYes } from "./shared-cases.ts";
import { openSession, typeInPrompt } from "./steps.ts";
import { openTerminalUI } from "./terminal-ui.ts";

/** A copy of the package in a folder whose path does not contain the package's name. */
let clone: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "a-clone-"));
  clone = join(folder, "mending");
  await cp(dirname(await builtPackage()), clone, { recursive: true });
});

afterAll(async () => {
  await rm(dirname(clone), { recursive: true, force: true });
  await removeHomes();
});

test.skipIf(lacks("tmux"))(
  "opencode 1.18.33 with a clone of this package: preload \"check\" in opencode.json holds for the terminal half too, also for a subagent's session that opencode is told to open at its start, and the permission prompt of the agent's tool shows what would be changed",
  async () => {
    const store = await realStore("1.18.33");
    const model = startModelServer();
    emptyPart(store, store.sessions.child);
    const ui = await openTerminalUI({
      home: store.home,
      model,
      args: ["-s", store.sessions.child.id],
      config: { plugin: [[join(clone, "dist", "server.js"), { preload: "check" }]] },
      terminalPlugins: [join(clone, "dist", "tui.js")],
    });
    try {
      await opensSubagentAfterYes(ui);
      expect(model.calls).toBe(0);
      const before = await runIDs(store.dataDir);
      expect(before).toHaveLength(1);

      emptyPart(store, store.sessions.plain);
      await openSession(ui, "A plain session");
      await ui.waitFor("This session cannot be opened");
      expect(await runIDs(store.dataDir)).toEqual(before);
      await ui.press("Escape");
      await ui.waitFor("Nothing was changed.");

      model.script({ tool: "session_repair", input: { action: "repair" } }, { text: "As you wish." });
      await typeInPrompt(ui, "Please repair my sessions.");
      await ui.press("Enter");
      await ui.waitFor(/session_repair: (recover|set) 1 record/);
      expect(await runIDs(store.dataDir)).toEqual(before);
    } finally {
      ui.close();
      await model.stop();
      await store.home.remove();
    }
  },
);

/** The ids of the runs that have changed a store so far. */
async function runIDs(dataDir: string): Promise<string[]> {
  const runs = await storedRuns(nodeFileSystem, dataDir);
  return [...new Set(runs.map((run) => (run.ok ? run.manifest.runID : run.problem)))].sort();
}
