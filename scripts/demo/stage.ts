import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual, styleText } from "node:util";
import type { HermeticHome } from "../../test/host/home.ts";
import type { ModelServer } from "../../test/host/model-server.ts";
import { type Answer, type RunningHost, startHost } from "../../test/host/running-host.ts";

const DIST = join(import.meta.dirname, "..", "..", "dist");

/** Is thrown if a step has another result than the demonstration promises. */
export class BrokenPromiseError extends Error {}

export interface Message {
  readonly info: { readonly id: string; readonly role: string };
  readonly parts: readonly { readonly id: string; readonly type: string; readonly text?: string }[];
}

export function heading(text: string): void {
  print(`\n${styleText("bold", text)}\n`);
}

export function tell(text: string): void {
  print(`\n${text}\n`);
}

export function say(text: string): void {
  print(`${text}\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}

/** One opencode in a temporary home folder, and the command line of this tool for the same data. */
export class Stage {
  readonly home: HermeticHome;
  readonly #model: ModelServer;
  #host: RunningHost | null = null;

  constructor(home: HermeticHome, model: ModelServer) {
    this.home = home;
    this.#model = model;
  }

  /** Starts opencode. If it already runs, it is stopped first. */
  async open(withPlugin: boolean): Promise<void> {
    await this.close();
    const plugins = withPlugin ? [pathToFileURL(join(DIST, "server.js")).href] : [];
    const options = join(this.home.configDir, "session-repair.json");
    // The demonstration must not depend on the speed of the machine, so the plugin gets 30 seconds for its check at the
    // start.
    await writeFile(options, JSON.stringify({ budgetMs: 30_000 }));
    this.#host = await startHost({ home: this.home, model: this.#model, plugins });
  }

  async close(): Promise<void> {
    await this.#host?.stop();
    this.#host = null;
  }

  async newSession(title: string): Promise<string> {
    const { status, body } = await this.#running().post("/session", { title });
    if (status !== 200) throw new BrokenPromiseError(`opencode made no session: ${status}`);
    return (body as { id: string }).id;
  }

  /**
   * Sends one question to opencode. Returns the answer of the simulated model; `null` if opencode did not answer in
   * time.
   */
  async turn(sessionID: string, text: string, answer: string, timeoutMs = 60_000): Promise<Answer | null> {
    this.#model.script({ text: answer, chunkDelayMs: 2 });
    const model = { providerID: "loopback", modelID: "scripted" };
    const body = { model, parts: [{ type: "text", text }] };
    const asked = this.#running().request("POST", `/session/${sessionID}/message`, body, timeoutMs);
    return asked.catch(() => null);
  }

  /** The error about a full disk that opencode has printed so far; `null` if there is none. */
  diskComplaint(): string | null {
    return /ENOSPC: [^,\n]*/.exec(this.#running().stderr())?.[0] ?? null;
  }

  /** Asks opencode for the messages of a session, as its own screens do, and prints the answer. */
  async conversation(sessionID: string, expected: 200 | "an error"): Promise<readonly Message[]> {
    const path = `/session/${sessionID}/message`;
    const { status, body } = await this.#running().get(path);
    const messages = status === 200 ? (body as readonly Message[]) : [];
    print(`  opencode: GET ${path}\n  ${status === 200 ? good(messages) : bad(status, body)}\n`);
    if (expected === 200 ? status !== 200 : status < 400) {
      throw new BrokenPromiseError(`opencode answered ${status}; ${expected} was expected`);
    }
    return messages;
  }

  /** Runs the built command line on the data of this home folder, and prints its output. */
  async command(expected: number, ...args: readonly string[]): Promise<string> {
    print(`  $ opencode-session-repair ${args.join(" ")}\n`);
    const { code, output } = await runCommand([...args, "--data-dir", this.home.dataDir]);
    const shown = output.replaceAll(this.home.dataDir, "~/.local/share/opencode").trim();
    print(`${shown.replace(/^(?=.)/gm, "    ")}\n    ${styleText("dim", `(exit ${code})`)}\n`);
    if (code !== expected) throw new BrokenPromiseError(`the command ended with ${code}; ${expected} was expected`);
    return output;
  }

  #running(): RunningHost {
    if (this.#host === null) throw new Error("opencode does not run");
    return this.#host;
  }
}

/** Throws if the session is not exactly as it was before the damage. */
export function expectAllThere(before: readonly Message[], now: readonly Message[]): void {
  if (!isDeepStrictEqual(now, before)) throw new BrokenPromiseError("the session is not what it was");
}

export function expectOnlyMissing(before: readonly Message[], now: readonly Message[], recordID: string): void {
  const expected = before
    .filter(({ info }) => info.id !== recordID)
    .map((message) => ({ ...message, parts: message.parts.filter(({ id }) => id !== recordID) }));
  const found = now.filter(({ info }) => expected.some((message) => message.info.id === info.id));
  if (!isDeepStrictEqual(found, expected)) throw new BrokenPromiseError("something else is missing or different");
}

function good(messages: readonly Message[]): string {
  const parts = messages.reduce((sum, message) => sum + message.parts.length, 0);
  return `          ${styleText("green", `200, ${messages.length} messages with ${parts} parts`)}`;
}

function bad(status: number, body: unknown): string {
  const message = (body as { data?: { message?: string } } | null)?.data?.message ?? "";
  return `          ${styleText("red", `${status} ${message}`)}`;
}

function runCommand(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(DIST, "cli.js"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const output: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => output.push(data));
    child.stderr.on("data", (data: Buffer) => output.push(data));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: Buffer.concat(output).toString("utf8") }));
  });
}
