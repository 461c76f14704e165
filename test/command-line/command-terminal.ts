import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { whenThisProcessDies } from "../host/watchdog.ts";
import { until } from "../process/until.ts";

/** A command that runs in a real terminal (tmux) and gets keys from the test. */
export interface CommandTerminal {
  screen(): string;
  /** Everything that the command printed. `styled` keeps the escape sequences for colours. Wrapped lines are joined. */
  everything(styled: boolean): string;
  /** Presses keys. Their names are those of tmux, such as `C-c` and `Enter`. */
  press(...keys: string[]): void;
  /** Waits until the screen shows a text, and returns the screen. */
  waitFor(expected: string | RegExp): Promise<string>;
  /** Waits for the end of the command, and returns its exit status. */
  status(): Promise<number>;
  close(): void;
}

const SOCKET = `opencode-session-repair-${randomBytes(4).toString("hex")}`;

function tmux(...args: string[]): string {
  const { error, stdout } = spawnSync("tmux", ["-L", SOCKET, ...args], { encoding: "utf8" });
  if (error !== undefined) throw error;
  return stdout;
}

let isWatched = false;

/** Starts a command. Its environment contains only the given variables. */
export function startInTerminal(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  columns = 160,
): CommandTerminal {
  if (!isWatched) whenThisProcessDies('tmux -L "$1" kill-server', SOCKET);
  isWatched = true;
  const name = `command-${randomBytes(4).toString("hex")}`;
  const assignments = Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  // Ctrl-C also reaches this shell. With the `trap`, the shell does not end.
  const script = 'trap : INT; "$@"; printf "\\nstatus=%s." "$?"; exec sleep 3600';
  const shell = ["env", "-i", ...assignments, "TERM=xterm-256color", "sh", "-c", script, "sh", ...command];
  // Without `exit-empty off`, the tmux server ends with its last session. The next session could then reach a server
  // that is just ending.
  const server = ["-f", "/dev/null", "start-server", ";", "set-option", "-g", "exit-empty", "off", ";"];
  tmux(...server, "new-session", "-d", "-s", name, "-x", String(columns), "-y", "50", ...shell);
  const screen = () => tmux("capture-pane", "-p", "-J", "-t", name);
  const waitFor = async (expected: string | RegExp): Promise<string> => {
    let shown = "";
    const isThere = () => {
      shown = screen();
      return typeof expected === "string" ? shown.includes(expected) : expected.test(shown);
    };
    await until(isThere, () => `The terminal does not show ${expected}:\n${shown}`);
    return shown;
  };
  return {
    screen,
    everything: (styled) => tmux("capture-pane", "-p", "-J", "-S", "-", ...(styled ? ["-e"] : []), "-t", name),
    waitFor,
    press: (...keys) => void tmux("send-keys", "-t", name, "--", ...keys),
    async status() {
      return Number(/status=(\d+)\./.exec(await waitFor(/status=\d+\./))?.[1]);
    },
    close: () => void tmux("kill-session", "-t", name),
  };
}
