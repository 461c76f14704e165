import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "./binary.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { restoreStore } from "./restored-store.ts";
import { modelConfig, type RunningHost, startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

/** What one case works with: the store is as the host of its version wrote it, and the project has just been booted. */
export interface HostCase {
  readonly store: RealStore;
  readonly model: ModelServer;
  readonly host: RunningHost;
}

export interface CaseSettings {
  /** Keys of opencode.json; they win over those of the model. `null`: no model is configured. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** Options of the plugin. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * One host that serves many cases, one after the other: a start costs ten times what a second boot of its project does.
 * Each case has a model of its own. The host is started by the first case, and again if it does not leave the project.
 */
export class HostForCases {
  readonly #version: HostVersion;
  readonly #plugins: readonly string[];
  #store: RealStore | null = null;
  #host: RunningHost | null = null;

  constructor(version: HostVersion, plugins: readonly string[]) {
    this.#version = version;
    this.#plugins = plugins;
  }

  async run<T>(settings: CaseSettings, work: (each: HostCase) => Promise<T>): Promise<T> {
    const model = startModelServer();
    try {
      const { store, host } = await this.#boot(settings, model);
      return await work({ store, model, host });
    } finally {
      await model.stop();
    }
  }

  async end(): Promise<void> {
    await this.#host?.stop();
    await this.#store?.home.remove();
    this.#host = null;
    this.#store = null;
  }

  async #boot({ config, options }: CaseSettings, model: ModelServer) {
    const left = await this.#host?.post("/instance/dispose").catch(() => null);
    if (left?.status !== 200) await this.end();
    const isFirst = this.#store === null;
    const store = this.#store ?? (await realStore(this.#version));
    this.#store = store;
    if (!isFirst) await restoreStore(store);
    // A host keeps the global config in memory; this file it reads again whenever a project boots.
    const ownConfig = join(store.home.root, "config-of-the-case.json");
    const written = config === null ? {} : { ...modelConfig(model.url), ...config };
    await writeFile(ownConfig, JSON.stringify({ ...written, plugin: this.#plugins }));
    await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(options));
    this.#host ??= await startHost({
      home: store.home,
      config: { permission: undefined },
      env: { OPENCODE_CONFIG: ownConfig },
    });
    const host = this.#host;
    const { status } = await host.get("/session");
    if (status !== 200) throw new Error(`the project does not boot: ${status}\n${host.stderr()}`);
    return { store, host };
  }
}
