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
  /** The arguments of the opencode command. */
  readonly args?: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
}

export interface TerminalSettings extends HostSettings, LaunchSettings {
  /** The entries of the `plugin` array of tui.json. */
  readonly terminalPlugins?: readonly (string | readonly [string, Readonly<Record<string, unknown>>])[];
}

/** opencode's terminal UI in a real terminal (tmux). A test types text and reads the screen. */
export interface TerminalUI {
  readonly version: HostVersion;
  /** The text on the screen. */
  screen(): string;
  /** The text of the log files in the home of this opencode. */
  log(): string;
  /** The screen up to its last column. Colours are escape sequences. */
  coloredScreen(): string;
  /** Types text as a person would. */
  type(text: string): void;
  /** Presses a key without waiting. Use it if the time matters. */
  send(key: string): void;
  /** Presses a key by its tmux name: `Enter`, `Escape`, `C-p`, `Down`. */
  press(key: string): Promise<void>;
  /**
   * Presses several keys that together are one command. The UI forgets the first key if the second one comes too late.
   */
  pressTogether(...keys: string[]): void;
  /** Waits until the screen shows the expected text, and returns the screen. */
  waitFor(expected: string | RegExp): Promise<string>;
  /** Waits until the cursor is in a line with this text. Text that is typed afterwards goes to this line. */
  waitForCursor(text: string): Promise<void>;
  /** Waits until the prompt is empty and has the cursor. The UI loses text that is typed before that. */
  waitForPrompt(): Promise<void>;
  close(): void;
}

/** The name of the tmux server that only this test file uses. */
const SOCKET = `opencode-session-repair-${randomBytes(4).toString("hex")}`;

let isWatched = false;

/** The number of recent keys and texts in the error message of a wait that fails. */
const KEYS_TOLD = 12;

/** Matches the part of the cursor's line before the cursor, if the prompt is empty. */
const EMPTY_PROMPT = /^[^┃]*┃ {1,3}$/;

function tmux(...args: string[]): string {
  const result = spawnSync("tmux", ["-L", SOCKET, ...args], { encoding: "utf8" });
  if (result.error !== undefined) throw result.error;
  return result.stdout;
}

function startInTmux(...session: string[]): void {
  if (!isWatched) whenThisProcessDies('tmux -L "$1" kill-server', SOCKET);
  isWatched = true;
  // By default, a tmux server exits with its last session. It might then get a new request while it exits.
  const server = ["-f", "/dev/null", "start-server", ";", "set-option", "-g", "exit-empty", "off", ";"];
  const started = spawnSync("tmux", ["-L", SOCKET, ...server, "new-session", "-d", ...session], { encoding: "utf8" });
  if (started.status !== 0) throw started.error ?? new Error(`tmux did not start: ${started.stderr}`);
}

/** Writes the configuration of a home, and starts the terminal UI in this home. */
export async function openTerminalUI(settings: TerminalSettings): Promise<TerminalUI> {
  await configureHost(settings);
  const plugins = { plugin: settings.terminalPlugins ?? [] };
  await writeFile(join(settings.home.configDir, "tui.json"), JSON.stringify(plugins, null, 2));
  return startTerminalUI(settings);
}

/** Starts the terminal UI in a home that already has a configuration. */
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
        // Reading the screen costs two processes. The screen cannot change unless the UI writes something.
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
      // 1.1.65 keeps running after it has lost its terminal.
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
    // The process has already exited.
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
