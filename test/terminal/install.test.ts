import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { removeHomes } from "../host/home.ts";
import { type ModelServer, startModelServer } from "../host/model-server.ts";
import { runHost, startHost } from "../host/running-host.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { packedPackage, REPOSITORY } from "../package/packed.ts";
import { type LoopbackRegistry, startRegistry } from "../package/registry.ts";
import { lacks } from "../process/lacks.ts";
import { until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { emptyPart } from "./damage-part.ts";
import { closeBy, offers, openRepairDialog, openSession, typeInPrompt, untilReady } from "./steps.ts";
import { startTerminalUI } from "./terminal-ui.ts";

let registry: LoopbackRegistry;
let model: ModelServer;

beforeAll(async () => {
  registry = await startRegistry();
  model = startModelServer();
});

afterAll(async () => {
  await registry.stop();
  await model.stop();
  await removeHomes();
});

describe.skipIf(lacks("tmux"))("opencode plugin … --global, as users install it on 1.18.33", () => {
  test("by name and version, from a registry: both halves load, and there is one /repair", async () =>
    installAndUse(await nameAndVersion(), useInTerminal));

  // The registry in the test above serves the same tarball. Only the way to the tarball differs.
  test.skipIf(!IS_WHOLE)("the packed tarball: the server half loads", async () =>
    installAndUse(await tarball(), useOnServer),
  );

  test.skipIf(!IS_WHOLE)("the packed tarball: both halves load, and there is one /repair", async () =>
    installAndUse(await tarball(), useInTerminal),
  );
});

async function tarball(): Promise<string> {
  return `file:${await packedPackage()}`;
}

async function nameAndVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as Record<string, string>;
  return `${manifest.name}@${manifest.version}`;
}

interface Installed {
  readonly store: RealStore;
  readonly env: Readonly<Record<string, string>>;
  readonly specifier: string;
  /** The id of the part that was damaged before. */
  readonly part: string;
}

async function installAndUse(specifier: string, use: (installed: Installed) => Promise<void>): Promise<void> {
  const store = await realStore("1.18.33");
  const { home } = store;
  const env = { npm_config_registry: registry.url };
  try {
    const part = emptyPart(store, store.sessions.plain);
    const args = ["plugin", specifier, "--global"];
    const installed = await runHost({ home, model, env, args });
    expect(installed).toMatchObject({ code: 0, timedOut: false });
    for (const file of ["opencode.json", "tui.json"]) {
      const config = JSON.parse(await readFile(join(home.configDir, file), "utf8")) as { plugin?: unknown };
      expect({ file, plugins: config.plugin }).toEqual({ file, plugins: [specifier] });
    }
    await use({ store, env, specifier, part });
  } finally {
    await home.remove();
  }
}

async function useOnServer({ store, env, specifier, part }: Installed): Promise<void> {
  const host = await startHost({ home: store.home, model, env, plugins: [specifier] });
  try {
    const { status } = await host.get(`/session/${store.sessions.plain.id}/message`);
    expect(status).toBe(200);
    expect(await serverRuns(store)).toEqual([{ trigger: "preload", records: [part] }]);
  } finally {
    await host.stop();
  }
}

async function useInTerminal({ store, env, part }: Installed): Promise<void> {
  const ui = await startTerminalUI({ home: store.home, env });
  try {
    await untilReady(ui);
    await until(async () => (await serverRuns(store)).length > 0, "the server half has not repaired anything");
    expect(await serverRuns(store)).toEqual([{ trigger: "preload", records: [part] }]);
    await typeInPrompt(ui, "/repair");
    expect(offers(await ui.waitFor("open sessions that will not load"))).toBe(1);
    await closeBy(ui, "Escape", "open sessions that will not load");
    await ui.press("C-u");
    await ui.waitFor("Ask anything");
    const dialog = await openRepairDialog(ui);
    expect(dialog).toContain("sessions can be opened");
    expect(dialog).toMatch(/Undo [\d-]+ [\d:]+: 1 record of 1 session/);
    await closeBy(ui, "Escape", "Session repair:");
    await openSession(ui, "A plain session");
    await ui.waitFor("You are welcome.");
    expect(model.log).toEqual([]);
  } finally {
    ui.close();
  }
}

/** The runs in which the server half quarantined records. */
async function serverRuns({ dataDir }: RealStore): Promise<readonly object[]> {
  return (await storedRuns(nodeFileSystem, dataDir)).map((run) => {
    if (!run.ok) throw new Error(run.problem);
    const { trigger, items } = run.manifest;
    return { trigger, records: items.map(({ recordID }) => recordID) };
  });
}
