import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../plugin/configuration/options.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { HostActivity } from "../../plugin/opencode/pacing.ts";
import { followStores } from "../../plugin/opencode/start-check.ts";
import { ValidatedMemory } from "../../plugin/opencode/validated-memory.ts";
import { type Watch, watchDatabase } from "../../plugin/opencode/watch-database.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { until } from "../process/until.ts";
import { sampleContent } from "../stores/content.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

/**
 * Watches a database, as after a start whose check failed. `found` gets the findings, and returns those that are still
 * there.
 */
async function watched({
  found,
  pause = async () => undefined,
}: {
  readonly found: (findings: readonly ConfirmedFinding[]) => readonly ConfirmedFinding[];
  readonly pause?: (damage: () => void, told: readonly unknown[]) => Promise<void>;
}) {
  const fixture = await createSqliteStore("1.18.33", sampleContent());
  const database = String(fixture.database);
  const host = new Database(database);
  host.run("pragma journal_mode = wal");
  // The WAL must not be empty. Otherwise the follower cannot see what is added to it.
  host.run("update part set time_updated = time_updated + 1 where id = 'prt_a1_1'");
  const damage = () => host.run("update part set data = '' where id = 'prt_a1_1'");
  const located = { dataDir: fixture.dataDir, json: "none" as const, databases: [database] };
  const memory = new ValidatedMemory(fixture.dataDir, null);
  const [followed] = followStores(await openStores(nodeFileSystem, located, "beside-host"));
  if (followed?.follower === undefined || followed.follower === null) throw new Error("not opened");
  const { follower } = followed;
  const told: (string | null)[][] = [];
  const watch: Watch = {
    input: {
      files: nodeFileSystem,
      located,
      projectID: null,
      settings: DEFAULT_SETTINGS,
      hostVersion: "1.18.33",
      memory,
    },
    activity: new HostActivity(),
    pause: () => pause(damage, told),
    found: async (findings) => {
      told.push(findings.map(({ recordID }) => recordID));
      return found(findings);
    },
  };
  return {
    damage,
    told,
    begin() {
      follower.begin();
      return watchDatabase(watch, followed, follower, null);
    },
    isRemembered: () => memory.database(database) !== null,
    [Symbol.dispose]() {
      followed.opened.store.close();
      host.close();
      fixture.remove();
    },
  };
}

test("after a start that failed everything is looked at: what is healthy is remembered, what is left damaged is not", async () => {
  using damaged = await watched({ found: (findings) => findings });
  using healthy = await watched({ found: (findings) => findings });
  damaged.damage();
  await damaged.begin();
  expect(damaged.told).toEqual([["prt_a1_1"]]);
  await healthy.begin();
  await until(healthy.isRemembered, "what is healthy is not remembered");
  expect([healthy.told, damaged.isRemembered()]).toEqual([[], false]);
});

test("what is repaired while everything is looked at is told once", async () => {
  let pauses = 0;
  using it = await watched({
    // The record was repaired. The check of the whole database may still report it, because it had already read the
    // damaged bytes.
    found: () => [],
    pause: async (damage, told) => {
      pauses += 1;
      if (pauses === 1) damage();
      await until(() => told.length > 0, "what is written is not looked at meanwhile");
    },
  });
  await it.begin();
  expect(pauses).toBeGreaterThan(1);
  expect(it.told).toEqual([["prt_a1_1"]]);
});
