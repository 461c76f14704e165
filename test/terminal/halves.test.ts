import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HostVersion } from "../host/binary.ts";
import { realStore } from "../host/stored-fixture.ts";
import { lacks } from "../process/lacks.ts";
import { emptyPart } from "./damage-part.ts";
import { offers } from "./steps.ts";
import { type Halves, setOptions, Workshop } from "./workshop.ts";

let shop: Workshop;

beforeAll(async () => {
  shop = await Workshop.open();
});

afterAll(() => shop.close());

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
      const ui = await shop.ready(store, halves);
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
        expect(shop.model.calls).toBe(0);
      } finally {
        ui.close();
        await store.home.remove();
      }
    });
  },
);

describe.skipIf(lacks("tmux"))("the terminal UI of 1.14.41", () => {
  test("the terminal half repairs a session that was damaged while opencode runs as it is opened", () =>
    shop.repairsWhileOpencodeRuns("1.14.41", { terminal: true }));
});

describe.skipIf(lacks("tmux"))("a terminal UI without terminal plugins (1.1.65)", () => {
  test("/repair does the job, without a model call", async () => {
    const store = await realStore("1.1.65");
    await setOptions(store, { preload: "off" });
    const ui = await shop.ready(store, { server: true });
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
      expect(shop.model.calls).toBe(0);
    } finally {
      ui.close();
      await store.home.remove();
    }
  });
});
