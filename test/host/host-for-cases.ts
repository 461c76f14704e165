import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "./binary.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { restoreStore } from "./restored-store.ts";
import { modelConfig, type RunningHost, startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

/** What a test case gets. The store is as opencode wrote it, and opencode has just started to work in the project. */
export interface HostCase {
  readonly store: RealStore;
  readonly model: ModelServer;
  readonly host: RunningHost;
}

export interface CaseSettings {
  /** Keys of opencode.json, which override those of the model. With `null`, no model is configured. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** The options of the plugin. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * One opencode process that serves many cases, one after the other. A start takes ten times as long as it takes to boot
 * a project again. Each case has its own model. The first case starts the process. If it cannot leave the project after
 * a case, it is started again.
 */
export class HostForCases {
  readonly #version: HostVersion;
  readonly #plugins: readonly string[];
  #store: RealStore | null = null;
  #host: RunningHost | null = null;
  #cases = 0;

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

  async #boot(settings: CaseSettings, model: ModelServer) {
    this.#cases += 1;
    const isLeft = this.#store !== null && (await this.#leave(this.#store, settings, model));
    if (!isLeft) await this.end();
    const store = this.#store ?? (await realStore(this.#version));
    this.#store = store;
    if (isLeft) await restoreStore(store);
    else await this.#configure(store, settings, model);
    this.#host ??= await startHost({
      home: store.home,
      config: { permission: undefined },
      env: { OPENCODE_CONFIG: configOf(store) },
    });
    const host = this.#host;
    const { status } = await host.get("/session");
    if (status !== 200) throw new Error(`the project does not boot: ${status}\n${host.stderr()}`);
    const { body } = await host.get("/config");
    const { username } = body as { username?: string };
    if (username !== this.#name) throw new Error(`${this.#name} has the configuration of ${username}`);
    return { store, host };
  }

  /**
   * Makes opencode leave the project. The config of the next case is written first. While opencode leaves, or ends work
   * of the last case, it may read its config again and keep it. 1.0.152 always does.
   */
  async #leave(store: RealStore, settings: CaseSettings, model: ModelServer): Promise<boolean> {
    await this.#configure(store, settings, model);
    const left = await this.#host?.post("/instance/dispose").catch(() => null);
    return left?.status === 200;
  }

  // Writes the config to a file that opencode reads again at each boot of a project. opencode keeps its global config
  // in memory.
  async #configure(store: RealStore, { config, options }: CaseSettings, model: ModelServer): Promise<void> {
    const written = config === null ? {} : { ...modelConfig(model.url), ...config };
    const own = { ...written, username: this.#name, plugin: this.#plugins };
    await writeFile(configOf(store), JSON.stringify(own));
    await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(options));
  }

  /** A name in the config. It shows to which case the config belongs. */
  get #name(): string {
    return `case ${this.#cases}`;
  }
}

function configOf({ home }: RealStore): string {
  return join(home.root, "config-of-the-case.json");
}
