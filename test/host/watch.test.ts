import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { builtPackage } from "../package/built.ts";
import { ASK_EVERY_MS, until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { HOST_VERSIONS, isJsonHost } from "./binary.ts";
import { DAMAGES } from "./damage.ts";
import { removeHomes } from "./home.ts";
import { filePlace, type RecordPlace, rowPlace } from "./record-place.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import type { SessionName } from "./sessions.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

afterAll(removeHomes);

/**
 * The plugin watches all versions with the same kind of storage in the same way. So one JSON host and one SQLite host
 * are enough. test/host/plugin.test.ts tests more versions.
 */
const VERSIONS = IS_WHOLE ? HOST_VERSIONS : (["1.1.65", "1.18.33"] as const);

/** `npm run bench -- --only damage` measures how long a repair takes. */
describe.each([...VERSIONS])("damage while opencode %s runs", (version) => {
  test.concurrent("is quarantined while it runs, in a session that was loaded and in one that was not", async () => {
    const store = await realStore(version);
    const plugins = [pathToFileURL(join(await builtPackage(), "server.js")).href];
    const host = await startHost({ home: store.home, plugins });
    try {
      expect((await host.get(`/session/${store.sessions.plain.id}/message`)).status).toBe(200);
      // The plugin writes this file when it has checked everything. From then on, only its watch finds new damage.
      const memory = join(store.dataDir, ".session-repair-index.json");
      await until(() => existsSync(memory), "the plugin did not come to an end with its look at everything");
      for (const [name, damage] of [
        ["plain", "zero bytes"],
        ["conversation", "truncated"],
        ["child", "malformed"],
      ] as const) {
        const place = partOf(store, name);
        await place.damage(DAMAGES.find((each) => each.name === damage) ?? failed(`no damage is called ${damage}`));
        const isRepaired = async () => isQuarantined(store, place) && (await statusOf(host, place)) === 200;
        await until(isRepaired, `the session ${name} stays damaged`, ASK_EVERY_MS);
        expect(await statusOf(host, place)).toBe(200);
      }
    } finally {
      await host.stop();
      await store.home.remove();
    }
  });
});

function failed(message: string): never {
  throw new Error(message);
}

function partOf(store: RealStore, name: SessionName): RecordPlace {
  const { id: sessionID, messages } = store.sessions[name];
  const message = messages.findLast((each) => each.parts.length > 0) ?? failed("that session has no part");
  const recordID = message.parts[0]?.id ?? "";
  const identity = { kind: "part" as const, sessionID, recordID };
  return isJsonHost(store.home.version)
    ? filePlace(store, identity, `storage/part/${message.id}/${recordID}.json`)
    : rowPlace(store, identity, "part", "data");
}

function isQuarantined(store: RealStore, { sessionID }: RecordPlace): boolean {
  try {
    return readdirSync(join(store.dataDir, "quarantine", sessionID ?? "")).length > 0;
  } catch {
    return false;
  }
}

async function statusOf(host: RunningHost, { sessionID }: RecordPlace): Promise<number> {
  return (await host.get(`/session/${sessionID}/message`)).status;
}
