import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { builtPackage } from "../package/built.ts";
import { JSON_HOSTS } from "./binary.ts";
import { createHome, removeHomes } from "./home.ts";
import { startModelServer } from "./model-server.ts";
import { startHost } from "./running-host.ts";

const KILLS = 4;

afterAll(removeHomes);

/** Names of the record files that do not parse. */
function unreadable(dataDir: string): string[] {
  const storage = join(dataDir, "storage");
  const names = readdirSync(storage, { recursive: true }).map(String);
  return names.filter((name) => {
    if (!name.endsWith(".json")) return false;
    try {
      JSON.parse(readFileSync(join(storage, name), "utf8"));
      return false;
    } catch {
      return true;
    }
  });
}

describe.each([...JSON_HOSTS])("atomic writes on %s", (version) => {
  test("a host that is killed while it streams leaves no torn record, and its sessions open", async () => {
    const home = await createHome(version);
    const model = await startModelServer();
    const plugins = [`file://${await builtPackage()}/server.js`];
    await writeFile(join(home.configDir, "session-repair.json"), JSON.stringify({ preload: "off", notify: false }));
    const text = Array.from({ length: 4000 }, (_, index) => `word ${index}`).join(" ");
    let sessionID = "";
    for (let kill = 0; kill < KILLS; kill += 1) {
      const host = await startHost({ home, model, plugins });
      const created = await host.post("/session", {});
      sessionID = (created.body as { id: string }).id;
      model.script({ text, chunkDelayMs: 1 });
      const turn = host
        .request("POST", `/session/${sessionID}/message`, { parts: [{ type: "text", text: "Tell me." }] })
        .catch(() => null);
      await sleep(400 + Math.random() * 500);
      await host.kill();
      await turn;
      expect(unreadable(home.dataDir)).toEqual([]);
    }
    expect(readdirSync(home.dataDir)).toContain(".session-repair-writes");
    const host = await startHost({ home, model, plugins });
    expect((await host.get(`/session/${sessionID}/message`)).status).toBe(200);
    await host.stop();
    model.stop();
    await home.remove();
  }, 120_000);
});
