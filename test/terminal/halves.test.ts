import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { realStore } from "../host/stored-fixture.ts";
import { lacks } from "../process/lacks.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { emptyPart } from "./damage-part.ts";
import { closeBy, offers, typeInPrompt } from "./steps.ts";
import { setOptions, Workshop } from "./workshop.ts";

let shop: Workshop;

beforeAll(async () => {
  shop = await Workshop.open();
});

afterAll(() => shop.close());

// terminal.test.ts and typed-command.test.ts test what the terminal half offers. The test of 1.1.65 below shows that a
// terminal UI offers the command of the server half. test/host/slash-command.test.ts shows that 1.18.33 has this
// command and answers it.
describe.skipIf(lacks("tmux") || !IS_WHOLE)("the terminal UI of 1.18.33 with the server half alone", () => {
  test("exactly one /repair is offered, and it is answered in a session, without a model call", async () => {
    const store = await realStore("1.18.33");
    const ui = await shop.ready(store, { server: true });
    try {
      await typeInPrompt(ui, "/repair");
      const shown = await ui.waitFor("open sessions that will not load");
      expect(offers(shown)).toBe(1);
      await closeBy(ui, "Enter", "open sessions that will not load");
      await ui.press("Enter");
      await ui.waitFor("Nothing to repair: opencode can load every session.");
      expect(shop.model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });
});

describe.skipIf(lacks("tmux"))("a terminal UI without terminal plugins (1.1.65)", () => {
  test("/repair does the job, without a model call", async () => {
    const store = await realStore("1.1.65");
    await setOptions(store, { preload: "off" });
    const ui = await shop.ready(store, { server: true });
    try {
      const part = emptyPart(store, store.sessions.plain);
      await typeInPrompt(ui, "/repair");
      await ui.waitFor("open sessions that will not load");
      await closeBy(ui, "Enter", "open sessions that will not load");
      await ui.press("Enter");
      await ui.waitFor("1 record quarantined.");
      expect(
        existsSync(join(store.dataDir, "storage/part", store.sessions.plain.messages[1]?.id ?? "", `${part}.json`)),
      ).toBe(false);
      expect(shop.model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });
});
