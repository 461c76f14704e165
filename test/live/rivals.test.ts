import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { runCli } from "../command-line/cli-process.ts";
import { type HostVersion, isJsonHost } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { type RunningHost, startHost } from "../host/running-host.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { trustedManifest } from "../host/tool.ts";
import { Random } from "../oracle/random.ts";
import { builtPackage } from "../package/built.ts";
import { until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { type Victims, victimsIn } from "./victims.ts";

afterAll(removeHomes);

/** How many parts are damaged. With so many parts, repairs that start together overlap. */
const MANY = 60;

/** How often the host is killed. Each kill costs a start of opencode. */
const KILLS = IS_WHOLE ? 2 : 1;

interface Arena {
  readonly store: RealStore;
  readonly victims: Victims;
  readonly plugins: string[];
  readonly entry: string;
}

async function arena(version: HostVersion): Promise<Arena> {
  const store = await realStore(version);
  const dist = await builtPackage();
  const victims = victimsIn(store);
  victims.damageMany(new Random(1), MANY);
  victims.close();
  const plugins = [pathToFileURL(join(dist, "server.js")).href];
  return { store, victims, plugins, entry: join(dist, "cli.js") };
}

/** The ids of the repaired records. A record appears once for each manifest item that repaired it. */
async function mendedRecords(store: RealStore): Promise<string[]> {
  const mended: string[] = [];
  for (const run of await storedRuns(nodeFileSystem, store.dataDir)) {
    if (!run.ok) throw new Error(run.problem);
    expect(run.manifest.state).not.toBe("planned");
    await trustedManifest(join(run.folder, "manifest.json"));
    for (const item of run.manifest.items) if (item.state === "done") mended.push(item.recordID ?? "");
  }
  return mended.sort();
}

async function opensEverything(host: RunningHost, { store }: Arena): Promise<void> {
  for (const id of store.sessionIDs) expect([id, (await host.get(`/session/${id}/message`)).status]).toEqual([id, 200]);
}

describe.each(["1.1.65", "1.18.33"] as const)("opencode %s", (version) => {
  test("two of them and two command lines meet damage at once: each record is repaired once, who comes late says so", async () => {
    const met = await arena(version);
    const { store, victims, plugins, entry } = met;
    const repair = () => runCli(["repair", "--yes", "--data-dir", store.dataDir], { entry });
    const hosts = await Promise.all([
      startHost({ home: store.home, plugins }),
      startHost({ home: store.home, plugins }),
    ]);
    try {
      const [first, second] = await Promise.all([repair(), repair(), ...hosts.map((host) => host.get("/session"))]);
      for (const { code, stderr, stdout } of [first, second]) {
        expect([0, 1, 3]).toContain(code ?? -1);
        if (code === 3)
          expect(stderr + stdout).toMatch(/Another repair holds the lock|changed after it was checked|no longer there/);
      }
      // A repair that was refused because of another repair must succeed later.
      let last = await repair();
      const isDone = async () => {
        if (last.code === 3) last = await repair();
        return last.code !== 3;
      };
      await until(isDone, "somebody else holds the lock for ever");
      expect(last).toMatchObject({ code: 0 });
      expect(await mendedRecords(store)).toEqual([...victims.damaged].sort());
      for (const host of hosts) await opensEverything(host, met);
      await until(() => !existsSync(join(store.dataDir, "quarantine", ".lock")), "the lock is never released");
    } finally {
      await Promise.all(hosts.map((host) => host.stop()));
      await store.home.remove();
    }
  });

  // In a database, SQLite rolls back what a killed process began. With files, a kill can leave one file in its place
  // and the next one not.
  if (!IS_WHOLE && !isJsonHost(version)) return;

  test("killed while it repairs at its start: what it began is ended by the next, and can be undone", async () => {
    const met = await arena(version);
    const { store, victims, plugins, entry } = met;
    const random = new Random(isJsonHost(version) ? 11 : 18);
    try {
      for (let round = 0; round < KILLS; round += 1) {
        const host = await startHost({ home: store.home, plugins });
        const asked = host.get("/session").catch(() => null);
        const lock = join(store.dataDir, "quarantine", ".lock");
        let isAnswered = false;
        void asked.then(() => {
          isAnswered = true;
        });
        await until(() => existsSync(lock) || isAnswered, "the host neither repairs nor answers", 1);
        await Bun.sleep(random.below(60));
        await host.kill();
        await asked;
      }
      expect((await runCli(["repair", "--yes", "--data-dir", store.dataDir], { entry })).code).toBe(0);
      expect(await mendedRecords(store)).toEqual([...victims.damaged].sort());
      const host = await startHost({ home: store.home });
      await opensEverything(host, met);
      await host.stop();
      const runIDs = new Set(
        (await storedRuns(nodeFileSystem, store.dataDir)).flatMap((run) => (run.ok ? run.manifest.runID : [])),
      );
      for (const runID of runIDs) {
        expect((await runCli(["restore", runID, "--yes", "--data-dir", store.dataDir], { entry })).code).toBe(0);
      }
      expect(await mendedRecords(store)).toEqual([]);
    } finally {
      await store.home.remove();
    }
  });
});
