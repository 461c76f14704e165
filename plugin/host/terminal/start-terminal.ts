import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import { nodeFileSystem } from "../../files/file-system.ts";
import { ACTION } from "../../repair/apply.ts";
import { doneWords, plural } from "../../repair/words.ts";
import { TOOL } from "../../tool-identity.ts";
import { findOptions, type PluginSettings, readSettings } from "../options.ts";
import type { RequestContext } from "../repair-request.ts";
import { openRepairDialog, showText } from "./dialogs.ts";
import { serverCommands } from "./server-commands.ts";
import { SessionGuard } from "./session-guard.ts";
import { guardSessions } from "./session-opening.ts";
import { deedsOfStart } from "./start-deeds.ts";
import { openForLooks, requestContext } from "./store-access.ts";

const SLASH = "repair";
const NAME = "session-repair.open";
const TITLE = "Repair conversations";
const DESCRIPTION = "open conversations that will not load";
const CATEGORY = "Session";

const TOAST_MS = 10_000;

/** The terminal UI is on the screen by then, in milliseconds; it waits for its plugins. */
const LOOK_AHEAD_DELAY_MS = 100;

/** Sets the terminal half up: the command with its dialog, and the guard that looks at sessions as they are opened. */
export async function startTerminal(api: TuiPluginApi, options: unknown): Promise<void> {
  // With `attach` the store is on the server's machine; its own half answers there.
  if (process.argv.includes("attach")) return;
  const given = options ?? optionsInConfig(api);
  const { settings } = readSettings(await findOptions(given, nodeFileSystem, process.env));
  const commands = serverCommands(api);
  void registerDialog(api, settings, commands).catch(() => undefined);
  if (settings.preload === "off") return;
  const context = await requestContext(api.app.version, settings.concurrency);
  const store = context === null ? null : await openForLooks(context);
  if (context === null || store === null) return;
  const guard = new SessionGuard(store);
  api.lifecycle.onDispose(() => guard.close());
  guardSessions({ api, settings, guard, hostAnswers: commands });
  setTimeout(() => void guard.lookAhead().catch(() => undefined), LOOK_AHEAD_DELAY_MS).unref();
  if (settings.notify) void tellOfStart(api, context, guard).catch(() => undefined);
}

/** The server half, which starts first, may have mended something before there was a screen; or it was told only to look. */
async function tellOfStart(api: TuiPluginApi, context: RequestContext, guard: SessionGuard): Promise<void> {
  const processStart = Date.now() - process.uptime() * 1000;
  const { sessions, remedies } = await deedsOfStart(context.files, context.located.dataDir, processStart);
  const done = remedies.map((remedy) => ({ action: ACTION[remedy] }));
  const lists = await guard.damagedLists();
  const lines: string[] = [];
  if (done.length > 0) {
    const where = ` of ${plural(sessions, "conversation")}`;
    lines.push(
      `${doneWords(done, "damaged record", where)}, so that opencode can open ${sessions === 1 ? "it" : "them"} again.`,
    );
    lines.push("Nothing was deleted; /repair undoes it.");
  }
  if (lists.length > 0) {
    const [keep, them] = lists.length === 1 ? ["keeps", "it"] : ["keep", "them"];
    lines.push(
      `${plural(lists.length, "damaged record")} ${keep} the session list from loading. Type /repair to mend ${them}.`,
    );
  }
  if (lines.length === 0) return;
  const variant = lists.length > 0 ? "warning" : "success";
  api.ui.toast({ variant, title: "Session repair", message: lines.join(" "), duration: TOAST_MS });
}

/** The options that the server half was given: users write them once, in opencode.json. */
function optionsInConfig(api: TuiPluginApi): unknown {
  const entries: unknown = api.state.config.plugin;
  if (!Array.isArray(entries)) return undefined;
  const own = entries.find((entry: unknown) => Array.isArray(entry) && String(entry[0]).includes(TOOL.name));
  return Array.isArray(own) ? own[1] : undefined;
}

/** Where the server half offers `/repair` all the same, this half keeps to the palette: one `/repair`, not two. */
async function registerDialog(
  api: TuiPluginApi,
  settings: PluginSettings,
  commands: Promise<readonly string[]>,
): Promise<void> {
  const run = async () => {
    const context = await requestContext(api.app.version, settings.concurrency);
    if (context === null) return showText(api, "Session repair", "There is no opencode storage here.");
    await openRepairDialog({ api, context });
  };
  const open = () => void run().catch(() => undefined);
  const isSlash = !(await commands).includes(SLASH);
  const { keymap, command } = api;
  // 1.3.6 to 1.14 have the older way only (measured 1.14.41).
  if (typeof keymap?.registerLayer !== "function") {
    const slash = isSlash ? { slash: { name: SLASH } } : {};
    command?.register(() => [
      { title: TITLE, value: NAME, description: DESCRIPTION, category: CATEGORY, onSelect: open, ...slash },
    ]);
    return;
  }
  const slash = isSlash ? { slashName: SLASH } : {};
  const own = {
    namespace: "palette",
    name: NAME,
    title: TITLE,
    desc: DESCRIPTION,
    category: CATEGORY,
    run: open,
    ...slash,
  };
  keymap.registerLayer({ commands: [own] });
}
