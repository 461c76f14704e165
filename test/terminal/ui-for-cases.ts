import type { HostVersion } from "../host/binary.ts";
import type { ModelServer } from "../host/model-server.ts";
import { restoreStore } from "../host/restored-store.ts";
import { PATIENT, type RealStore, realStore } from "../host/stored-fixture.ts";
import { untilReady } from "./steps.ts";
import type { TerminalUI } from "./terminal-ui.ts";
import { type Halves, setOptions, type Workshop } from "./workshop.ts";

/** What one case works with. The store is as its host wrote it, no dialog is open, and the prompt is empty. */
export interface UICase {
  readonly store: RealStore;
  readonly ui: TerminalUI;
  readonly model: ModelServer;
}

export interface UISettings {
  readonly version: HostVersion;
  readonly halves: Halves;
  /** The options of the plugin. */
  readonly options?: object;
}

interface Start {
  /** Changes the store before opencode starts. */
  damage(store: RealStore): void;
  /** The arguments of the opencode command. */
  args?(store: RealStore): readonly string[];
}

/**
 * One terminal UI for many cases, one after the other, because a start costs ten times as much as a case. The UI never
 * fetches a session twice, so each case must open another session. A case that passes leaves no dialog and an empty
 * prompt. After a case that fails, the next case gets a new UI.
 */
export class UIForCases {
  readonly #shop: () => Workshop;
  readonly #settings: UISettings;
  #running: Omit<UICase, "model"> | null = null;

  constructor(shop: () => Workshop, settings: UISettings) {
    this.#shop = shop;
    this.#settings = settings;
  }

  /** Runs a case that can use any running UI. */
  async run(work: (each: UICase) => Promise<void>): Promise<void> {
    if (this.#running !== null) {
      const { store, ui } = this.#running;
      await restoreStore(store);
      // Waits until the notice of the previous case is gone.
      await ui.waitFor(/^(?![\s\S]*damaged record)/);
      return this.#judge(work, { store, ui });
    }
    const started = await this.#start();
    await untilReady(started.ui);
    await this.#judge(work, started);
  }

  /** Runs a case about the start of opencode. The following cases use the same UI. */
  async runFromStart(start: Start, work: (each: UICase) => Promise<void>): Promise<void> {
    await this.end();
    await this.#judge(work, await this.#start(start));
  }

  async end(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    running?.ui.close();
    await running?.store.home.remove();
  }

  async #start(start?: Start): Promise<Omit<UICase, "model">> {
    const { version, halves, options } = this.#settings;
    const store = await realStore(version);
    await setOptions(store, { ...PATIENT, ...options });
    start?.damage(store);
    const ui = await this.#shop().start(store, halves, start?.args?.(store));
    this.#running = { store, ui };
    return this.#running;
  }

  async #judge(work: (each: UICase) => Promise<void>, each: Omit<UICase, "model">): Promise<void> {
    try {
      await work({ ...each, model: this.#shop().model });
    } catch (error) {
      await this.end();
      throw error;
    }
  }
}
