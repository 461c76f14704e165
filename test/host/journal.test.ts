import { afterAll, expect, test } from "bun:test";
import type { HostVersion } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

afterAll(removeHomes);

/** The statuses of opencode's answers after a start. `null` if opencode does not start. */
async function answers({ home, sessions }: RealStore): Promise<readonly number[] | null> {
  const host: RunningHost | null = await startHost({ home }).catch(() => null);
  if (host === null) return null;
  try {
    const paths = ["/session", `/session/${sessions.conversation.id}`, `/session/${sessions.conversation.id}/message`];
    return await Promise.all(paths.map(async (path) => (await host.get(path)).status));
  } finally {
    await host.stop();
  }
}

/** Journals have three forms. Most versions use this one. test/hosts/journal.test.ts tests all forms. */
const CASES: readonly (readonly [version: HostVersion, damage: string])[] = [
  ["1.14.41", "delete from __drizzle_migrations"],
];

for (const [version, damage] of CASES) {
  test(`${version} opens its sessions again after \`${damage}\` was repaired`, async () => {
    const store = await realStore(version);
    try {
      const database = openDatabase(store);
      database.run(damage);
      database.close();
      const broken = await answers(store);
      expect(broken?.includes(500) ?? true).toBe(true);
      const tool = await toolFor(store.dataDir);
      const { items } = await tool.repair();
      expect(items.map(({ action, kind }) => [action, kind])).toEqual([["recovered", "table"]]);
      expect(await answers(store)).toEqual([200, 200, 200]);
      expect((await tool.check()).findings.map(({ code }) => code)).not.toContain("migration-unrecorded");
    } finally {
      await store.home.remove();
    }
  }, 300_000);
}
