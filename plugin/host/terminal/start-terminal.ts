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
import { askUser, changesText, openRepairDialog, repairFindings, showText } from "./dialogs.ts";
import { SessionGuard } from "./session-guard.ts";
import { openForLooks, requestContext } from "./store-access.ts";
import { sessionSentence } from "./words.ts";

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
    lines.push(`${doneWords(done, "damaged record", where)}, so that opencode can open it again.`);
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
  const command = {
    namespace: "palette",
    name: "session-repair.open",
    title: "Repair conversations",
    desc: "open conversations that will not load",
    category: "Session",
    run: () => void run().catch(() => undefined),
  };
  const slash = (await serverOffersRepair(api)) ? {} : { slashName: "repair" };
  api.keymap.registerLayer({ commands: [{ ...command, ...slash }] });
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
    try {
      if (!guard.seemsDamaged(sessionID)) return;
    } catch {
      return;
    }
    api.route.navigate("home");
    queueMicrotask(() => void mendAndReturn(api, settings, guard, sessionID).catch(() => undefined));
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
  const open = () => api.route.navigate("session", { sessionID });
  const findings = await guard.damageOf(sessionID);
  if (findings.length === 0) {
    guard.letPass(sessionID);
    return open();
  }
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
    const done = result.items.filter((item) => item.action !== "skipped");
    api.ui.dialog.clear();
    if (result.stopped !== null) return showText(api, "Session repair", result.stopped.message);
    const message = `${doneWords(done, "damaged record", " of this conversation")}. Nothing was deleted; /repair undoes it.`;
    api.ui.toast({ variant: "success", title: "Session repair", message, duration: TOAST_MS });
    open();
  };
  const kept = await keptByUser(context.files, context.located.dataDir);
  const wasPutBack = mendable.some((finding) => kept.has(keptKey(finding, finding.seen)));
  if (settings.preload === "repair" && !wasPutBack && mendable.every(isDoneUnasked)) return mend();
  const question = `${sessionSentence(findings)} ${sentence(toDoWords(mendable))} and open it? Nothing is deleted.${changesText(mendable)}`;
  askUser(api, "This conversation cannot be opened", question, mend, () => api.ui.dialog.clear());
}
