import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ModelServer } from "../host/model-server.ts";
import type { RealStore } from "../host/stored-fixture.ts";
import { lastWordsOf } from "./shown-sessions.ts";
import { openTerminalUI, type TerminalUI } from "./terminal-ui.ts";

const DEAD = /fatal error|has been copied|undefined is not|null is not|is not a function|Something went wrong/;

/**
 * A terminal UI that opens many sessions one after the other. If a session ends the UI, the next session gets a new UI.
 */
export class ScreenReader {
  readonly #store: RealStore;
  readonly #model: ModelServer;
  #running: { readonly ui: TerminalUI; readonly url: string } | null = null;
  #last = "";

  constructor(store: RealStore, model: ModelServer) {
    this.#store = store;
    this.#model = model;
  }

  /** Opens a session of `writeSessions`, and says what happened on the screen. */
  async open(sessionID: string, id: string): Promise<"shown" | "ended" | "nothing"> {
    const result = (await this.#select(sessionID, id)) ?? (await this.#start(sessionID, id));
    if (result !== "shown") this.close();
    return result;
  }

  /** The error text on the last screen that did not show its session. */
  lastWords(): string {
    const lines = this.#last.split("\n").map((line) => line.trim());
    return (
      lines
        .filter((line) => /TypeError|must be|is not|Error:/.test(line))
        .slice(0, 1)
        .join("") || "nothing on it"
    );
  }

  close(): void {
    this.#running?.ui.close();
    this.#running = null;
  }

  /** Returns `null` if no UI is running, or if the UI cannot be told to open a session (before 1.1). */
  async #select(sessionID: string, id: string): Promise<"shown" | "ended" | "nothing" | null> {
    if (this.#running === null || Bun.semver.order(this.#store.home.version, "1.1.0") < 0) return null;
    const { ui, url } = this.#running;
    const answer = await fetch(`${url}/tui/select-session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sessionID }),
      signal: AbortSignal.timeout(10_000),
    }).catch(() => null);
    if (answer?.ok !== true) {
      this.close();
      return null;
    }
    return this.#read(ui, id);
  }

  async #start(sessionID: string, id: string): Promise<"shown" | "ended" | "nothing"> {
    this.close();
    const port = await freePort();
    const { home } = this.#store;
    const args = ["--session", sessionID, "--port", String(port)];
    const ui = await openTerminalUI({ home, model: this.#model, args, columns: 130, rows: 60 });
    this.#running = { ui, url: `http://127.0.0.1:${port}` };
    return this.#read(ui, id);
  }

  async #read(ui: TerminalUI, id: string): Promise<"shown" | "ended" | "nothing"> {
    const words = lastWordsOf(id);
    const isOver = (screen: string) => DEAD.test(screen) || screen.includes(words);
    for (let tries = 0; tries < 3000 && !isOver(ui.screen()); tries += 1) await sleep(40);
    // The last part to be printed may end the UI after the first text has appeared.
    if (ui.screen().includes(words)) await sleep(400);
    this.#last = ui.screen();
    if (DEAD.test(this.#last)) return "ended";
    return this.#last.includes(words) ? "shown" : "nothing";
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject()));
    });
  });
}
