import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ModelServer } from "../host/model-server.ts";
import type { RealStore } from "../host/stored-fixture.ts";
import { lastWordsOf } from "./shown-sessions.ts";
import { openTerminalUI, type TerminalUI } from "./terminal-ui.ts";

const DEAD = /fatal error|has been copied|undefined is not|null is not|is not a function|Something went wrong/;

/** One terminal UI that opens many sessions in turn; a new one after each that ended it. */
export class ScreenReader {
  readonly #store: RealStore;
  readonly #model: ModelServer;
  #running: { readonly ui: TerminalUI; readonly url: string } | null = null;
  #last = "";

  constructor(store: RealStore, model: ModelServer) {
    this.#store = store;
    this.#model = model;
  }

  /** What the screen shows of a session of `writeSessions`. */
  async open(sessionID: string, id: string): Promise<"shown" | "ended" | "nothing"> {
    const result = (await this.#select(sessionID, id)) ?? (await this.#start(sessionID, id));
    if (result !== "shown") this.close();
    return result;
  }

  /** The words on the last screen that showed no session. */
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

  /** `null`: no UI is running, or it cannot be told to open a session (before 1.1). */
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
    // What is printed last may end it after the first text is there.
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
