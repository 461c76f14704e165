import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { builtPackage } from "../package/built.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import type { HostVersion } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { pluginLogLines, waitForPluginLog } from "./host-log.ts";
import { startModelServer } from "./model-server.ts";
import { startHost } from "./running-host.ts";
import { realStore } from "./stored-fixture.ts";

/** The first version that loads a plugin by its path, and the newest. 1.14.41 loads plugins like the newest. */
const VERSIONS: readonly HostVersion[] = ["1.1.65", ...(IS_WHOLE ? (["1.14.41"] as const) : []), "1.18.33"];

let built: string;

beforeAll(async () => {
  built = await builtPackage();
});

afterAll(removeHomes);

describe("the package loaded twice: one instance acts, the other keeps quiet", () => {
  test.each(VERSIONS)("%s: by its path and by another copy's", async (version) => {
    const store = await realStore(version);
    const model = startModelServer();
    const copy = join(store.home.root, "copy");
    await cp(dirname(built), copy, { recursive: true });
    await mkdir(join(store.home.root, "links"));
    await symlink(copy, join(store.home.root, "links", "linked"));
    emptyPart(store, store.sessions.plain);
    const plugins = [built, join(store.home.root, "links", "linked", "dist")].map((dist) => `file://${dist}/server.js`);
    const host = await startHost({ home: store.home, model, plugins });
    try {
      expect((await host.get("/session")).status).toBe(200);
      expect((await host.get(`/session/${store.sessions.plain.id}/message`)).status).toBe(200);
      await waitForPluginLog(store.home, 0, store.sessions.plain.id);
      // The plugin must also handle a later boot of the same directory in the same process.
      emptyPart(store, store.sessions.compacted);
      await host.post("/instance/dispose");
      expect((await host.get("/session")).status).toBe(200);
      expect((await host.get(`/session/${store.sessions.compacted.id}/message`)).status).toBe(200);
      await waitForPluginLog(store.home, 1, store.sessions.compacted.id);
      for (const { id } of [store.sessions.plain, store.sessions.compacted]) {
        expect((await pluginLogLines(store.home)).filter((line) => line.includes(id))).toHaveLength(1);
      }
      const commands = (await host.get("/command")).body as { readonly name: string }[];
      expect(commands.filter(({ name }) => name === "repair")).toHaveLength(1);
    } finally {
      await host.stop();
      await model.stop();
      await store.home.remove();
    }
  });
});
