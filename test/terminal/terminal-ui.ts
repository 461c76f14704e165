import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type HostVersion, hostBinary } from "../host/binary.ts";
import { configureHost, type HostSettings } from "../host/running-host.ts";
import { whenThisProcessDies } from "../host/watchdog.ts";
import { until } from "../process/until.ts";

export interface LaunchSettings extends Pick<HostSettings, "home" | "version" | "env"> {
  /** Arguments of the opencode command. */
  readonly args?: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
}

export interface TerminalSettings extends HostSettings, LaunchSettings {
  /** Entries of the `plugin` array of tui.json. */
  readonly terminalPlugins?: readonly (string | readonly [string, Readonly<Record<string, unknown>>])[];
}

/** opencode's terminal UI in a real terminal (tmux), driven by typing and reading the screen. */
export interface TerminalUI {
  readonly version: HostVersion;
  /** What the screen shows. */
  screen(): string;
  /** What opencode has written into the logs of its home. */
  log(): string;
  /** The screen with its colours, as escape sequences, up to the last column. */
  coloredScreen(): string;
  /** Types text as a person would. */
  type(text: string): void;
  /** Presses a key and does not wait, for what is timed. */
  send(key: string): void;
  /** Presses a key by tmux's name: `Enter`, `Escape`, `C-p`, `Down`. */
  press(key: string): Promise<void>;
  /** Presses keys that are one command together. The UI forgets the first key if the second one comes too late. */
  pressTogether(...keys: string[]): void;
  /** Waits until the screen shows a text, and returns the screen. */
  waitFor(expected: string | RegExp): Promise<string>;
  /** Waits until the cursor is in a line with this text: what is typed from then on goes there. */
  waitForCursor(text: string): Promise<void>;
  /** Waits until the prompt is empty and has the cursor. The UI loses what is typed before that. */
  waitForPrompt(): Promise<void>;
  close(): void;
}

/** A tmux of this test file's own. */
const SOCKET = `opencode-session-repair-${randomBytes(4).toString("hex")}`;

let isWatched = false;

/** How many keys and texts a wait that fails names. */
const KEYS_TOLD = 12;

/** The line of the cursor, up to the cursor. */
const EMPTY_PROMPT = /^[^┃]*┃ {1,3}$/;

function tmux(...args: string[]): string {
  const result = spawnSync("tmux", ["-L", SOCKET, ...args], { encoding: "utf8" });
  if (result.error !== undefined) throw result.error;
  return result.stdout;
}

function startInTmux(...session: string[]): void {
  if (!isWatched) whenThisProcessDies('tmux -L "$1" kill-server', SOCKET);
  isWatched = true;
  // A server that left with its last session might be asked for the next one while it leaves.
  const server = ["-f", "/dev/null", "start-server", ";", "set-option", "-g", "exit-empty", "off", ";"];
  const started = spawnSync("tmux", ["-L", SOCKET, ...server, "new-session", "-d", ...session], { encoding: "utf8" });
  if (started.status !== 0) throw started.error ?? new Error(`tmux did not start: ${started.stderr}`);
}

/** Starts the terminal UI in a home, with a configuration written for it. */
export async function openTerminalUI(settings: TerminalSettings): Promise<TerminalUI> {
  await configureHost(settings);
  const plugins = { plugin: settings.terminalPlugins ?? [] };
  await writeFile(join(settings.home.configDir, "tui.json"), JSON.stringify(plugins, null, 2));
  return startTerminalUI(settings);
}

/** Starts the terminal UI in a home that is configured already. */
export async function startTerminalUI(settings: LaunchSettings): Promise<TerminalUI> {
  const { home } = settings;
  const binary = await hostBinary(settings.version ?? home.version);
  const env = { ...home.env, ...settings.env, TERM: "xterm-256color", COLORTERM: "truecolor", NO_COLOR: "" };
  const name = `ui-${randomBytes(4).toString("hex")}`;
  const assignments = Object.entries(env).filter(([key]) => key !== "NO_COLOR");
  const command = [
    "env",
    "-i",
    ...assignments.map(([key, value]) => `${key}=${value}`),
    binary,
    ...(settings.args ?? []),
  ];
  const size = ["-x", String(settings.columns ?? 120), "-y", String(settings.rows ?? 36)];
  startInTmux("-s", name, ...size, "-c", home.project, command.map(quoted).join(" "));
  const output = join(home.root, `${name}.output`);
  tmux("pipe-pane", "-t", name, `exec cat > ${quoted(output)}`);
  const screen = () => tmux("capture-pane", "-p", "-t", name);
  const sent: string[] = [];
  const sendKeys = (...keys: string[]) => {
    sent.push(keys.join(" "));
    tmux("send-keys", "-t", name, ...keys);
  };
  const cursor = () => {
    const place = tmux("display-message", "-p", "-t", name, "#{cursor_y} #{cursor_x} #{cursor_flag}");
    const [row = 0, column = 0, flag] = place.split(" ").map(Number);
    return { line: screen().split("\n")[row] ?? "", column, isShown: flag === 1 };
  };
  const missing = (what: string) =>
    `${what}. The keys before: ${sent.slice(-KEYS_TOLD).join(" | ")}. The screen:\n${screen()}`;
  return {
    version: settings.version ?? home.version,
    screen,
    log: () => logOf(home.dataDir),
    coloredScreen: () => tmux("capture-pane", "-p", "-e", "-N", "-t", name),
    type: (text) => sendKeys("-l", text),
    send: (key) => sendKeys(key),
    async press(key) {
      sendKeys(key);
      await sleep(120);
    },
    pressTogether: (...keys) => sendKeys(...keys),
    async waitFor(expected) {
      let shown = "";
      let written = -1;
      const isThere = () => {
        // To read the screen costs two processes; as long as nothing more is written to it, it stays as it is.
        const now = bytesOf(output);
        if (now === written) return false;
        written = now;
        shown = screen();
        return typeof expected === "string" ? shown.includes(expected) : expected.test(shown);
      };
      await until(isThere, () => missing(`the screen never showed ${String(expected)}`));
      return shown;
    },
    async waitForCursor(text) {
      await until(
        () => cursor().line.includes(text),
        () => missing(`the cursor never came to "${text}"`),
      );
    },
    async waitForPrompt() {
      const isThere = () => {
        const { line, column, isShown } = cursor();
        return isShown && EMPTY_PROMPT.test(line.slice(0, column).padEnd(column));
      };
      await until(isThere, () => missing("the cursor never came to an empty prompt"));
    },
    close() {
      const pid = Number(tmux("display-message", "-p", "-t", name, "#{pane_pid}"));
      tmux("kill-session", "-t", name);
      // 1.1.65 outlives the loss of its terminal.
      if (pid > 0) killQuietly(pid);
    },
  };
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function logOf(dataDir: string): string {
  const folder = join(dataDir, "log");
  if (!existsSync(folder)) return "";
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has left by itself.
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
