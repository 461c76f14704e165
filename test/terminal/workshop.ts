import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeHomes } from "../host/home.ts";
import { type ModelServer, startModelServer } from "../host/model-server.ts";
import type { RealStore } from "../host/stored-fixture.ts";
import { builtPackage } from "../package/built.ts";
import { untilReady } from "./steps.ts";
import { openTerminalUI, type TerminalSettings, type TerminalUI } from "./terminal-ui.ts";

/** The halves of the package that a terminal UI has. */
export interface Halves {
  readonly server?: boolean;
  readonly terminal?: boolean;
}

const BOTH: Halves = { server: true, terminal: true };

/** What all tests of a file share: a model server, and the package as it is published. */
export class Workshop {
  readonly model: ModelServer;
  readonly #built: string;

  private constructor(model: ModelServer, built: string) {
    this.model = model;
    this.#built = built;
  }

  static async open(): Promise<Workshop> {
    return new Workshop(startModelServer(), `file://${await builtPackage()}`);
  }

  async close(): Promise<void> {
    await this.model.stop();
    await removeHomes();
  }

  /** Starts the terminal UI in the home of a store. */
  start(store: RealStore, halves: Halves = BOTH, args: TerminalSettings["args"] = []): Promise<TerminalUI> {
    return openTerminalUI({
      home: store.home,
      model: this.model,
      plugins: halves.server ? [`${this.#built}/server.js`] : [],
      terminalPlugins: halves.terminal ? [`${this.#built}/tui.js`] : [],
      args,
    });
  }

  /** Starts the terminal UI in the home of a store, and waits until it accepts input. */
  async ready(store: RealStore, halves?: Halves): Promise<TerminalUI> {
    const ui = await this.start(store, halves);
    await untilReady(ui);
    return ui;
  }
}

/** Writes the options of the plugin. They replace the patient options of `realStore`. */
export function setOptions(store: RealStore, options: object): Promise<void> {
  return writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(options));
}
