import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { realStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { emptyPart } from "./damage-part.ts";
import { openSession, untilReady } from "./steps.ts";
import { openTerminalUI } from "./terminal-ui.ts";

/** The package in a folder whose path does not hold its name. */
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
  'opencode 1.18.33 with a clone of this package: preload "check" in opencode.json holds for the terminal half too, and the permission prompt of the agent\'s tool shows what would be changed',
  async () => {
    const store = await realStore("1.18.33");
    const model = startModelServer();
    const ui = await openTerminalUI({
      home: store.home,
      model,
      config: { plugin: [[join(clone, "dist", "server.js"), { preload: "check" }]] },
      terminalPlugins: [join(clone, "dist", "tui.js")],
    });
    try {
      await untilReady(ui);
      emptyPart(store, store.sessions.plain);
      await openSession(ui, "A plain session");
      await ui.waitFor("This session cannot be opened");
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
      await ui.press("Escape");
      await ui.waitFor("Nothing was changed.");

      model.script({ tool: "session_repair", input: { action: "repair" } }, { text: "As you wish." });
      ui.type("Please repair my sessions.");
      await ui.waitFor("Please repair my sessions.");
      await ui.press("Enter");
      await ui.waitFor(/session_repair: (recover|set) 1 record/);
      expect(existsSync(join(store.dataDir, "quarantine"))).toBe(false);
    } finally {
      ui.close();
      await model.stop();
      await store.home.remove();
    }
  },
);
