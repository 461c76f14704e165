import { setTimeout as sleep } from "node:timers/promises";
import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import type { ReadSettings } from "../../configuration/options.ts";
import { SLASH_PURPOSE } from "../../tool-identity.ts";
import { NO_STORAGE } from "../../words/answers/common.ts";
import { leavePlace, takePlace } from "../one-instance.ts";
import { isUnderstood, type RepairRequest, readRequest } from "../repair-request.ts";
import { EXECUTED, SERVER_TELLS, TERMINAL_IS_THERE } from "../terminal-half.ts";
import { showDefect, showText } from "./dialog-parts.ts";
import { serverCommands } from "./server-commands.ts";
import { SessionGuard } from "./session-guard.ts";
import { guardSessions } from "./session-opening.ts";
import { openForLooks, requestContext } from "./store-access.ts";
import { terminalSettings } from "./terminal-options.ts";
import { answerTyped } from "./typed-command.ts";

const SLASH = "repair";
const NAME = "session-repair.open";
const TITLE = "Repair sessions";
const CATEGORY = "Session";

const TOAST_MS = 10_000;

/**
 * The server half answers this question at once. The question is sent at most this often, with this pause in
 * milliseconds.
 */
const MOST_QUESTIONS = 5;
const ANSWER_MS = 1000;

/** After this time, in milliseconds, the terminal UI is on the screen. It waits for its plugins. */
const LOOK_AHEAD_DELAY_MS = 100;

/** Sets up the terminal half: the command with its dialog, and the guard that checks sessions when they are opened. */
export async function startTerminal(api: TuiPluginApi, options: unknown, spec: unknown): Promise<void> {
  // With `attach`, the store is on the server's machine. The server half there answers.
  if (process.argv.includes("attach")) return;
  if (!takePlace(api.renderer)) return;
  api.lifecycle.onDispose(() => leavePlace(api.renderer));
  const reading = terminalSettings(api, options, spec);
  const commands = serverCommands(api);
  void registerDialog(api, reading, commands).catch(() => undefined);
  const { settings, warnings, isOwn } = await reading;
  const told = settings.notify ? hearServerHalf(api, commands) : null;
  if (warnings.length > 0 && told !== null) {
    void told.then((serverTells) => (isOwn || !serverTells) && showWarnings(api, warnings)).catch(() => undefined);
  }
  if (settings.preload === "off") return;
  const context = await requestContext(api.app.version, settings.concurrency);
  const store = context === null ? null : await openForLooks(context);
  if (context === null || store === null) return;
  const guard = new SessionGuard(store);
  api.lifecycle.onDispose(() => guard.close());
  guardSessions({ api, settings, guard, hostAnswers: commands });
  setTimeout(() => void guard.lookAhead().catch(() => undefined), LOOK_AHEAD_DELAY_MS).unref();
  const tellInstead = async (serverTells: boolean) => {
    if (serverTells) return;
    const { tellOfStart } = await import("./start-deeds.ts");
    await tellOfStart(api, context, guard);
  };
  void told?.then(tellInstead).catch(() => undefined);
}

/**
 * Whether the server half can report its work at the start. The server half learns that the user sees toasts from now
 * on. The question is repeated, because an early request may get lost.
 */
async function hearServerHalf(api: TuiPluginApi, hostAnswers: Promise<unknown>): Promise<boolean> {
  const hearing = new AbortController();
  const stop = api.event.on(EXECUTED, ({ properties }) => {
    if (properties.command === SERVER_TELLS) hearing.abort();
  });
  try {
    await hostAnswers;
    for (let asked = 0; asked < MOST_QUESTIONS && !hearing.signal.aborted; asked += 1) {
      const body = { type: EXECUTED, properties: { command: TERMINAL_IS_THERE } } as const;
      void api.client.tui.publish({ body }).catch(() => undefined);
      await sleep(ANSWER_MS, undefined, { signal: hearing.signal }).catch(() => undefined);
    }
    return hearing.signal.aborted;
  } finally {
    stop();
  }
}

function showWarnings(api: TuiPluginApi, warnings: readonly string[]): void {
  api.ui.toast({ variant: "warning", title: "Session repair", message: warnings.join(" "), duration: TOAST_MS });
}

/**
 * If the server half also offers `/repair`, this half offers only its palette entry, so that there is one `/repair`.
 */
async function registerDialog(
  api: TuiPluginApi,
  reading: Promise<ReadSettings>,
  commands: Promise<readonly string[]>,
): Promise<void> {
  const run = async (request: RepairRequest) => {
    const { settings } = await reading;
    const context = await requestContext(api.app.version, settings.concurrency);
    if (context === null) return showText(api, "Session repair", NO_STORAGE);
    // Most starts need no dialog, and opencode waits until its plugins are loaded.
    const { carryOut } = await import("./typed-request.ts");
    await carryOut(request, { api, context });
  };
  const begin = (request: RepairRequest) => void run(request).catch(() => showDefect(api));
  const open = () => begin({ what: "check", sessionID: null });
  let isSlash = true;
  answerTyped(api, {
    name: SLASH,
    isOurs: () => isSlash,
    answer(words) {
      begin(readRequest(words));
      return isUnderstood(words);
    },
  });
  isSlash = !(await commands).includes(SLASH);
  const { keymap, command } = api;
  // 1.3.6 to 1.14 have only the older API for commands (measured 1.14.41).
  if (typeof keymap?.registerLayer !== "function") {
    const slash = isSlash ? { slash: { name: SLASH } } : {};
    command?.register(() => [
      { title: TITLE, value: NAME, description: SLASH_PURPOSE, category: CATEGORY, onSelect: open, ...slash },
    ]);
    return;
  }
  const slash = isSlash ? { slashName: SLASH } : {};
  const own = {
    namespace: "palette",
    name: NAME,
    title: TITLE,
    desc: SLASH_PURPOSE,
    category: CATEGORY,
    run: open,
    ...slash,
  };
  keymap.registerLayer({ commands: [own] });
}
