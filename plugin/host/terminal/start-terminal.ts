import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import { nodeFileSystem } from "../../files/file-system.ts";
import { storedRuns } from "../../quarantine/vault.ts";
import { ACTION } from "../../repair/apply.ts";
import { isDoneUnasked, isMendable, keptKey } from "../../repair/plan.ts";
import { keptByUser } from "../../repair/repair.ts";
import { doneWords, plural, sentence, toDoWords } from "../../repair/words.ts";
import { TOOL } from "../../tool-identity.ts";
import { findOptions, type PluginSettings, readSettings } from "../options.ts";
import type { RequestContext } from "../repair-request.ts";
import { askUser, changesText, openRepairDialog, repairFindings, showDefect, showText } from "./dialogs.ts";
import { type Look, SessionGuard } from "./session-guard.ts";
import { openForLooks, requestContext } from "./store-access.ts";
import { sessionSentence } from "./words.ts";

const SLASH = "repair";
const NAME = "session-repair.open";
const TITLE = "Repair conversations";
const DESCRIPTION = "open conversations that will not load";
const CATEGORY = "Session";

const TOAST_MS = 10_000;

/** The terminal UI is on the screen by then, in milliseconds; it waits for its plugins. */
const WARM_UP_DELAY_MS = 100;

/** Sets the terminal half up: the command with its dialog, and the guard that looks at sessions as they are opened. */
export async function startTerminal(api: TuiPluginApi, options: unknown): Promise<void> {
  // With `attach` the store is on the server's machine; its own half answers there.
  if (process.argv.includes("attach")) return;
  const given = options ?? optionsInConfig(api);
  const { settings } = readSettings(await findOptions(given, nodeFileSystem, process.env));
  await registerDialog(api, settings);
  if (settings.preload === "off") return;
  const context = await requestContext(api.app.version, settings.concurrency);
  const store = context === null ? null : await openForLooks(context);
  if (context === null || store === null) return;
  const guard = new SessionGuard(store);
  api.lifecycle.onDispose(() => guard.close());
  guardSessions(api, settings, guard);
  setTimeout(() => void guard.warmUp().catch(() => undefined), WARM_UP_DELAY_MS).unref();
  if (settings.notify) void tellOfStart(api, context, guard).catch(() => undefined);
}

/** The server half, which starts first, may have mended something before there was a screen; or it was told only to look. */
async function tellOfStart(api: TuiPluginApi, context: RequestContext, guard: SessionGuard): Promise<void> {
  const processStart = Date.now() - process.uptime() * 1000;
  const runs = (await storedRuns(context.files, context.located.dataDir)).filter(
    (run) => run.ok && run.manifest.trigger === "preload" && Date.parse(run.manifest.createdAt) >= processStart,
  );
  const items = runs.flatMap((run) => (run.ok ? run.manifest.items : [])).filter((item) => item.state === "done");
  const done = items.map((item) => ({ action: ACTION[item.remedy] }));
  const lists = await guard.damagedLists();
  const lines: string[] = [];
  if (items.length > 0) {
    const where = ` of ${plural(runs.length, "conversation")}`;
    lines.push(
      `${doneWords(done, "damaged record", where)}, so that opencode can open ${runs.length === 1 ? "it" : "them"} again.`,
    );
    lines.push("Nothing was deleted; /repair undoes it.");
  }
  if (lists.length > 0) lines.push(`${plural(lists.length, "record")} keep the session list from loading: /repair.`);
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

async function registerDialog(api: TuiPluginApi, settings: PluginSettings): Promise<void> {
  const run = async () => {
    const context = await requestContext(api.app.version, settings.concurrency);
    if (context === null) return showText(api, "Session repair", "There is no opencode storage here.");
    await openRepairDialog({ api, context, changed: () => undefined });
  };
  const open = () => void run().catch(() => undefined);
  const isSlash = !(await serverOffersRepair(api));
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

/** Where the server half offers `/repair` all the same, this half keeps to the palette: one `/repair`, not two. */
async function serverOffersRepair(api: TuiPluginApi): Promise<boolean> {
  try {
    const { data } = await api.client.command.list();
    return data?.some((command) => command.name === "repair") ?? false;
  } catch {
    return false;
  }
}

/**
 * Registers a slot that is rendered when a session view opens, before the view fetches the messages. A session that
 * cannot be loaded is left at once, mended or asked about, and opened again: opencode fetches its messages only once.
 */
function guardSessions(api: TuiPluginApi, settings: PluginSettings, guard: SessionGuard): void {
  const onOpen = (sessionID: string) => {
    if (!sessionID) return;
    let look: Look;
    try {
      look = guard.look(sessionID);
    } catch {
      return;
    }
    if (look === "loads") return;
    api.route.navigate("home");
    if (look === "long") {
      api.ui.toast({ variant: "info", title: "Session repair", message: "Checking this long conversation …" });
    }
    queueMicrotask(() => void mendAndReturn(api, settings, guard, sessionID).catch(() => showDefect(api)));
  };
  api.slots.register({
    slots: {
      session_prompt_right(_context: unknown, props: { readonly session_id: string }) {
        onOpen(props.session_id);
        return null;
      },
    },
  });
}

async function mendAndReturn(
  api: TuiPluginApi,
  settings: PluginSettings,
  guard: SessionGuard,
  sessionID: string,
): Promise<void> {
  const open = () => {
    guard.letThrough(sessionID);
    // A long check may find the user elsewhere by its end.
    if (api.route.current.name === "home") api.route.navigate("session", { sessionID });
  };
  // What cannot be checked is opencode's to open or to refuse.
  const findings = await guard.damageOf(sessionID).catch(() => []);
  if (findings.length === 0) return open();
  const context = await requestContext(api.app.version, settings.concurrency);
  const mendable = findings.filter(isMendable);
  if (context === null || mendable.length < findings.length) {
    return showText(
      api,
      "This conversation cannot be opened",
      `${sessionSentence(findings)} /repair shows the details.`,
    );
  }
  const mend = async () => {
    const result = await repairFindings(context, mendable);
    api.ui.dialog.clear();
    // Opened again while it is still damaged, it would be left again, without end.
    if ((await guard.damageOf(sessionID)).length > 0) {
      const reason = result.stopped?.message ?? result.items.find((item) => item.action === "skipped")?.reason;
      return showText(api, "This conversation cannot be opened", `Not everything could be done. ${reason ?? ""}`);
    }
    const done = result.items.filter((item) => item.action !== "skipped");
    // Where nothing was left to do, the server half has mended it meanwhile, and says so.
    if (done.length > 0) {
      const message = `${doneWords(done, "damaged record", " of this conversation")}. Nothing was deleted; /repair undoes it.`;
      api.ui.toast({ variant: "success", title: "Session repair", message, duration: TOAST_MS });
    }
    open();
  };
  const kept = await keptByUser(context.files, context.located.dataDir);
  const wasPutBack = mendable.some((finding) => kept.has(keptKey(finding, finding.seen)));
  if (settings.preload === "repair" && !wasPutBack && mendable.every(isDoneUnasked)) return mend();
  const question = `${sessionSentence(findings)} ${sentence(toDoWords(mendable))} and open it? Nothing is deleted.${changesText(mendable)}`;
  askUser(api, "This conversation cannot be opened", question, mend, () => api.ui.dialog.clear());
}
