import type { HostVersion } from "../host/binary.ts";
import type { ModelServer } from "../host/model-server.ts";
import { restoreStore } from "../host/restored-store.ts";
import { PATIENT, type RealStore, realStore } from "../host/stored-fixture.ts";
import { untilReady } from "./steps.ts";
import type { TerminalUI } from "./terminal-ui.ts";
import { type Halves, setOptions, type Workshop } from "./workshop.ts";

/** What one case works with: the store is as the host of its version wrote it, no dialog is open, the prompt is empty. */
export interface UICase {
  readonly store: RealStore;
  readonly ui: TerminalUI;
  readonly model: ModelServer;
}

export interface UISettings {
  readonly version: HostVersion;
  readonly halves: Halves;
  /** Options of the plugin. */
  readonly options?: object;
}

interface Start {
  /** What is done to the store before the start. */
  damage(store: RealStore): void;
  /** Arguments of the opencode command. */
  args?(store: RealStore): readonly string[];
}

/**
 * One terminal UI that serves many cases, one after the other: a start costs ten times what a case does. It never fetches a
 * session twice: each case opens another one. A case that ends well leaves no dialog and an empty prompt; after any other
 * the next one gets a new UI.
 */
export class UIForCases {
  readonly #shop: () => Workshop;
  readonly #settings: UISettings;
  #running: Omit<UICase, "model"> | null = null;

  constructor(shop: () => Workshop, settings: UISettings) {
    this.#shop = shop;
    this.#settings = settings;
  }

  /** A case for which any UI will do. */
  async run(work: (each: UICase) => Promise<void>): Promise<void> {
    if (this.#running !== null) {
      const { store, ui } = this.#running;
      await restoreStore(store);
      // A notice of the case before is none of this one.
      await ui.waitFor(/^(?![\s\S]*damaged record)/);
      return this.#judge(work, { store, ui });
    }
    const started = await this.#start();
    await untilReady(started.ui);
    await this.#judge(work, started);
  }

  /** A case that is about the start; those after it go on with its UI. */
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
