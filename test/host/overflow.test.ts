import { expect, test } from "bun:test";
import { readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_SETTINGS } from "../../plugin/configuration/options.ts";
import { HostActivity } from "../../plugin/opencode/pacing.ts";
import { followStores } from "../../plugin/opencode/start-check.ts";
import { ValidatedMemory } from "../../plugin/opencode/validated-memory.ts";
import type { Watch } from "../../plugin/opencode/watch-database.ts";
import { FolderWatch } from "../../plugin/opencode/watch-folders.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { located } from "../stores/store-under-test.ts";

const OVERFLOWS = 3;

/** An array that calls `count` at the beginning and the end of each loop over it. */
function watched<T>(values: T[], count: (change: 1 | -1) => void): T[] {
  const iterate = function* () {
    count(1);
    try {
      for (let index = 0; index < values.length; index += 1) yield values[index] as T;
    } finally {
      count(-1);
    }
  };
  return Object.defineProperty([...values], Symbol.iterator, { value: iterate });
}

test.skipIf(process.platform !== "linux")(
  "however often the system loses changes, one patrol looks at the sessions, and at what was damaged meanwhile",
  async () => {
    const sessions = ["a", "b", "c", "d", "e", "f"].map((name) => sessionContent(name, "prj_one", 1, 1));
    const store = createJsonStore({ projects: ["prj_one"], sessions });
    try {
      const where = await located(nodeFileSystem, store.dataDir);
      const [followed] = followStores(await openStores(nodeFileSystem, where, "beside-host"));
      if (followed === undefined) throw new Error("the store cannot be opened");
      let [asked, patrols, most] = [0, 0, 0];
      const all = followed.opened.store.sessions.bind(followed.opened.store);
      followed.opened.store.sessions = async (projectID) => {
        asked += 1;
        return watched(await all(projectID), (change) => {
          patrols += change;
          most = Math.max(most, patrols);
        });
      };
      const found = new Set<string | null>();
      const memory = new ValidatedMemory(store.dataDir, null);
      const watch: Watch = {
        input: {
          ...{ files: nodeFileSystem, located: where, settings: DEFAULT_SETTINGS, projectID: null, hostVersion: null },
          memory,
        },
        activity: new HostActivity(),
        pause: async () => undefined,
        found: async (findings) => {
          for (const { recordID } of findings) found.add(recordID);
          return findings;
        },
      };
      await FolderWatch.begin(watch, followed);
      most = 0;
      const limit = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"));
      const paths = ["a", "b"].map((name) => join(store.dataDir, `storage/message/ses_${name}/msg_${name}1.json`));
      for (let overflow = 0; overflow < OVERFLOWS; overflow += 1) {
        const before = asked;
        // The system merges two equal events in a row, so the events alternate between two files. The loop is
        // synchronous, so nobody takes events out of the queue until it is full.
        for (let event = 0; event <= limit; event += 1) utimesSync(paths[event % 2] ?? "", 1e9 + event, 1e9 + event);
        if (overflow === 0) store.overwrite(store.locatorOf("part", "prt_d1_1"), Buffer.alloc(0));
        while (asked < before + 1) await Bun.sleep(10);
      }
      while (!found.has("prt_d1_1")) await Bun.sleep(10);
      expect(most).toBe(1);
    } finally {
      store.remove();
    }
  },
);
