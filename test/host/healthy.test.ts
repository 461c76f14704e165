import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { IS_WHOLE } from "../process/whole.ts";
import { HEALTHY_HOSTS, type HostVersion, isJsonHost } from "./binary.ts";
import { HEALTHY_FILES } from "./healthy-files.ts";
import { HEALTHY_ROWS, type HealthyRows, Rows } from "./healthy-rows.ts";
import { removeHomes } from "./home.ts";
import { hostVerdict } from "./load-path.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { blockingOf, type Tool, toolFor } from "./tool.ts";

afterAll(removeHomes);

/** More chains of upgrades, which are only tried in `npm run test:whole`. */
const OTHER_UPGRADES: readonly Upgrade[] = [
  { through: ["1.1.65", "1.2.27", "1.18.33"], loads: true },
  { through: ["1.2.27", "1.14.41", "1.17.18", "1.18.33"], loads: true },
];

// 1.17.18 has the rules of 1.18.33. healthy-variations.test.ts checks the store that 1.15.13 wrote.
for (const version of HEALTHY_HOSTS.filter((each) => IS_WHOLE || !["1.15.13", "1.17.18"].includes(each))) {
  describe(`opencode ${version}`, () => {
    let store: RealStore;
    let host: RunningHost;
    let tool: Tool;

    beforeAll(async () => {
      store = await realStore(version);
      host = await startHost({ home: store.home });
      await host.get("/session");
      tool = await toolFor(store.dataDir);
    });

    afterAll(async () => {
      await host?.stop();
      await store?.home.remove();
    });

    test("what it wrote itself", async () => {
      expect((await hostVerdict(host, store.sessionIDs)).healthy).toBe(true);
      expect(await tool.check()).toMatchObject({ findings: [], verdict: "healthy" });
    });

    for (const { name, change } of rowsFor(version)) {
      test(name, async () => {
        using rows = new Rows(store);
        change(rows);
        await bothSayHealthy(host, rows.changedSessions(), tool);
      });
    }

    for (const { name, change } of isJsonHost(version) ? HEALTHY_FILES : []) {
      test(name, async () => {
        const undo = await change(store);
        try {
          // In a JSON store, only files of this session are changed.
          await bothSayHealthy(host, [store.sessions.plain.id], tool);
        } finally {
          await undo();
        }
      });
    }
  });
}

/**
 * The rows that are tried on a version. 1.18.33 checks records against a schema, so it gets all rows. 1.2.27 and
 * 1.14.41 only require valid JSON, so each gets another quarter of the rows.
 */
function rowsFor(version: HostVersion): readonly HealthyRows[] {
  const loaded = isJsonHost(version) ? [] : HEALTHY_ROWS.filter(({ isLoadedBy }) => isLoadedBy(version));
  if (IS_WHOLE || version === "1.18.33") return loaded;
  const turn = ["1.2.27", "1.14.41"].indexOf(version);
  return loaded.filter((_, index) => index % 4 === turn);
}

interface Upgrade {
  readonly through: readonly [HostVersion, ...HostVersion[]];
  /** Whether the last version can still load what the first version wrote. */
  readonly loads: boolean;
}

/** Chains of versions that open the same store, one after the other. */
const UPGRADES: readonly Upgrade[] = [
  { through: ["1.1.65", "1.14.41", "1.18.33"], loads: true },
  ...(IS_WHOLE ? OTHER_UPGRADES : []),
  // The messages of 1.0.152 name no agent, so every version from 1.17 on refuses them.
  { through: ["1.0.152", ...(IS_WHOLE ? (["1.1.65"] as const) : []), "1.2.27", "1.18.33"], loads: false },
];

describe("upgraded", () => {
  for (const { through, loads } of UPGRADES) {
    test(through.join(" → "), async () => {
      const [first, ...others] = through;
      const store = await realStore(first);
      const tool = await toolFor(store.dataDir);
      for (const version of others) {
        const host = await startHost({ home: store.home, version });
        try {
          const verdict = await hostVerdict(host, store.sessionIDs);
          const failing = verdict.sessions.filter((session) => !session.loads).map(({ id }) => id);
          if (loads || version !== others.at(-1)) expect({ version, failing }).toEqual({ version, failing: [] });
          else expect(failing.length).toBeGreaterThan(0);
          expect({ version, blocked: await blockedSessions(tool) }).toEqual({ version, blocked: failing.sort() });
        } finally {
          await host.stop();
        }
      }
      await store.home.remove();
    });
  }
});

/** The sessions that, as the check says, the last opencode of this database cannot load. */
async function blockedSessions(tool: Tool): Promise<readonly (string | null)[]> {
  return [...new Set(blockingOf(await tool.check()).map((finding) => finding.sessionID))].sort();
}

/**
 * Checks that opencode answers 200 to all requests about these sessions, and that the check finds nothing that opencode
 * cannot load.
 */
async function bothSayHealthy(host: RunningHost, sessionIDs: readonly string[], tool: Tool): Promise<void> {
  const { list, sessions } = await hostVerdict(host, sessionIDs);
  const failing = sessions.flatMap(({ info, messages, todo, diff }) =>
    [list, info, messages, todo, diff].filter((answer) => answer.status !== 200),
  );
  expect({ failing, blocking: blockingOf(await tool.check()) }).toEqual({ failing: [], blocking: [] });
}
