import { setTimeout as sleep } from "node:timers/promises";
import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import type { ReadSettings } from "../../configuration/options.ts";
import { SLASH_PURPOSE } from "../../tool-identity.ts";
import { NO_STORAGE } from "../../words/answers/common.ts";
import { leavePlace, takePlace } from "../one-instance.ts";
import { isUnderstood, type RepairRequest, readRequest } from "../repair-request.ts";
import { EXECUTED, SERVER_TELLS, TERMINAL_IS_THERE } from "../terminal-half.ts";
import { showAlert, showDefect } from "./dialog-parts.ts";
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
 * The terminal half asks the server half whether it is there, at most this many times. After each question, it waits
 * {@link ANSWER_MS} milliseconds for the answer.
 */
const MOST_QUESTIONS = 5;
const ANSWER_MS = 1000;

/**
 * Sessions are checked in advance only after this time, in milliseconds. By then the terminal UI is on the screen.
 * Earlier checks would delay it, because it waits until its plugins have started.
 */
const LOOK_AHEAD_DELAY_MS = 100;

/** Sets up the terminal half: the command with its dialog, and the guard that checks sessions when they are opened. */
export async function startTerminal(api: TuiPluginApi, options: unknown, spec: unknown): Promise<void> {
  // `opencode attach` connects to a server that already runs, perhaps on another machine. That server has the sessions,
  // and the plugin in that server answers.
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
 * Tells the server half that the user sees toasts from now on. Returns whether the server half answers: then it shows
 * the messages about the start. The request is repeated, because an early request may get lost.
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
 * Registers `/repair` and its dialog. If the server half also offers `/repair`, only the entry in the command palette
 * is registered, so that the user sees one `/repair`.
 */
async function registerDialog(
  api: TuiPluginApi,
  reading: Promise<ReadSettings>,
  commands: Promise<readonly string[]>,
): Promise<void> {
  const run = async (request: RepairRequest) => {
    const { settings } = await reading;
    const context = await requestContext(api.app.version, settings.concurrency);
    if (context === null) return showAlert(api, "Session repair", NO_STORAGE);
    // The dialog is loaded on demand, because opencode waits until its plugins are loaded, and most starts need no
    // dialog.
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
  // opencode 1.3.6 to 1.14 have only the older API for commands (measured 1.14.41).
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
